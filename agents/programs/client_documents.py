"""Client ID Metadata Documents: a program is known by the address of a document in which it describes itself.

draft-ietf-oauth-client-id-metadata-document §3 the address      check_address      §4 what the document says   _claims
§8.6 only public machines, nothing followed       agents/outgoing.py        §8.7 size, time, many at once   _fetch
§5 kept for as long as it says, within bounds     _good_for

Fetched outside transactions, for somebody who has signed in, and never for a stranger: nobody makes Mandate knock at
doors, or keep anything, without saying who they are. What the host answered is all that Mandate verified; the rest of the
document is a program's own word. A document that says something else than before waits to be seen where somebody relies
on it (``changed_registrations.py``); until then the old one counts. Its keys are read apart and may rotate (``key_sets.py``).
Left out: shared secrets, which §4.1 forbids; logos, which are neither fetched nor shown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction

from agents.actors import Actor
from agents.details.strict_json import NotStrict, strictly
from agents.models import AuthMethod, Client, Organisation, Source, User
from agents.outgoing import BadAddress, NotReached, fetch
from agents.programs.adoption_rules import adopt_by_rule
from agents.programs.changed_registrations import note_document
from agents.programs.registration import HIDDEN_IN_PATH, BadMetadata, Claims, check_public, read_claims
from agents.programs.self_registered import TooManyRegistrations, check_room, make, source_digest
from agents.public_addresses import LOCAL_NAMES
from agents.shares import has_left, takes_one

LONGEST_ADDRESS = 255
LARGEST = 16_000
"""Bytes of the whole answer."""
DEEPEST = 8
WITHIN = 3.0
AT_ONCE = 2
"""Fetches of one process at a time, which has four threads (``console/serving.py``; with SQLite one). One more is told to
come again: it must not take the threads of everybody else."""
SHORTEST, USUAL, LONGEST = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
"""For how long a document is taken as it was read, whatever its host says."""
AGAIN_AFTER = 60
"""Seconds after which an address that gave nothing is asked again."""
MOST_OF_A_PERSON = 30
"""Documents new to Mandate that one person brings within an hour."""
MOST_IN_VAIN, VAIN_WITHIN = 6, timedelta(minutes=10)
"""Addresses that gave nothing, of one person: nobody has Mandate knock at many doors, each of which may be slow."""
MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)
_slots = BoundedSemaphore(AT_ONCE)
log = structlog.get_logger(__name__)


class DocumentRefused(Exception):
    """There is no client to be had at this address. code: for the event. The message is for the program's developer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Read:
    """A document as it was read."""

    claims: Claims
    good_until: datetime


def is_address(client_id: str) -> bool:
    """Whether a client id is the address of a document, and not a name that was given here."""
    if client_id[:8].lower() == "https://":
        return True
    return bool(settings.LOCAL_CALLS) and client_id.startswith("http://") and _host(client_id) in LOCAL_NAMES


def are_taken() -> bool:
    """Whether documents are taken at all: an administrator can say no."""
    organisation = Organisation.current()
    return organisation is not None and organisation.client_documents


def check_address(client_id: str) -> None:
    """Raise DocumentRefused unless this can be the address of a client's document (§3)."""
    if len(client_id) > LONGEST_ADDRESS:
        raise DocumentRefused("bad_document_address", f"A client_id has at most {LONGEST_ADDRESS} characters.")
    try:
        check_public(client_id, "client_id")
    except BadMetadata as problem:
        raise DocumentRefused("bad_document_address", str(problem)) from problem
    path = urlsplit(client_id).path
    if not path or HIDDEN_IN_PATH.search(path) or {".", ".."} & set(path.split("/")):
        raise DocumentRefused("bad_document_address", "The address has a path, without dots for segments.")


def known(client_id: str) -> Client | None:
    """Return the client of a document that was read before, whether or not it is fresh. None: nobody has brought it yet."""
    rows = Client.objects.select_related("agent").filter(client_id=client_id, registration_source=Source.CIMD)
    return rows.first()


def resolve(client_id: str, *, person: User, by: Actor, now: datetime) -> Client:
    """Return the client whose document stands at this address, read anew where what was read is too old.

    A host that does not answer any more leaves the client as it was read last. Raises DocumentRefused for an address
    where there is none, TooManyRegistrations for a person who brings too many. Never call it inside a transaction.
    Records ``client.registered`` for one that is new.
    """
    client = known(client_id)
    if client is not None and (client.ended_at is not None or _is_fresh(client, now)):
        return client
    try:
        read = _read_for(person, client_id, now)
    except DocumentRefused:
        if client is None:
            raise
        return client
    if client is None:
        return _keep(client_id, read, person=person, by=by, now=now)
    return note_document(client, read.claims, good_until=read.good_until, by=by, now=now)


