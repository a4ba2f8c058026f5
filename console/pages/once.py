"""What is to happen once only: a form that is sent again by a reload or Back does nothing, a secret is shown one time."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.forms import BaseForm
from django.http import HttpRequest

from agents.models import User
from consent.once import UsedAlready, use_once
from consent.screens.who_and_when import moment_of, person_of

FORM_LIFE = timedelta(days=1)
"""After this nobody sends the form again; until then the row stays."""


def form_token() -> str:
    """Return a fresh mark for a hidden field of a form."""
    return secrets.token_urlsafe(24)


def with_new_token(form: BaseForm, request: HttpRequest) -> None:
    """Give a form that is shown again a new mark: what was sent counts as sent."""
    if form.is_bound:
        sent = request.POST.copy()
        sent["once"] = form_token()
        form.data = sent


def sent_before(form: BaseForm, request: HttpRequest) -> bool:
    """Whether this person sent this very form before. One without a mark is taken as it comes.

    To be asked in the transaction that makes what the form is for: if that fails, the form can be sent again.
    """
    token = form.cleaned_data.get("once", "")
    return bool(token) and not first_time(person_of(request), token, now=moment_of(request))


def take_secret(request: HttpRequest, name: str) -> dict[str, str] | None:
    """Return what waits under this name to be shown once. HEAD shows nothing, so it leaves it there."""
    if request.method == "HEAD":
        waiting: dict[str, str] | None = request.session.get(name)
        return waiting
    taken: dict[str, str] | None = request.session.pop(name, None)
    return taken


def first_time(user: User, token: str, *, now: datetime) -> bool:
    """Whether this person sends this form for the first time. The unique constraint decides between two at once."""
    try:
        use_once("form", f"{user.pk.hex}:{token}", now=now, life=FORM_LIFE)
    except UsedAlready:
        return False
    return True
