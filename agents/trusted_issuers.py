"""Trusted issuers: trust one, change what it may bring about, end it (ID-JAG).

What an administrator decides here is the rule that stands in each consent made on an issuer's word (``consent/vouched.py``).
Whom an issuer means: ``linked_people.py``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.database.statements import rows_of
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Client, Scope, TrustedIssuer
from agents.models import Kind as AgentKind
from agents.outgoing import BadAddress, NotReached, check_url, get
from agents.permissions import May
from agents.public_keys import PublicKey, key_of
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

DISCOVERY = "/.well-known/openid-configuration"
WITHIN = 5.0
LARGEST = 64_000
LONGEST_LIFE = timedelta(days=30)
SHORTEST_LIFE = timedelta(minutes=5)
MOST_DOMAINS = 20
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")


@dataclass(frozen=True, slots=True)
class Terms:
    """What an administrator decides about an issuer. keys: given here; without them jwks_uri says where they are.

    jwks_uri: empty where neither stands; it is then read from the issuer's own document. email_domains: in lower case.
    """

    name: str
    issuer: str
    clients: frozenset[Client]
    scopes: frozenset[Scope]
    keys: tuple[PublicKey, ...] = ()
    jwks_uri: str = ""
    email_domains: tuple[str, ...] = ()
    allow_sensitive: bool = False
    consent_life: timedelta = timedelta(hours=8)

    def facts(self) -> dict[str, Any]:
        """Return them as an event tells them."""
        return {
            "name": self.name,
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri,
            "keys": sorted(key.thumbprint[:16] for key in self.keys),
            "email_domains": sorted(self.email_domains),
            "clients": sorted(client.client_id for client in self.clients),
            "scopes": sorted(f"{scope.resource.uri} {scope.name}" for scope in self.scopes),
            "allow_sensitive": self.allow_sensitive,
            "consent_life": int(self.consent_life.total_seconds()),
        }


def terms_of(row: TrustedIssuer) -> Terms:
    """Return what was decided about an issuer so far."""
    return Terms(
        name=row.name,
        issuer=row.issuer,
        clients=frozenset(row.clients.all()),
        scopes=frozenset(row.scopes.select_related("resource")),
        keys=tuple(key_of(jwk) for jwk in row.keys),
        jwks_uri=row.jwks_uri,
        email_domains=tuple(row.email_domains),
        allow_sensitive=row.allow_sensitive,
        consent_life=row.consent_life,
    )


def where_its_keys_are(issuer: str) -> str:
    """Return the ``jwks_uri`` of an issuer's own document (OpenID Connect Discovery §4). Raises InvalidInput.

    Only public addresses are called. Never call it inside a transaction.
    """
    try:
        document = json.loads(get(issuer.rstrip("/") + DISCOVERY, within=WITHIN, most=LARGEST))
        if not isinstance(document, dict) or document.get("issuer") != issuer:
            raise InvalidInput("issuer", _("Its document names another issuer."))
        uri = document.get("jwks_uri")
        check_url(uri if isinstance(uri, str) else "")
    except (BadAddress, NotReached, ValueError, RecursionError) as problem:
        said = _("Its document could not be read. Give the address of its keys, or the keys themselves.")
        raise InvalidInput("issuer", said) from problem
    return str(uri)


@transaction.atomic
def trust(terms: Terms, *, reason: str, by: Actor, now: datetime) -> TrustedIssuer:
    """Trust an issuer from now on. Raises Forbidden, InvalidInput. Records ``issuer.trusted``."""
    reason = _may(by, reason)
    terms = _checked(terms)
    if by.user is None:
        raise Forbidden(May.TRUST_ISSUER)
    try:
        with transaction.atomic():
            row = TrustedIssuer.objects.create(**_columns(terms), trusted_by=by.user, created_at=now, changed_at=now)
    except IntegrityError as conflict:
        raise InvalidInput("issuer", _("This issuer is trusted already.")) from conflict
    row.clients.set(terms.clients)
    row.scopes.set(terms.scopes)
    record(Kind.ISSUER_TRUSTED, by=by, now=now, reason=reason, issuer=row.pk, after=terms.facts())
    return row


@transaction.atomic
def change(issuer_id: uuid.UUID, terms: Terms, *, reason: str, by: Actor, now: datetime) -> TrustedIssuer:
    """Decide anew what an issuer may bring about. What is allowed on its word so far stands until it ends.

    Whoever changes it answers for it from then on, also who saves it as it is. The issuer itself stays: another one is trusted by itself.
    Raises Forbidden, InvalidInput, Ended. Records ``issuer.changed`` with what changed, if anything did.
    """
    reason = _may(by, reason)
    row = _locked(issuer_id)
    if terms.issuer != row.issuer:
        raise InvalidInput("issuer", _("Another issuer is trusted by itself. This one stays as it is called."))
    terms = _checked(terms)
    before, after = terms_of(row).facts(), terms.facts()
    changed = [name for name, value in after.items() if before[name] != value]
    if by.user is None or (not changed and row.trusted_by_id == by.user.pk):
        return row
    for name, value in _columns(terms).items():
        setattr(row, name, value)
    row.version, row.changed_at, row.trusted_by = row.version + 1, now, by.user
    row.save()
    row.clients.set(terms.clients)
    row.scopes.set(terms.scopes)
    record(
        Kind.ISSUER_CHANGED,
        by=by,
        now=now,
        reason=reason,
        issuer=row.pk,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        version=row.version,
    )
    return row


@transaction.atomic
def end(issuer_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> TrustedIssuer:
    """Trust an issuer no longer. Its assertions are refused from now on. Raises Forbidden, InvalidInput, Ended.

    Records ``issuer.ended``. What was allowed on its word is ended by ``consent.vouched.end_issuer``, which calls this.
    """
    reason = _may(by, reason)
    row = _locked(issuer_id)
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    record(Kind.ISSUER_ENDED, by=by, now=now, reason=reason, issuer=row.pk)
    return row


def is_as_read(row: TrustedIssuer) -> bool:
    """Whether an issuer is trusted as it was when it was read. If so, it stays so until the caller's transaction ends."""
    # Shared: those who act on its word do not wait for each other, and who changes or ends it waits for all of them.
    lock = "FOR SHARE" if connection.vendor == "postgresql" else ""
    statement = f"SELECT version FROM agents_trustedissuer WHERE id = %s AND ended_at IS NULL {lock}"  # noqa: S608 - no value of anybody's
    return rows_of(statement, [row.pk]) == [(row.version,)]


