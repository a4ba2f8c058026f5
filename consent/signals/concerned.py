"""Who has to hear of an event of the trail, and what: only resources for whose tokens something is different now.

Told at the time of the event, from rows that stay for as long as they concern anybody. A consent that was narrowed concerns
the resources whose permissions were taken; whatever makes tokens worth nothing concerns those for which they were issued.
Less in detail and tighter conditions are told as *session revoked*: tokens from before say more than holds now, and the agent
gets a new one. Single tokens: ``dead_tokens.py``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from agents.actors import ActorKind
from agents.models import Client, Credential, Event, Ownership
from agents.trail.kinds import Kind
from consent.models import Consent, ConsentScope, Stream
from consent.signals import events
from consent.signals.dead_tokens import dead_tokens
from consent.signals.events import Told, common, complex_subject, uri

TOKENS_ARE_GONE_AFTER = timedelta(days=1)
"""So long after its end no consent has a token any more, at any resource."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that the streams of one resource have to tell."""

    resource_id: uuid.UUID
    told: Told


def concerns(event: Event) -> list[Concern]:
    """Return what there is to tell of this event, each thing once, in a fixed number of queries for each kind."""
    teller = TELLERS.get(Kind(event.kind))
    if teller is None:
        return []
    # Two ways can lead to one thing: what went through two agents of a person who leaves was passed on by both.
    once = {(concern.resource_id, concern.told.about): concern for concern in teller(event)}
    return list(once.values())


def _whole_consent(event: Event) -> Iterator[Concern]:
    """Every resource at which the consent, or one derived from it, holds something loses what it was told before."""
    for consent in _with_derived(event):
        for resource_id in {row.scope.resource_id for row in _held(consent, event.at)}:
            yield Concern(resource_id, _revoked(consent, event))


def _lessened(event: Event) -> Iterator[Concern]:
    names = set(event.scopes.split())
    for consent in _with_derived(event):
        for resource_id in {row.scope.resource_id for row in _held(consent, event.at) if row.scope.name in names}:
            yield Concern(resource_id, _revoked(consent, event))


def _narrowed(event: Event) -> Iterator[Concern]:
    """Each resource whose permissions were taken hears which are left there; where none is, all is revoked."""
    taken = {
        row.scope_id: row.scope.resource_id
        for row in ConsentScope.objects.filter(consent=event.consent_id, ended_at=event.at).select_related("scope")
    }
    for consent in _with_derived(event):
        rows = list(consent.consent_scopes.all())
        lost = {row.scope.resource_id for row in rows if row.scope_id in taken}
        for resource_id in lost:
            left = sorted(
                row.scope.name
                for row in rows
                if row.scope.resource_id == resource_id and row.scope_id not in taken and _is_held(row, event.at)
            )
            yield Concern(
                resource_id, _claims(consent, event, {"scope": " ".join(left)}) if left else _revoked(consent, event)
            )


def _shortened(event: Event) -> Iterator[Concern]:
    """No token under the consent counts after its new end."""
    ends_at = datetime.fromisoformat(str(event.detail["after"]))
    for consent in _with_derived(event):
        for resource_id in {row.scope.resource_id for row in _held(consent, event.at)}:
            yield Concern(resource_id, _claims(consent, event, {"exp": int(ends_at.timestamp())}))


def _agent(event: Event) -> Iterator[Concern]:
    yield from _agent_stopped(_known(event.agent_id), event)


def _agent_stopped(agent_id: uuid.UUID, event: Event) -> Iterator[Concern]:
    told = Told(events.SESSION_REVOKED, complex_subject(agent=agent_id), _common(event), agent_id)
    for resource_id in _reached(event.at, agent=agent_id):
        yield Concern(resource_id, told)
    yield from _passed_on(event, agent=agent_id)


def _client(event: Event) -> Iterator[Concern]:
    client = Client.objects.select_related("agent").filter(pk=_known(event.client_id)).first()
    if client is None:
        return  # it registered itself, was never used and is forgotten (``consent/unused_clients.py``)
    told = Told(events.SESSION_REVOKED, _client_subject(client), _common(event), client.pk)
    for resource_id in _reached(event.at, client=client):
        yield Concern(resource_id, told)
    yield from _passed_on(event, client=client)


def _credential(event: Event) -> Iterator[Concern]:
    """A key of a client concerns the resources that it reaches; a key of a resource that resource alone."""
    credential = Credential.objects.select_related("client", "resource").filter(pk=_known(event.credential_id)).first()
    if credential is None:
        return  # forgotten with its client, as above
    said = _common(event) | {
        "credential_type": "public_key" if credential.public_jwk else "client_secret",
        "change_type": CHANGES[Kind(event.kind)],
    }
    if credential.resource is not None:
        subject = uri(credential.resource.uri)
        yield Concern(credential.resource.pk, Told(events.CREDENTIAL_CHANGE, subject, said, credential.resource.pk))
    elif credential.client is not None:
        told = Told(events.CREDENTIAL_CHANGE, _client_subject(credential.client), said, credential.client.pk)
        for resource_id in _reached(event.at, client=credential.client):
            yield Concern(resource_id, told)


CHANGES = {
    Kind.CREDENTIAL_ISSUED: "create",
    Kind.PUBLIC_KEY_ADDED: "create",
    Kind.CREDENTIAL_REVOKED: "revoke",
    Kind.CREDENTIAL_ENDED: "delete",
}
"""CAEP 1.0 §3.3.1."""


def _person(event: Event) -> Iterator[Concern]:
    """Nothing counts any more that acts for somebody who was deactivated, and no agent that only they answered for."""
    person = _known(event.user_id)
    told = Told(events.SESSION_REVOKED, complex_subject(user=person), _common(event), person)
    for resource_id in _reached(event.at, user=person):
        yield Concern(resource_id, told)
    owned = Ownership.objects.live_owners().filter(user=person).values_list("agent_id", flat=True)
    for agent_id in owned:
        yield from _agent_stopped(agent_id, event)


