"""What people decide, as fast as it goes: a consent on its screen, and taking something away from one.

Real forms by real HTTP: each screen is opened first and not counted, then all answers are sent at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from tests.bench import load
from tests.forms import form_of

DECISIONS = 200
CSRF = re.compile(rb"set-cookie: ([^=;]*csrf[^=;]*=[^;]*)", re.IGNORECASE)


def decisions(port: int, seeded: dict[str, Any]) -> load.Measured:
    """Allow what an agent asks, each time for another purpose, so that nothing is superseded."""
    return load.run(port, iter(list(_answers(port, seeded))), seconds=60, good=lambda answer: b" 303 " in answer[:20])


def narrowings(port: int, seeded: dict[str, Any]) -> load.Measured:
    """Take one of two permissions away from consents that stand."""
    page, cookie = _open(port, f"/consents/{seeded['wide'][0]}/narrow/", seeded["person"])
    token = form_of(page)["csrfmiddlewaretoken"][0]
    body = urlencode({"csrfmiddlewaretoken": token, "keep": seeded["kept_scope"], "reason": "Less."})
    requests = [load.post(f"/consents/{wide}/narrow/", body, port, cookie=cookie) for wide in seeded["wide"]]
    return load.run(port, iter(requests), seconds=60, good=lambda answer: b" 302 " in answer[:20])


def _answers(port: int, seeded: dict[str, Any]) -> Iterator[bytes]:
    for number in range(DECISIONS):
        asked = {
            "response_type": "code",
            "client_id": seeded["assistant_id"],
            "redirect_uri": "https://app.st-anna.example/callback",
            "scope": "calendar:read",
            "state": "s",
            "code_challenge": seeded["challenge"],
            "code_challenge_method": "S256",
            "purpose": f"Plan week {number}",
        }
        page, cookie = _open(port, f"/oauth/authorize?{urlencode(asked)}", seeded["person"])
        form = {**form_of(page), "decision": ["allow"]}
        yield load.post("/oauth/authorize/decision", urlencode(form, doseq=True), port, cookie=cookie)


def _open(port: int, path: str, cookie: str) -> tuple[Any, str]:
    """Return a page with its form, and the cookies with which to answer it."""
    seen: list[bytes] = []

    def good(answer: bytes) -> bool:
        seen.append(answer)
        return answer.startswith(b"HTTP/1.1 200")

    opened = load.run(port, iter([load.get(path, port, cookie)]), connections=1, good=good)
    if opened.errors:
        raise SystemExit(f"{path} did not open: {seen[0][:200]!r}")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    crossed = CSRF.search(head)
    return SimpleNamespace(content=body), f"{cookie}; {crossed[1].decode()}" if crossed else cookie
