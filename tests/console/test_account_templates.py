"""Templates for allauth's pages: each is one that allauth can still render, since only some of its pages have an address."""

from __future__ import annotations

import re
from pathlib import Path

from console.accounts.urls import urlpatterns

TEMPLATES = Path(__file__).parents[2] / "templates"
LEADS_TO = re.compile(r"{%\s*(?:extends|include)\s+[\"']([^\"'#]+)")
OTHERWISE = {
    "account/signup_closed.html",  # in place of the sign-up that nobody gets
    "mfa/recovery_codes/download.txt",
}
MAILS = {"password_changed", "password_reset", "password_reset_key", "password_set"}
MESSAGES = {"logged_in", "logged_out", "password_changed", "password_set"}


def _reached() -> set[str]:
    views = (getattr(pattern.callback, "view_class", None) for pattern in urlpatterns)
    waiting = {name for view in views if (name := getattr(view, "template_name", None))} | OTHERWISE
    waiting |= {f"account/email/{mail}_{part}.txt" for mail in MAILS for part in ("subject", "message")}
    waiting |= {f"account/messages/{message}.txt" for message in MESSAGES}
    waiting |= {
        str(path.relative_to(TEMPLATES))
        for part in ("email", "messages")
        for path in (TEMPLATES / "mfa" / part).iterdir()
    }
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and (TEMPLATES / name).exists():
            found.add(name)
            waiting |= set(LEADS_TO.findall((TEMPLATES / name).read_text()))
    return found


def test_no_template_stands_there_that_nothing_renders():
    reached = _reached()
    kept = {
        str(path.relative_to(TEMPLATES))
        for folder in ("account", "mfa", "allauth", "socialaccount")
        for path in (TEMPLATES / folder).rglob("*.*")
    }
    assert len(reached & kept) > 30
    assert kept - reached == set()
