"""Guessing passwords (S57): limited for each account and address, so that nobody can lock somebody else out.

Five wrong ones in five minutes hold up their address, for that account alone. Many addresses together have a hundred an
hour; that limit does not touch an address from which the person signed in before. Whoever is signed in and proves
themselves once more is counted by who they are, so that a stranger cannot touch it at all.
"""

from __future__ import annotations

from allauth.core.internal import ratelimit
from allauth.core.internal.ratelimit import RateLimitUsage

from agents.models import KnownSource
from agents.models.user import folded_email
from agents.trail.refusals import source_of
from console.accounts.requests import OurRequest

LIMITS = {
    "sign_in": "10/m/ip,5/5m/key",
    "sign_in_from_anywhere": "100/h/key",
    "prove_again": "5/5m/key",
}
"""In allauth's words: how many wrong ones, in which time, for whom."""


def may_try(request: OurRequest, email: str) -> RateLimitUsage | None:
    """Count a password that is about to be looked at; None when it must not be. A right one gives its counts back."""
    if request.user.is_authenticated:
        return _count(request, "prove_again", str(request.user.pk))
    email, source = folded_email(email), source_of(request.facts.address)
    here = _count(request, "sign_in", f"{email}|{source}")
    if here is None or KnownSource.objects.knows(email, request.facts.address):
        return here
    anywhere = _count(request, "sign_in_from_anywhere", email)
    return anywhere and RateLimitUsage([*here.usage, *anywhere.usage])


def _count(request: OurRequest, limit: str, key: str) -> RateLimitUsage | None:
    return ratelimit.consume(request, app="mandate", action=limit, config=LIMITS, key=key)
