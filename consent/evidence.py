"""Evidence of one consent: what was shown word for word, to whom, when and how, and what became of it.

One document, the same on the page and in the signed file. Its format is ``docs/reference/evidence.md``; whoever reads a
file needs nothing of this code (``docs/examples/verify_evidence.py``).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from agents.models import Event, Organisation, User
from agents.trail.kinds import Kind
from agents.trail.record import plain, text_of
from consent.client_metadata import digest_of_json
from consent.consent_events import shown_digest
from consent.models import Consent, ConsentScope

FORMAT = "mandate-evidence/1"
HISTORY = (
    Kind.CONSENT_APPROVED,
    Kind.CONSENT_VOUCHED,
    Kind.CONSENT_NARROWED,
    Kind.CONSENT_LESSENED,
    Kind.CONSENT_LIMITED,
    Kind.PASSING_LIMITED,
    Kind.CONSENT_PASSED_ON,
    Kind.CONSENT_SHORTENED,
    Kind.CONSENT_PAUSED,
    Kind.CONSENT_CONFIRMED,
    Kind.CONSENT_REVOKED,
    Kind.CONSENT_SUPERSEDED,
    Kind.CONSENT_ENDED,
    Kind.REVOCATION_OBSERVED,
)
CONFIRMED, DIFFERENT, NOT_RECORDED = "confirmed", "different", "not recorded"


def history_of(consent: Consent) -> QuerySet[Event]:
    """Return what the trail tells of the consent itself, oldest first."""
    kinds = [kind.value for kind in HISTORY]
    return Event.objects.filter(consent_id=consent.pk, kind__in=kinds).order_by("pk")


def evidence_of(consent: Consent, *, now: datetime) -> dict[str, Any]:
    """Return the evidence as plain JSON. consent: with its scopes prefetched (``ConsentQuerySet.with_scopes``).

    ``trail`` says whether the append-only trail vouches for the words and for the client: it kept their digests when
    the consent was given. Texts and addresses that were erased since are null.
    """
    events = list(history_of(consent))
    texts = text_of(digest for event in events for digest in (event.reason_digest, event.address_digest))
    people = _people(consent, events)
    given = next((event for event in events if event.kind in {Kind.CONSENT_APPROVED, Kind.CONSENT_VOUCHED}), None)
    organisation = Organisation.current()
    document = {
        "format": FORMAT,
        "issuer": settings.ISSUER,
        "organisation": organisation.name if organisation else "",
        "made_at": now,
        "consent": {
            "id": consent.pk,
            "origin": consent.origin,
            "purpose": consent.purpose,
            "state": consent.status(now),
            "given_at": consent.starts_at,
            "ends_at": consent.ends_at,
            "once": consent.once,
            "limits": consent.limits.as_told(),
            "tells_who": consent.tells_who,
            "passes": consent.passing,
            "parent": consent.parent_id,
            "revoked_at": consent.revoked_at,
            "paused_at": consent.paused_at,
            "superseded_at": consent.superseded_at,
            "superseded_by": consent.superseded_by_id,
        },
        "person": _person(consent.user),
        "decision": {
            "by": _person(consent.approved_by),
            "sign_in_methods": consent.sign_in_methods,
            "acr": consent.acr,
            "auth_time": consent.auth_time,
            "agreed_by": _person(consent.agreed_by),
            "agreed_at": consent.agreed_at,
            "time_zone": consent.time_zone,
            "language": _language(consent),
            "address": texts.get(given.address_digest) if given else None,
            "request_id": given.request_id if given else None,
            "redirect_host": consent.redirect_host,
        },
        "agent": {"id": consent.agent_id, "name": consent.agent.name},
        "client": {
            "id": consent.client_id,
            "metadata": consent.client_metadata,
            "metadata_sha256": digest_of_json(consent.client_metadata),
        },
        "shown": consent.shown,
        "scopes": [_scope(row, now) for row in consent.consent_scopes.all()],
        "trail": {
            "event": given.pk if given else None,
            "words": _vouched(given, "shown_digest", shown_digest(consent)),
            "client": _vouched(given, "client_digest", digest_of_json(consent.client_metadata)),
        },
        "history": [_told(event, texts, people) for event in events],
    }
    kept: dict[str, Any] = plain(document)
    return kept


def _person(person: User | None) -> dict[str, Any] | None:
    return {"id": person.pk, "name": person.display_name, "email": person.email} if person else None


def _people(consent: Consent, events: list[Event]) -> dict[uuid.UUID, str]:
    ids = {event.actor_id for event in events if event.actor_kind == "user" and event.actor_id}
    return {person.pk: person.display_name for person in User.objects.filter(pk__in=ids)}


def _language(consent: Consent) -> str:
    language = consent.shown.get("language") if isinstance(consent.shown, dict) else ""
    return language if isinstance(language, str) else ""


def _scope(row: ConsentScope, now: datetime) -> dict[str, Any]:
    return {
        "resource": row.scope.resource.uri,
        "resource_name": row.scope.resource.name,
        "name": row.scope.name,
        "version": row.wording.version,
        "title": row.wording.title,
        "detail": row.wording.detail,
        **({"concerns": row.wording.concerns} if row.wording.concerns else {}),
        "required": row.required,
        "details": row.details,
        "held": row.is_held(now),
        "taken_away_at": row.ended_at,
    }


def _vouched(given: Event | None, field: str, digest: str) -> str:
    """Say whether the digest that the trail kept then is that of what is stored now."""
    kept = given.detail.get(field) if given is not None and isinstance(given.detail, dict) else None
    if not kept:
        return NOT_RECORDED
    return CONFIRMED if kept == digest else DIFFERENT


NOT_TOLD = frozenset({"shown_digest", "client_digest", "limits_digest"})


def _told(event: Event, texts: dict[str, str], people: dict[uuid.UUID, str]) -> dict[str, Any]:
    detail = event.detail if isinstance(event.detail, dict) else {}
    return {
        "event": event.pk,
        "at": event.at,
        "kind": event.kind,
        "actor_kind": event.actor_kind,
        "actor": event.actor_id,
        "actor_name": people.get(event.actor_id, "") if event.actor_id else "",
        "reason": texts.get(event.reason_digest) if event.reason_digest else "",
        "detail": {name: value for name, value in detail.items() if name not in NOT_TOLD},
    }
