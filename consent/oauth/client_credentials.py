"""Client credentials for autonomous agents (RFC 6749 §4.4), only under an organisation's consent.

§4.4.2 scopes     find       §4.4.3 the token, without a refresh token     redeem       RFC 9396 §6 details     _issue
Several consents of one client differ by purpose: ``purpose`` names one; without it the newest that holds what is asked.
Errors: unauthorized_client (no consent), invalid_scope, invalid_target, invalid_request (another purpose).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from oauthlib.common import Request

from agents.actors import Actor, RequestFacts
from agents.database.statements import on_postgresql, rows_of
from agents.models import Agent, Checks
from agents.models.resource import is_sensitive
from consent.conditions import Conditions, Unmet, conditions_from
from consent.mail import tell_of_first_sensitive_use
from consent.models import Consent
from consent.models.consent_queries import PAUSES_AFTER
from consent.oauth.access_token import Audience, Standing, issue
from consent.oauth.audience import answer, asked_resource
from consent.oauth.authorization_details import narrow_to
from consent.oauth.client_authentication import Along, ProvenClient
from consent.oauth.conditions import refused, take_use
from consent.oauth.errors import OAuthRefusal
from consent.oauth.parameters import Form
from consent.oauth.purpose import another_purpose, asked_purpose
from consent.oauth.rows import as_delta, as_facts, as_list, as_time, known_id
from consent.observed import RefusedUse

_CONSENTS = """
    SELECT c.id, c.ends_at, c.purpose_key, c.purpose_digest, c.sensitive_use_told_at, cs.ended_at,
           s.name, s.data_class, s.access, s.marked_sensitive, r.id, r.uri, r.checks, r.token_life, r.require_dpop,
           c.conditions, c.time_zone, c.uses_allowed, c.uses_taken, cs.details, c.starts_at
    FROM consent_consent c
    JOIN consent_consentscope cs ON cs.consent_id = c.id
    JOIN agents_scope s ON s.id = cs.scope_id AND s.ended_at IS NULL
    JOIN agents_resource r ON r.id = s.resource_id AND r.ended_at IS NULL
    JOIN agents_user v ON v.id = COALESCE(c.confirmed_by_id, c.approved_by_id)
    WHERE c.client_id = {client} AND c.user_id IS NULL AND c.revoked_at IS NULL AND c.superseded_at IS NULL
      AND c.paused_at IS NULL AND c.starts_at <= %s AND c.ends_at > %s
      AND (v.left_office_at IS NULL OR v.left_office_at > %s)
