"""What a page asks of its request: the one time of it, and the person who is signed in."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from agents.models import User


def moment_of(request: HttpRequest) -> datetime:
    """Return the one time of this request."""
    moment: datetime = request.facts.now  # type: ignore[attr-defined]  # set by RequestFactsMiddleware
    return moment


def person_of(request: HttpRequest) -> User:
    """Return who is signed in. Only for pages that ask for a sign-in."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user
