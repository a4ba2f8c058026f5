"""What ends the consent, and what the trail says then."""

from __future__ import annotations

from django.utils import timezone

from agents.models import Event, User
from agents.trail.kinds import Kind
from consent import mandate
from consent.models import Consent
from tests import builders


def observed() -> list[Event]:
    return builders.events(Kind.REVOCATION_OBSERVED)


def revoke(consent: Consent, weber: User) -> None:
    mandate.revoke(consent.pk, reason="Enough.", by=builders.actor(weber), now=timezone.now())
