"""The types of our requests: what middleware has attached by the time a view gets them."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from agents.actors import RequestFacts
from agents.models import User
from console.accounts.sessions import SessionStore


class OurRequest(HttpRequest):
    """Any request: with its one time and its facts (``console.middleware``), and with our sessions."""

    now: datetime
    facts: RequestFacts
    session: SessionStore


class PersonRequest(OurRequest):
    """A request of somebody who is signed in (``SignInMiddleware``)."""

    user: User