# ------------------------------------------------------------------------------------------------------------- checks


def _may(by: Actor, reason: str) -> str:
    require(by, May.TRUST_ISSUER)
    return reason_of(reason)


def _locked(issuer_id: uuid.UUID) -> TrustedIssuer:
    row = TrustedIssuer.objects.select_for_update(of=("self",)).get(pk=issuer_id)
    if row.ended_at is not None:
        raise Ended(_("This issuer is not trusted any more."))
    return row


def _columns(terms: Terms) -> dict[str, Any]:
    return {
        "name": terms.name,
        "issuer": terms.issuer,
        "jwks_uri": "" if terms.keys else terms.jwks_uri,
        "keys": [key.jwk for key in terms.keys],
        "email_domains": sorted(terms.email_domains),
        "allow_sensitive": terms.allow_sensitive,
        "consent_life": terms.consent_life,
    }


def _checked(terms: Terms) -> Terms:
    """Return the terms as they may be kept. Raises InvalidInput."""
    terms = replace(terms, name=one_line("name", terms.name, longest=80))
    for field, address in (("issuer", terms.issuer), ("jwks_uri", terms.jwks_uri)):
        if address:
            try:
                check_url(address)
            except BadAddress as problem:
                raise InvalidInput(field, str(problem)) from problem
    if not terms.issuer or not (terms.keys or terms.jwks_uri):
        raise InvalidInput("issuer", _("Give the issuer, and its keys or where they are."))
    if len(terms.email_domains) > MOST_DOMAINS or not all(map(_DOMAIN.match, terms.email_domains)):
        raise InvalidInput("email_domains", _("Give domains such as clinic.example.org, at most twenty."))
    if not SHORTEST_LIFE <= terms.consent_life <= LONGEST_LIFE:
        raise InvalidInput("consent_life", _("Choose at least five minutes and at most thirty days."))
    _check_clients(terms.clients)
    if not terms.scopes or any(scope.ended_at is not None for scope in terms.scopes):
        raise InvalidInput("scopes", _("Choose at least one permission."))
    if not terms.allow_sensitive and any(scope.is_sensitive for scope in terms.scopes):
        raise InvalidInput(
            "scopes",
            _("One of these is sensitive. Leave it out, or allow sensitive permissions on this issuer’s word."),
        )
    return terms


def _check_clients(clients: Iterable[Client]) -> None:
    chosen = list(clients)
    if not chosen:
        raise InvalidInput("clients", _("Choose at least one client."))
    for client in chosen:
        if client.is_public or client.agent is None or client.agent.kind != AgentKind.ASSISTANT or client.ended_at:
            raise InvalidInput(
                "clients",
                _("%(client)s cannot do this: it takes a client with a key, of an agent that acts for people.")
                % {"client": client.name},
            )
