"""Whom a trusted issuer means: people linked to its name for them (ID-JAG).

A person is found by the ``sub`` that is linked to them. The first time, by an address that the issuer says it has verified,
in a domain that the administrator named; from then on the ``sub`` alone counts, so that an address which is given to
somebody else opens nothing.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Ended
from agents.models import LinkedPerson, TrustedIssuer, User
from agents.models.user import folded_email
from agents.permissions import May
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


class UnknownPerson(Exception):
    """Nobody here is whom the issuer means, as far as may be known. The message is for developers."""


def person_of(row: TrustedIssuer, claims: Mapping[str, Any], *, by: Actor, now: datetime) -> User:
    """Return whom the claims of an assertion mean, in the caller's transaction; who is found by an address is linked.

    claims: of a proven assertion, with a checked ``sub``. Raises UnknownPerson. Records ``issuer.person_linked``.
    """
    subject = str(claims["sub"])
    linked = _linked(row, subject)
    if linked is not None:
        return _active(linked)
    person = _by_address(row, claims)
    try:
        with transaction.atomic():  # one name for one person: that decides, also between two assertions at once
            link(row, subject, person, by=by, now=now)
    except IntegrityError as conflict:
        if _linked(row, subject) != person:
            raise UnknownPerson("This address belongs to somebody whom the issuer calls otherwise.") from conflict
    return person


def _linked(row: TrustedIssuer, subject: str) -> User | None:
    found = LinkedPerson.objects.live().filter(issuer=row, subject=subject).select_related("user").first()
    return found.user if found is not None else None


def link(row: TrustedIssuer, subject: str, person: User, *, by: Actor, now: datetime) -> LinkedPerson:
    """Keep whom an issuer means by a subject, in the caller's transaction. Records ``issuer.person_linked``."""
    made = LinkedPerson.objects.create(issuer=row, subject=subject, user=person, since=now)
    record(Kind.PERSON_LINKED, by=by, now=now, user_id=person.pk, issuer=row.pk, link=made.pk)
    return made


@transaction.atomic
def unlink(link_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> LinkedPerson:
    """Forget whom an issuer means by a subject. Its next assertion finds them by their address again, if it may.

    Raises Forbidden, InvalidInput, Ended. Records ``issuer.person_unlinked``.
    """
    require(by, May.TRUST_ISSUER)
    reason = reason_of(reason)
    row = LinkedPerson.objects.select_for_update(of=("self",)).get(pk=link_id)
    if row.until is not None:
        raise Ended(_("They are not linked any more."))
    row.until = max(now, row.since)  # the clock of the server that linked them may have been ahead
    row.save(update_fields=["until"])
    record(Kind.PERSON_UNLINKED, by=by, now=now, reason=reason, user_id=row.user_id, issuer=row.issuer_id, link=row.pk)
    return row


def _by_address(row: TrustedIssuer, claims: Mapping[str, Any]) -> User:
    address = claims.get("email")
    if not isinstance(address, str) or claims.get("email_verified") is not True or len(address) > 254:
        raise UnknownPerson("The issuer names nobody whom this server knows, and no address that it has verified.")
    # The Kelvin sign folds to an ordinary k: such an address would open what belongs to whoever has the ordinary one.
    if not address.isprintable() or unicodedata.normalize("NFKC", address) != address:
        raise UnknownPerson("The address holds characters by which it could be taken for another one.")
    address = folded_email(address)
    if address.rpartition("@")[2] not in row.email_domains:
        raise UnknownPerson("The issuer may not name people by addresses of this domain.")
    person = User.objects.filter(email=address).first()
    if person is None:
        raise UnknownPerson("Nobody here has this address.")
    return _active(person)


def _active(person: User) -> User:
    if not person.is_active:
        raise UnknownPerson("This person cannot sign in here.")
    return person