def _signing_key(event: Event) -> Iterator[Concern]:
    """Whoever hears anything checks what Mandate signs, and may have kept the key that somebody else holds now."""
    said = _common(event) | {
        "credential_type": "signing_key",
        "change_type": "revoke",
        "friendly_name": str(event.detail["kid"]),
    }
    told = Told(events.CREDENTIAL_CHANGE, uri(settings.ISSUER), said)
    for resource_id in set(Stream.objects.collecting().values_list("resource_id", flat=True)):
        yield Concern(resource_id, told)


def _tokens(event: Event) -> Iterator[Concern]:
    """The very tokens that a client gave back, or lost because somebody used again what counts once."""
    for token_id, resource_id in dead_tokens(event):
        yield Concern(resource_id, Told(events.SESSION_REVOKED, events.jwt_id(token_id), _common(event), token_id))


TELLERS: dict[Kind, Callable[[Event], Iterator[Concern]]] = {
    Kind.CONSENT_REVOKED: _whole_consent,
    Kind.CONSENT_SUPERSEDED: _whole_consent,
    Kind.CONSENT_PAUSED: _whole_consent,
    Kind.CONSENT_LIMITED: _whole_consent,
    Kind.CONSENT_LESSENED: _lessened,
    Kind.CONSENT_NARROWED: _narrowed,
    Kind.CONSENT_SHORTENED: _shortened,
    Kind.AGENT_SUSPENDED: _agent,
    Kind.AGENT_RETIRED: _agent,
    Kind.CLIENT_ENDED: _client,
    Kind.CREDENTIAL_ISSUED: _credential,
    Kind.PUBLIC_KEY_ADDED: _credential,
    Kind.CREDENTIAL_REVOKED: _credential,
    Kind.CREDENTIAL_ENDED: _credential,
    Kind.PERSON_DEACTIVATED: _person,
    Kind.SIGNING_KEY_COMPROMISED: _signing_key,
    Kind.TOKEN_REVOKED: _tokens,
    Kind.REFRESH_REPLAYED: _tokens,
    Kind.CODE_USED_TWICE: _tokens,
}


def _with_derived(event: Event) -> Iterator[Consent]:
    """The consent of the event, and all that were derived from it and stand: they die, or shrink, with it."""
    level = [_known(event.consent_id)]
    while level:
        found = list(Consent.objects.filter(pk__in=level).prefetch_related("consent_scopes__scope").order_by("pk"))
        yield from found
        below = Consent.objects.filter(
            Q(revoked_at=None) | Q(revoked_at__gt=event.at), parent__in=level, ends_at__gt=event.at
        )
        level = list(below.values_list("pk", flat=True))


def _passed_on(event: Event, **whose: object) -> Iterator[Concern]:
    """What was passed on from such consents ends with whoever passed it on, at each resource at which it holds something."""
    above = Consent.objects.filter(**whose).values("pk")
    below = Consent.objects.below(above).filter(
        Q(revoked_at=None) | Q(revoked_at__gt=event.at), ends_at__gt=event.at - TOKENS_ARE_GONE_AFTER
    )
    for consent in below.prefetch_related("consent_scopes__scope").order_by("pk"):
        for resource_id in {row.scope.resource_id for row in _held(consent, event.at)}:
            yield Concern(resource_id, _revoked(consent, event))


def _known(id_: uuid.UUID | None) -> uuid.UUID:
    """What every event of its kind names."""
    if id_ is None:
        raise ValueError("the event names nothing")
    return id_


def _held(consent: Consent, at: datetime) -> list[ConsentScope]:
    return [row for row in consent.consent_scopes.all() if _is_held(row, at)]


def _is_held(row: ConsentScope, at: datetime) -> bool:
    return row.started_at <= at and (row.ended_at is None or row.ended_at > at)


def _reached(at: datetime, **whose: object) -> set[uuid.UUID]:
    """The resources for which tokens under such consents could be out then."""
    held = ConsentScope.objects.filter(**{f"consent__{name}": value for name, value in whose.items()})
    standing = held.filter(
        Q(consent__revoked_at=None) | Q(consent__revoked_at__gt=at),
        Q(consent__superseded_at=None) | Q(consent__superseded_at__gt=at),
        Q(ended_at=None) | Q(ended_at__gt=at),
        consent__starts_at__lte=at,
        consent__ends_at__gt=at - TOKENS_ARE_GONE_AFTER,
    )
    return set(standing.values_list("scope__resource_id", flat=True).distinct())


def _revoked(consent: Consent, event: Event) -> Told:
    return Told(events.SESSION_REVOKED, _subject(consent), _common(event), consent.pk)


def _claims(consent: Consent, event: Event, claims: dict[str, object]) -> Told:
    return Told(events.TOKEN_CLAIMS_CHANGE, _subject(consent), _common(event) | {"claims": claims}, consent.pk)


def _subject(consent: Consent) -> events.Claims:
    return complex_subject(consent=consent.pk, user=consent.user_id, agent=consent.agent_id)


def _client_subject(client: Client) -> events.Claims:
    return complex_subject(agent=client.agent_id, client=client.client_id)


def _common(event: Event) -> events.Claims:
    return common(event.at, _initiator(event))


def _initiator(event: Event) -> str:
    """CAEP 1.0 §2: ``user`` for the person whom it concerns, ``admin`` for another, ``system`` for Mandate itself."""
    if event.actor_kind != ActorKind.USER:
        return "system"
    return "user" if event.actor_id == event.user_id else "admin"