def _is_fresh(client: Client, now: datetime) -> bool:
    good_until = client.cimd_expires_at
    return good_until is not None and now < good_until <= now + LONGEST  # or else the clock was set back


@transaction.atomic
def _keep(client_id: str, read: Read, *, person: User, by: Actor, now: datetime) -> Client:
    source = source_digest("by", str(person.pk))
    check_room(source, most=MOST_OF_A_PERSON, now=now)
    try:
        with transaction.atomic():
            client = make(
                read.claims,
                source=Source.CIMD,
                client_id=client_id,
                by=by,
                now=now,
                registered_from=source,
                cimd_expires_at=read.good_until,
            )
            return adopt_by_rule(client, now=now)
    except IntegrityError:  # somebody else brought it at the same moment
        standing = known(client_id)
        if standing is None:
            raise
        return standing


# -------------------------------------------------------------------------------------------------- reading the document


def _read_for(person: User, client_id: str, now: datetime) -> Read:
    """Read it as one of what this person brings. Raises DocumentRefused."""
    share: dict[str, Any] = {"most": MOST_IN_VAIN, "within": VAIN_WITHIN, "now": now}
    if not has_left("client-documents", person.pk, **share):
        raise DocumentRefused("document_busy", "Too many addresses gave no document. Try again later.")
    try:
        return _read(client_id, now)
    except DocumentRefused:
        takes_one("client-documents", person.pk, **share)
        raise


def _read(client_id: str, now: datetime) -> Read:
    check_address(client_id)
    mark = f"client-document:{hashlib.sha256(client_id.encode()).hexdigest()}"
    if cache.get(mark):
        raise DocumentRefused(
            "document_not_reached", "The document gave no answer a moment ago. Try again in a minute."
        )
    try:
        with _slot():
            return _fetch(client_id, now)
    except DocumentRefused as refusal:
        if refusal.code != "document_busy":
            cache.set(mark, True, AGAIN_AFTER)
        raise


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(blocking=False):
        raise DocumentRefused("document_busy", "Mandate reads too many documents at this moment. Try again.")
    try:
        yield
    finally:
        _slots.release()


def _fetch(client_id: str, now: datetime) -> Read:
    try:
        answer = fetch(client_id, within=WITHIN, most=LARGEST)
    except (BadAddress, NotReached) as problem:
        log.info("client_document_not_reached", host=_host(client_id), problem=type(problem).__name__)
        raise DocumentRefused("document_not_reached", "The document could not be read at its address.") from problem
    kind = answer.media_type
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise DocumentRefused("bad_document", "The document must be application/json.")
    try:
        document = strictly(answer.body.decode("utf-8"), deepest=DEEPEST)
    except (NotStrict, UnicodeDecodeError) as problem:
        raise DocumentRefused("bad_document", "The document is no JSON that can be read.") from problem
    return Read(_claims(document, client_id), now + _good_for(answer.cache_control))


def _claims(document: Any, client_id: str) -> Claims:
    if not isinstance(document, dict):
        raise DocumentRefused("bad_document", "The document is no JSON object.")
    if document.get("client_id") != client_id:
        raise DocumentRefused("bad_document", "The client_id in the document is not the address of the document.")
    try:
        claims = read_claims(document, lenient=True, default_method=AuthMethod.NONE)
    except BadMetadata as problem:
        raise DocumentRefused("bad_document", str(problem)) from problem
    if claims.auth_method not in {AuthMethod.NONE, AuthMethod.PRIVATE_KEY_JWT}:
        raise DocumentRefused("bad_document", "A document keeps no secret: use none or private_key_jwt.")
    if claims.keys:
        # Keys in the document itself are read where it stands, like those of any other jwks_uri, and may rotate so.
        claims = replace(claims, keys=(), jwks_uri=client_id)
    return claims if claims.name else replace(claims, name=_host(client_id)[:80])


def _good_for(cache_control: str) -> timedelta:
    if re.search(r"no-(?:store|cache)", cache_control, re.IGNORECASE):
        return SHORTEST
    found = MAX_AGE.search(cache_control)
    return max(SHORTEST, min(timedelta(seconds=int(found[1])), LONGEST)) if found else USUAL


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


__all__ = ["DocumentRefused", "TooManyRegistrations", "are_taken", "is_address", "known", "resolve"]
