"""What changes under a consent, by the people who may change it, and what became of the consent."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from agents import resources
from agents.models import Scope, User
from consent.models import Consent
from tests import builders


def reword(scope: Scope, mara: User, title: str = "See your appointments and who comes", **more: Any) -> None:
    resources.reword_scope(scope, title=title, detail="", by=builders.actor(mara), now=timezone.now(), **more)


def change(scope: Scope, mara: User, **facts: Any) -> None:
    resources.change_scope(scope, by=builders.actor(mara), now=timezone.now(), **facts)


def is_paused(consent: Consent) -> bool:
    consent.refresh_from_db()
    return consent.status(timezone.now()) == "paused"


def path(consent: Consent) -> str:
    return f"/consents/{consent.pk}/changes/"
