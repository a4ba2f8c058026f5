"""What a page asks of its request: the one time of it, and the person who is signed in."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from agents.actors import facts_of
from agents.models import User


def moment_of(request: HttpRequest) -> datetime:
    """Return the one time of this request."""
    return facts_of(request).now


def person_of(request: HttpRequest) -> User:
    """Return who is signed in. Only for pages that ask for a sign-in."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user
