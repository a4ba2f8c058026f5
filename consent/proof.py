"""What a decision takes of whoever makes it: a sign-in that is fresh enough, and strong enough (RFC 9470; S45).

A sensitivity rule asks for it, or the client does by ``acr_values``. Asked on the screen, to lead to a sign-in in time, and
once more where the consent is made (``consent/mandate.py``), which no page can walk past.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.acr import MULTI, PASSKEY, is_worth, is_worth_any, weakest
from agents.rules import Rule
from consent.errors import SignInNeeded

LEEWAY = timedelta(seconds=5)
"""Between the clocks of two servers."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing. acr: how strong the next sign-in must be, or empty for any. within: how fresh, or None for any."""

    acr: str
    within: timedelta | None

    @property
    def passkey(self) -> bool:
        return self.acr == PASSKEY

    @property
    def second_factor(self) -> bool:
        return self.acr == MULTI


def missing(rule: Rule, wanted: Iterable[str], *, acr: str, at: datetime | None, now: datetime) -> Missing | None:
    """Return what this sign-in lacks, or None. wanted: the client's ``acr_values``, of which one is enough."""
    values = tuple(wanted)
    strong = is_worth_any(acr, values) and (not rule.passkey_required or is_worth(acr, PASSKEY))
    within = rule.fresh_within
    fresh = within is None or (at is not None and now - within <= at <= now + LEEWAY)
    if strong and fresh:
        return None
    return Missing(PASSKEY if rule.passkey_required else weakest(values), within)


def must_have_proved(rule: Rule, wanted: Iterable[str], *, acr: str, at: datetime | None, now: datetime) -> None:
    """Raise SignInNeeded where something is missing."""
    lacks = missing(rule, wanted, acr=acr, at=at, now=now)
    if lacks is not None:
        raise SignInNeeded(passkey=lacks.passkey, second_factor=lacks.second_factor)
