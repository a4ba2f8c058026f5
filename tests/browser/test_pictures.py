"""Pictures of every page, light and dark, at 1280 and 390 pixels: to be looked at beside the design.

They go into the folder that MANDATE_TEST_PICTURES names, otherwise into ``pictures`` in the data folder of this run. A page that
fails, complains or scrolls sideways fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings

from tests.browser.at_browser import IS_TOO_WIDE, PHONE, WIDE, AtBrowser
from tests.browser.every_page import Found, walk
from tests.grants import Pkce

pytestmark = [pytest.mark.pictures, pytest.mark.timeout(900)]

LOOKS: list[tuple[str, tuple[int, int], Any]] = [
    ("1280-light", WIDE, "light"),
    ("1280-dark", WIDE, "dark"),
    ("390-light", PHONE, "light"),
    ("390-dark", PHONE, "dark"),
]
BEFORE_SIGN_IN = {
    "sign-in": "/account/login/",
    "password-reset": "/account/password/reset/",
    "sign-up": "/account/signup/",
    "deactivated": "/account/inactive/",
    "setup-without-link": "/setup/",
    "invitation-without-link": "/invitation/",
    "unknown-client": "/oauth/authorize",
}


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the pictures go."""
    named = os.environ.get("MANDATE_TEST_PICTURES")
    folder = Path(named) if named else Path(settings.DATA_DIR) / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shoot(person: AtBrowser, pages: Iterable[Found], folder: Path) -> int:
    """Take four pictures of each page. Returns of how many pages."""
    taken = 0
    for found in pages:
        answer = person.page.goto(found.path)
        assert answer is not None
        assert answer.status < 500, f"{found.path} answers {answer.status}"
        for look, (width, height), theme in LOOKS:
            person.page.set_viewport_size({"width": width, "height": height})
            person.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            assert not person.page.evaluate(IS_TOO_WIDE), f"{found.path} scrolls sideways at {width}"
            person.page.screenshot(path=folder / f"{found.label}.{look}.png", full_page=True)
        taken += 1
    return taken


def consent_screen(person: AtBrowser, agents: str, name: str) -> str:
    """The address to which this agent of the demonstration sends people."""
    person.opens(agents).follows(name).opens(f"{person.page.url}clients/")
    parameters = {
        "response_type": "code",
        "client_id": person.fact("Client id"),
        "redirect_uri": person.fact("People return to"),
        "code_challenge": Pkce().challenge,
        "code_challenge_method": "S256",
        "state": "a-state",
    }
    return f"/oauth/authorize?{urlencode(parameters)}"


def test_the_pages_of_an_administrator(somebody_of_demo, folder):
    mara = somebody_of_demo("mara.keller")
    pages, _ = walk(mara.context)
    assert shoot(mara, pages, folder) > 80


def test_the_pages_of_somebody_for_whom_agents_act(somebody_of_demo, folder):
    asked = consent_screen(somebody_of_demo("mara.keller"), "/agents/", "Discharge Assistant")
    weber = somebody_of_demo("jonas.weber")
    pages, _ = walk(weber.context, start=("/my-agents/",))
    own = [Found(f"weber-{found.route}", found.variant, found.path) for found in pages if "account" not in found.route]
    assert shoot(weber, [*own, Found("consent-screen", "", asked)], folder) > 5


def test_the_pages_of_an_owner_and_of_an_auditor(somebody_of_demo, folder):
    for who in ("ana.duarte", "omar.haddad"):
        person = somebody_of_demo(who)
        pages, _ = walk(person.context)
        name = who.partition(".")[0]
        first = [Found(f"{name}-{found.route}", found.variant, found.path) for found in pages if found.number == 1]
        assert shoot(person, [found for found in first if "account" not in found.route], folder) > 8


def test_the_pages_before_signing_in(somebody_of_demo, folder):
    assert shoot(somebody_of_demo(""), [Found(name, "", path) for name, path in BEFORE_SIGN_IN.items()], folder)
