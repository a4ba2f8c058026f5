"""A browser whose person proved who they are at some time, in some way; and one who proves it again where they are led."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY as RECORDS
from allauth.mfa.models import Authenticator
from django.test import Client as Browser

from agents.models import User
from tests import builders

_WAYS: dict[str, dict[str, Any]] = {
    "password": {"method": "password"},
    "totp": {"method": "mfa", "type": "totp"},
    "recovery": {"method": "mfa", "type": "recovery_codes"},
    "passkey": {"method": "mfa", "type": "webauthn", "passwordless": True},
}


def signed_in(
    person: User, *, ago: timedelta = timedelta(0), by: str = "password", then: str = "", passkey: bool = False
) -> Browser:
    """A browser signed in so long ago by one way, and then by another. passkey: they have one, used or not."""
    if passkey and not Authenticator.objects.filter(user=person).exists():
        Authenticator.objects.create(user=person, type=Authenticator.Type.WEBAUTHN, data={"name": "laptop"})
    browser = builders.browser(person)
    session = browser.session
    at = time.time() - ago.total_seconds()
    session[RECORDS] = [{**_WAYS[way], "at": at + place} for place, way in enumerate(filter(None, (by, then)))]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    return browser


def sign_in(browser: Browser, person: User, password: str = builders.PASSWORD, **more: Any) -> Any:
    """Send the form of the sign-in page."""
    return browser.post("/account/login/", {"login": person.email, "password": password, **more})


def proves(browser: Browser, way: str, *, password: str = builders.PASSWORD) -> str:
    """Give the password where the person was led. Returns where they come back to, or nothing where it was wrong."""
    back = parse_qs(urlsplit(way).query)["next"][0]
    answer = browser.post("/account/reauthenticate/", {"password": password, "next": back})
    if answer.status_code == 200:
        return ""
    assert answer.headers["Location"] == back
    return back