"""
ORGANISATION_CONSENTS = _CONSENTS.format(client="%s")
CONSENTS_ALONG = _CONSENTS.format(client="who.client_pk")


@dataclass(slots=True)
class Mandate:
    """One organisation consent at one resource. ``held``: name to data class; ``taken``: names narrowed away."""

    standing: Standing
    purpose_key: str
    audience: Audience
    held: dict[str, str]
    taken: set[str]
    untold: set[str]
    """Sensitive names held, as long as nobody was told that one was used."""
    conditions: Conditions
    time_zone: str
    spent: bool
    """Whether all the uses are taken that there were."""
    details: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """For what a scope is held that has a type of details (RFC 9396), by its name."""


def find(client: ProvenClient, *, scopes: list[str], form: Form, facts: RequestFacts) -> tuple[Mandate, dict[str, str]]:
    """Return the consent and the scopes for this request. One query. Raises OAuthRefusal.

    A scope that the consent never held is refused; one narrowed away is left out, and ``scope`` in the answer says so.
    """
    offered = _mandates(client, facts.now)
    if not offered:
        raise OAuthRefusal(
            "unauthorized_client",
            "No administrator has allowed this agent anything, or it is over. An administrator can do so on its page.",
            met=RefusedUse(agent_id=client.agent_id, client_id=client.pk),
        )
    offered = _for_purpose(offered, asked_purpose(form))
    offered = _at_resource(offered, asked_resource(form))
    wanted = set(scopes)
    fitting = [
        mandate
        for mandate in offered
        if not wanted or (wanted <= mandate.held.keys() | mandate.taken and wanted & mandate.held.keys())
    ]
    if fitting:
        mandate = _that_counts_now(fitting, client, facts)
        return mandate, {name: mandate.held[name] for name in (wanted or mandate.held.keys()) & mandate.held.keys()}
    held = " ".join(sorted({name for mandate in offered for name in mandate.held}))
    taken = frozenset(name for mandate in offered for name in mandate.taken & wanted)
    met = RefusedUse(agent_id=client.agent_id, client_id=client.pk, missing=taken) if taken else None
    raise OAuthRefusal("invalid_scope", f"The consent does not hold this. It holds: {held}", met=met)


def asked_next(now: datetime) -> Along | None:
    """Return what this grant asks once the client is known, to be read with it; None where that saves no round trip."""
    return Along(CONSENTS_ALONG, _times(now)) if on_postgresql() else None


def _times(now: datetime) -> list[datetime]:
    return [now, now, now - PAUSES_AFTER]


def _mandates(client: ProvenClient, now: datetime) -> list[Mandate]:
    if client.agent_id is None:
        return []
    rows = client.along
    if rows is None:
        rows = tuple(rows_of(ORGANISATION_CONSENTS, [client.pk, *_times(now)]))
    if len(rows) > 1:
        rows = tuple(sorted(rows, key=lambda row: (row[-1], row[0]), reverse=True))  # by start, and then by id
    found: dict[tuple[uuid.UUID, uuid.UUID], Mandate] = {}
    for consent, ends_at, key, digest, told, scope_end, name, data_class, access, marked, *place in rows:
        resource, uri, checks, life, demands, kept, time_zone, uses, taken, details, _ = place
        consent_id, resource_id, end = known_id(consent), known_id(resource), as_time(ends_at)
        if end is None:
            continue
        mandate = found.setdefault(
            (consent_id, resource_id),
            Mandate(
                standing=Standing(consent_id, client.agent_id, None, end, digest),
                purpose_key=key,
                audience=Audience(resource_id, uri, checks == Checks.OFFLINE, as_delta(life), bool(demands)),
                held={},
                taken=set(),
                untold=set(),
                conditions=conditions_from(as_facts(kept), uses),
                time_zone=time_zone,
                spent=uses is not None and taken >= uses,
            ),
        )
        gone = as_time(scope_end)
        if gone is not None and gone <= now:
            mandate.taken.add(name)
        else:
            mandate.held[name] = data_class
            if details and details != "[]":
                mandate.details[name] = as_list(details)
            if told is None and is_sensitive(data_class, access, marked=bool(marked)):
                mandate.untold.add(name)
    return [mandate for mandate in found.values() if mandate.held]


def _for_purpose(offered: list[Mandate], key: str) -> list[Mandate]:
    if not key:
        return offered
    chosen = [mandate for mandate in offered if mandate.purpose_key == key]
    if not chosen:
        raise another_purpose()
    return chosen


def _at_resource(offered: list[Mandate], asked: str) -> list[Mandate]:
    uris = sorted({mandate.audience.uri for mandate in offered})
    if asked:
        chosen = [mandate for mandate in offered if mandate.audience.uri == asked]
        if not chosen:
            raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
        return chosen
    if len(uris) != 1:
        raise OAuthRefusal("invalid_target", f"Name one resource of the consent: {' '.join(uris)}")
    return offered


def _that_counts_now(fitting: list[Mandate], client: ProvenClient, facts: RequestFacts) -> Mandate:
    """Return the newest whose conditions are met. Raises OAuthRefusal with what is not met of the newest."""
    first: Unmet | None = None
    for mandate in fitting:
        unmet = _unmet(mandate, client, facts)
        if unmet is None:
            return mandate
        first = first or unmet
    newest = fitting[0]
    consent = Consent.objects.get(pk=newest.standing.pk)
    raise refused(first or Unmet.USES, consent, newest.conditions, facts.now)


def _unmet(mandate: Mandate, client: ProvenClient, facts: RequestFacts) -> Unmet | None:
    if not mandate.conditions:
        return None
    environment = ""
    if mandate.conditions.environment and client.agent_id is not None:
        environment = Agent.objects.values_list("environment", flat=True).get(pk=client.agent_id)
    unmet = mandate.conditions.unmet(facts.now, mandate.time_zone, environment=environment, address=facts.address)
    return unmet or (Unmet.USES if mandate.spent else None)


def redeem(request: Request) -> dict[str, Any]:
    """Issue the access token. There is no refresh token (RFC 6749 §4.4.3)."""
    mandate, scopes = request.mandate
    request.consent_id = mandate.standing.pk
    if mandate.conditions.uses is None:
        return _issue(request, mandate, scopes)
    with transaction.atomic():
        take_use(Consent.objects.get(pk=mandate.standing.pk), now=request.facts.now)
        return _issue(request, mandate, scopes)


def _issue(request: Request, mandate: Mandate, scopes: dict[str, str]) -> dict[str, Any]:
    client = request.client
    held = [each for name in scopes for each in mandate.details.get(name, ())]
    chosen = narrow_to(str(request.form.get("authorization_details", "")), held)
    if chosen is not None:
        scopes = _asked_in_detail(mandate, scopes, chosen)
    issued = issue(
        client=client,
        standing=mandate.standing,
        audience=mandate.audience,
        scopes=scopes,
        grant="client_credentials",
        by=Actor.client(client.pk, request.facts),
        now=request.facts.now,
        credential_id=client.credential_id,
        latest_end=mandate.conditions.closes_at(request.facts.now, mandate.time_zone, latest=mandate.standing.ends_at),
        details=held if chosen is None else chosen,
        narrowed=chosen is not None,
        jkt=request.binding.jkt,
    )
    if mandate.untold & scopes.keys():
        tell_of_first_sensitive_use(mandate.standing.pk, now=request.facts.now)
    return answer(issued)


def _asked_in_detail(mandate: Mandate, scopes: dict[str, str], chosen: list[dict[str, Any]]) -> dict[str, str]:
    """Return the scopes without those held in detail of which nothing was asked for (``audience.in_detail``)."""
    types = {each["type"] for each in chosen}
    return {
        name: data_class
        for name, data_class in scopes.items()
        if name not in mandate.details or any(each["type"] in types for each in mandate.details[name])
    }
