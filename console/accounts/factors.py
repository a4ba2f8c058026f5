"""Second factors and passkeys: allauth's adapter with encrypted seeds, and the events of what is added and removed.

An event is written when the row is (``post_save``, ``post_delete``), whichever page or command did it; the pages that
change factors are one transaction each (``console/accounts/urls.py``), so neither exists without the other.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from agents import sign_in
from agents.actors import Actor
from agents.encryption import decrypt, encrypt


class FactorAdapter(DefaultMFAAdapter):
    """Encrypts the seeds of one-time and recovery codes, and says by the settings who we are."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey is bound to the issuer's host, whatever Host header a request carries (WebAuthn §5.1.3)."""
        return {"id": urlsplit(settings.ISSUER).hostname or "", "name": "Mandate"}


def _facts(authenticator: Authenticator) -> dict[str, Any]:
    request = context.request
    if request is None:
        return {"by": Actor.system(), "now": timezone.now(), "keep_session": ""}
    own = request.user.is_authenticated and request.user.pk == authenticator.user_id
    return {"by": Actor.of(request), "now": request.now, "keep_session": request.session.digest if own else ""}


def _on_saved(instance: Authenticator, *, created: bool, **_signal: Any) -> None:
    if created:
        sign_in.factor_added(instance.user, factor=instance.type, **_facts(instance))


def _on_deleted(instance: Authenticator, **_signal: Any) -> None:
    sign_in.factor_removed(instance.user, factor=instance.type, **_facts(instance))


def record_changes_of_factors() -> None:
    """Begin to record them. Called once, when the app is ready."""
    post_save.connect(_on_saved, sender=Authenticator, dispatch_uid="mandate.factor_added")
    post_delete.connect(_on_deleted, sender=Authenticator, dispatch_uid="mandate.factor_removed")
