"""Mails about consents: a new one, with the way to end it; its first sensitive use; a pause; what an approver is asked and said.

Each is written in the transaction of what it tells of, and sent later (``agents/mail.py``). None holds a secret: links lead
to pages that ask for a sign-in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from agents.addresses import page_address
from agents.mail import send_later
from agents.models import User
from consent.condition_words import limits_in_words
from consent.models import Consent, PendingConsent
from consent.passing_on.passing_words import names_of
from consent.until import zone_of

LISTED = 10
"""So many agents are named in one mail."""


def tell_of_new_consent(consent: Consent, *, now: datetime) -> None:
    """Write the mail to the person acted for (for the organisation: who allowed it), in the caller's transaction.

    In the language that they chose, otherwise in that of the screen.
    """
    reader = consent.user or consent.approved_by
    zone = zone_of(consent.time_zone)
    rows = consent.consent_scopes.select_related("wording", "scope__resource").order_by(
        "scope__resource__name", "scope__name"
    )
    send_later(
        "new_consent",
        reader.email,
        {
            "consent": consent,
            "name": reader.display_name,
            "titles": [(row.wording.title, row.scope.resource.name) for row in rows],
            "ends_at": consent.ends_at.astimezone(zone),
            "limits": partial(limits_in_words, consent),  # called by the template: in the language of the mail
            "passes_to": names_of(consent.passes),
            "zone": zone.key,
            "revoke_url": page_address("consent-revoke", consent.pk),
            "record_url": page_address("my-consent", consent.pk),
        },
        now=now,
        language=_language_of_the_screen(consent),
    )


@transaction.atomic
def tell_of_first_sensitive_use(consent_id: uuid.UUID, *, now: datetime) -> None:
    """Write the mail to whoever allowed it when a token for a sensitive scope is issued for the first time.

    Whoever marks the consent writes it, so it is one mail however many tokens are asked for at once.
    """
    first = Consent.objects.filter(pk=consent_id, sensitive_use_told_at=None).update(sensitive_use_told_at=now)
    if not first:
        return
    consent = Consent.objects.select_related("agent", "user", "approved_by").get(pk=consent_id)
    reader = consent.user or consent.approved_by
    zone = zone_of(consent.time_zone)
    send_later(
        "sensitive_use",
        reader.email,
        {
            "consent": consent,
            "name": reader.display_name,
            "used_at": now.astimezone(zone),
            "zone": zone.key,
            "revoke_url": page_address("consent-revoke", consent.pk),
            "record_url": page_address("my-consent", consent.pk),
        },
        now=now,
        language=_language_of_the_screen(consent),
    )


def tell_of_pauses(consents: Iterable[Consent], *, now: datetime) -> None:
    """Write the mail that consents wait for whoever may agree to a change, in the caller's transaction.

    One for each reader, however many of theirs one change has paused. Who cannot sign in is told nothing.
    """
    if not settings.MAIL_IS_SENT:
        return
    by_reader: dict[uuid.UUID, list[Consent]] = {}
    for consent in consents:
        reader = _who_agrees(consent)
        if reader.is_active:
            by_reader.setdefault(reader.pk, []).append(consent)
    for theirs in by_reader.values():
        _tell_of_pauses(theirs, _who_agrees(theirs[0]), now)


def _tell_of_pauses(consents: list[Consent], reader: User, now: datetime) -> None:
    first = consents[0]
    about: dict[str, Any] = {
        "consent": first,
        "name": reader.display_name,
        "look_url": page_address("consent-changes", first.pk),
        "revoke_url": page_address("consent-revoke", first.pk),
    }
    if len(consents) > 1:
        agents = sorted({consent.agent.name for consent in consents})
        place = "my-agents" if first.user_id else "overview"
        about = {
            "name": reader.display_name,
            "count": len(consents),
            "agents": agents[:LISTED],
            "more": len(agents) > LISTED,
            "list_url": page_address(place),
        }
    template = "paused_many" if len(consents) > 1 else "paused"
    send_later(template, reader.email, about, now=now, language=_language_of_the_screen(first))


def _who_agrees(consent: Consent) -> User:
    return consent.user or consent.answerable


def _language_of_the_screen(consent: Consent) -> str:
    return str(consent.shown.get("language") or "")


def tell_approver(pending: PendingConsent, approver: User, *, now: datetime) -> None:
    """Write the mail that something waits for this person to agree, in the caller's transaction."""
    send_later(
        "approval_waiting",
        approver.email,
        {
            "pending": pending,
            "name": approver.display_name,
            "person": pending.decided_by.display_name,
            "url": page_address("approval", pending.pk),
        },
        now=now,
        ends_at=pending.expires_at,
    )


def tell_what_approver_said(pending: PendingConsent, *, now: datetime, reason: str = "") -> None:
    """Write the mail to whoever decided: the agent can go on, or cannot."""
    reader = pending.decided_by
    send_later(
        "approver_said",
        reader.email,
        {
            "pending": pending,
            "name": reader.display_name,
            "agreed": pending.consent_id is not None,
            "reason": reason,
            "url": page_address("approval", pending.pk),
        },
        now=now,
    )
