"""Clients that made themselves: their rows, their secrets, and how many one source may make.

Such a client belongs to no agent and gets no token until somebody adopts it (decisions.md, Self-registered clients). What
it says of itself is read in ``registration.py``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import credentials
from agents.actors import Actor
from agents.clients import new_client_id
from agents.errors import Refused
from agents.models import AuthMethod, Client, Organisation, Registration, RegistrationToken, Source
from agents.programs.adoption_rules import adopt_by_rule
from agents.programs.registration import Claims
from agents.trail.kinds import Kind
from agents.trail.record import record, text_digest
from agents.trail.refusals import source_of

WITHIN = timedelta(hours=1)
MOST_OF_A_SOURCE = 60
"""Registrations of one address (or /64) within an hour. Many people of one house share an address."""
MOST_WAITING = 20_000
"""Clients that nobody has used yet, of all sources. Those that stay unused are swept."""


class TooManyRegistrations(Refused):
    """The source has had its share, or too many wait altogether. retry_after: in seconds."""

    code = "too_many_registrations"

    def __init__(self, retry_after: int) -> None:
        super().__init__(_("Too many programs registered from there. Try again later."))
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Registered:
    """A new client, and the one moment in which its secrets are known. secret: empty for one that needs none."""

    client: Client
    secret: str
    management_token: str


def registration_policy() -> str:
    """Return whether programs may register themselves now. Before set-up: none."""
    organisation = Organisation.current()
    return organisation.registration if organisation is not None else Registration.OFF.value


def source_digest(kind: str, text: str) -> str:
    """Return what stands with a client for where it came from."""
    return text_digest(f"registered-{kind}", text, None)


def check_room(source: str, *, most: int, now: datetime) -> None:
    """Raise TooManyRegistrations where this source has had its share of the last hour, or too many wait altogether."""
    recent = Client.objects.filter(registered_from=source, created__gt=now - WITHIN)
    if recent.count() >= most:
        raise TooManyRegistrations(int(WITHIN.total_seconds() // 4))
    if Client.objects.unclaimed().filter(personal_since=None).count() >= MOST_WAITING:
        raise TooManyRegistrations(int(WITHIN.total_seconds()))


@transaction.atomic
def register(claims: Claims, *, token: RegistrationToken | None, by: Actor, now: datetime) -> Registered:
    """Make a client from what a program says of itself (RFC 7591 §3). Its secrets are in the answer and nowhere else.

    Raises TooManyRegistrations, InvalidInput (a public key that some client has). Records ``client.registered``.
    """
    source = source_digest("at", source_of(by.address))
    check_room(source, most=MOST_OF_A_SOURCE, now=now)
    management_token = f"mdr_{secrets.token_urlsafe(32)}"
    client = make(
        claims,
        source=Source.DCR,
        client_id=new_client_id(claims.name, length=20),
        by=by,
        now=now,
        registered_from=source,
        initial_token=token,
        registration_digest=credentials.digest_of_key(management_token),
    )
    adopt_by_rule(client, now=now)
    secret = ""
    if claims.auth_method in {AuthMethod.BASIC, AuthMethod.POST}:
        secret = credentials.first_key(client, by=by, now=now).key
    credentials.first_public_keys(client, claims.keys, by=by, now=now)
    return Registered(client, secret, management_token)


def make(claims: Claims, *, source: Source, client_id: str, by: Actor, now: datetime, **more: Any) -> Client:
    """Make the row in the caller's transaction. Records ``client.registered``."""
    key = claims.software_key(source, client_id if source == Source.CIMD else "")
    client = Client.objects.create(
        client_id=client_id,
        registration_source=source,
        software_key=key,
        **columns(claims),
        **more,
    )
    # The column's own default is the clock, and it takes no value: but one action has one time.
    Client.objects.filter(pk=client.pk).update(created=now)
    client.created = now
    record(
        Kind.CLIENT_REGISTERED,
        by=by,
        now=now,
        client_id=client.pk,
        source=str(source),
        name=claims.name,
        auth_method=claims.auth_method,
        grant_types=list(claims.grant_types),
        redirect_uris=list(claims.redirect_uris),
        host=client.document_host,
    )
    return client


def columns(claims: Claims) -> dict[str, Any]:
    """Return the claims as columns of a client."""
    public = claims.auth_method == AuthMethod.NONE
    return {
        "name": claims.name,
        "auth_method": claims.auth_method,
        "grant_types": list(claims.grant_types),
        "redirect_uris": " ".join(claims.redirect_uris),
        "jwks_uri": claims.jwks_uri,
        "require_par": claims.require_par,
        "require_dpop": claims.require_dpop,
        "registered_metadata": claims.said,
        "client_type": Client.CLIENT_PUBLIC if public else Client.CLIENT_CONFIDENTIAL,
        "hash_client_secret": False,
    }
