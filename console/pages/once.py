"""Forms that may be sent once only: a reload of the answer, or Back and the button again, must do nothing twice."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.forms import BaseForm
from django.http import HttpRequest

from agents.models import User
from consent.once import UsedAlready, use_once

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


def first_time(user: User, token: str, *, now: datetime) -> bool:
    """Whether this person sends this form for the first time. The unique constraint decides between two at once."""
    try:
        use_once("form", f"{user.pk.hex}:{token}", now=now, life=FORM_LIFE)
    except UsedAlready:
        return False
    return True
