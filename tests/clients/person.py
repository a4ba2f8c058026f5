"""A person at a browser that is only HTTP: opens the address that a client printed, signs in, reads, decides, is sent back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from agents.models import User
from tests import builders
from tests.consent.asking import DECIDE
from tests.forms import Fields, form_of

TIMEOUT = 20


class Page:
    """What requests got, as ``form_of`` reads it."""

    def __init__(self, got: requests.Response) -> None:
        assert got.status_code == 200, got.text[:500]
        self.content, self.headers, self.charset = got.content, got.headers, "utf-8"

    def fields(self, **changed: Any) -> dict[str, Any]:
        return {**form_of(self), **changed}


def person_decides(
    address: str,
    person: User,
    *,
    decision: str = "allow",
    changing: Callable[[Fields], Fields] = dict,
) -> str:
    """Somebody without a session opens the address, signs in, reads, decides, and is sent back. Returns where to.

    Where Mandate remembers what they allowed, they are sent back without a screen.

    changing: what the person makes of the fields of the screen before they send it. They confirm the purpose if asked to.
    """
    server = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    origin = {"Origin": server}
    browser = requests.Session()
    page = Page(browser.get(address, timeout=TIMEOUT))  # leads to the sign-in
    form = page.fields(login=person.email, password=builders.PASSWORD)
    answer = browser.post(f"{server}/account/login/", data=form, timeout=TIMEOUT, headers=origin, allow_redirects=False)
    while answer.is_redirect:
        onward = urljoin(server, answer.headers["Location"])
        if not onward.startswith(f"{server}/"):
            return onward
        answer = browser.get(onward, timeout=TIMEOUT, allow_redirects=False)
    screen = Page(answer)
    confirms = {"purpose_ok": ["on"]} if b'name="purpose_ok"' in screen.content else {}
    form = changing(screen.fields(decision=decision, **confirms))
    back = browser.post(f"{server}{DECIDE}", data=form, timeout=TIMEOUT, allow_redirects=False, headers=origin)
    assert back.status_code == 303, back.text[:500]
    return back.headers["Location"]
