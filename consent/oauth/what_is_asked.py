"""What a client asks for, whichever way it asks: permissions, details, purpose, and how the person shall have signed in.

RFC 8707 §2 resource     check_resources         RFC 9396 §5 details                check_details
RFC 6749 §3.3 scope      check_scopes            RFC 9470 §4 acr_values, max_age    check_authentication
purpose, our own         check_purpose           OpenID Connect Core §5.4 scope     _names

The authorization request checks these after its own (``authorization.py``); a request without a browser checks only these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import translation

from agents.acr import ACR_VALUES
from agents.errors import InvalidInput
from agents.models import AgentScope, Client, DetailVersion, Resource, Scope
from agents.programs import personal
from consent.oauth import authorization_details
from consent.oauth.authorization_reading import Reading, Sent
from consent.purpose import clean_purpose
from consent.telling_who import OPENID

MOST_RESOURCES = 20
LONGEST_AGE = 9
"""Digits."""
NOT_TOLD = frozenset({"profile", "email", "address", "phone"})
"""Claims by scope (OpenID Connect Core §5.4) that are not offered. Libraries ask for them unbidden: passed over beside
``openid``, as §3.1.2.1 says of scopes that a server does not understand, and ``scope`` in the answer tells."""
NO_PERMISSION = frozenset({"offline_access"})
"""A wish for a refresh token. That follows from the client's grants and the consent, so it is neither shown nor an error."""


def check_authentication(reading: Reading) -> None:
    """RFC 9470 §4, OpenID Connect Core §3.1.2.1. Of several values one is enough; none that we know cannot be met (§5)."""
    values = reading.one("acr_values").split()
    reading.acr_values = tuple(value for value in ACR_VALUES if value in values)
    if values and not reading.acr_values:
        raise reading.refused(
            "unmet_authentication_requirements", f"None of these acr_values is known here: {' '.join(ACR_VALUES)} are."
        )
    age = reading.one("max_age")
    if age:
        if not (age.isascii() and age.isdigit() and len(age) <= LONGEST_AGE):
            raise reading.refused("invalid_request", "max_age must be a number of seconds.")
        reading.max_age = timedelta(seconds=int(age))


def check_purpose(reading: Reading) -> None:
    purpose = reading.one("purpose")
    if not purpose.strip():
        return
    try:
        with translation.override("en"):  # told to developers, whatever language their program asks for
            reading.purpose = clean_purpose(purpose)
    except InvalidInput as problem:
        raise reading.refused("invalid_request", f"purpose: {problem.sentence}") from problem


def check_resources(reading: Reading) -> None:
    """RFC 8707 §2.1. Compared exactly, never by prefix. Without ``resource``: all those of the agent's scopes."""
    asked = set(filter(None, reading.sent.get("resource") or []))
    if reading.agent.is_personal:
        _check_resources_of_personal(reading, asked)
        return
    offered = list(AgentScope.objects.offered_by(reading.agent))
    known = {row.scope.resource.uri for row in offered}
    if not asked <= known or len(asked) > MOST_RESOURCES:
        raise reading.refused("invalid_target", f"A resource is unknown here.{reading.may_ask_for(known)}")
    reading.offered = [row for row in offered if not asked or row.scope.resource.uri in asked]


def _check_resources_of_personal(reading: Reading, asked: set[str]) -> None:
    """A personal agent may ask for whatever is not sensitive, where it says of which resource, or by name."""
    names = _names(reading)
    known = set(Resource.objects.live().filter(uri__in=asked).values_list("uri", flat=True))
    if asked != known or len(asked) > MOST_RESOURCES:
        raise reading.refused("invalid_target", "A resource is unknown here.")
    if not asked and not names:
        raise reading.refused("invalid_target", "Name the resource that it is for (RFC 8707).")
    reading.offered = personal.offered_to(reading.agent, resources=asked, names=names)
    reading.beyond = personal.sensitive_of(asked, names)


def _names(reading: Reading) -> frozenset[str]:
    """Return the scopes that are asked for by name: in the request, or else in what the program registered for itself."""
    client = reading.client
    registered = client.registered_metadata.get("scope", "") if client is not None and client.is_self_registered else ""
    names = frozenset((reading.one("scope") or _known(registered)).split()) - NO_PERMISSION
    reading.openid = OPENID in names
    return names - {OPENID}


def _known(registered: str) -> str:
    """Leave out of a registered default what no resource offers: nobody asked for it this time."""
    names = registered.split()
    return " ".join(set(Scope.objects.live().filter(name__in=names).values_list("name", flat=True))) if names else ""


def check_details(reading: Reading) -> None:
    """RFC 9396 §5. Each detail asks for the scope that its type belongs to."""
    try:
        reading.versions = DetailVersion.objects.by_scope(row.scope_id for row in reading.offered)
        reading.details = authorization_details.read(reading.one("authorization_details"), reading.versions)
    except authorization_details.BadDetails as problem:
        told = problem.description
        if problem.of_type and not reading.tells:
            told = f"A detail is not what its type allows.{reading.may_ask_for(())}"
        raise reading.refused(problem.code, told) from problem


def check_scopes(reading: Reading) -> None:
    """A scope is the pair (resource, name): a name counts at each asked resource that offers it. None: all of them.

    Beside details no ``scope`` means no other scope. A scope that has a type of details is asked for by these alone.
    """
    offered = {row.scope.name for row in reading.offered}
    names = _names(reading)
    if reading.openid:
        names -= NOT_TOLD - offered
    if not reading.one("scope"):
        names &= offered  # what a program registered for itself is a wish, and no reason to refuse it
    plain = [row for row in reading.offered if row.scope_id not in reading.versions]
    by_detail = [row for row in reading.offered if row.scope_id in reading.details]
    bare = names & offered - {row.scope.name for row in [*plain, *by_detail]}
    if bare:
        raise reading.refused("invalid_scope", f"Ask for {min(bare)} by authorization_details (RFC 9396).")
    all_of_them = not names and not reading.details
    by_name = [row for row in plain if all_of_them or row.scope.name in names]
    reading.asked = [row for row in reading.offered if row in by_name or row in by_detail]
    known = offered | {scope.name for scope in reading.beyond}
    if not reading.asked and reading.beyond and names <= known:
        raise reading.page("needs_administrator", "A personal agent gets nothing sensitive. Ask an administrator.")
    if not names <= known or not reading.asked:
        raise reading.refused("invalid_scope", f"A scope is unknown here.{reading.may_ask_for(known)}")


WHAT_IS_ASKED: tuple[Callable[[Reading], None], ...] = (
    check_authentication,
    check_purpose,
    check_resources,
    check_details,
    check_scopes,
)


@dataclass(frozen=True, slots=True)
class WhatIsAsked:
    """What a client asks for, whichever way it asks. purpose: empty when the client sent none."""

    scopes: tuple[AgentScope, ...]
    purpose: str
    acr_values: tuple[str, ...] = ()
    details: authorization_details.Asked = field(default_factory=dict)
    openid: bool = False
    """Whether it asks to know who the person is."""


def read_what_is_asked(client: Client, sent: Sent, *, now: datetime) -> WhatIsAsked:
    """Return the scopes and the purpose of a request that comes without a browser. Raises AuthorizationRefused.

    A refusal tells a client that proved itself what its agent may ask for. Anybody can name a public one.
    """
    reading = Reading(sent, now, tells=not client.is_public, client=client)
    for check in WHAT_IS_ASKED:
        check(reading)
    return WhatIsAsked(tuple(reading.asked), reading.purpose, reading.acr_values, reading.details, reading.openid)
