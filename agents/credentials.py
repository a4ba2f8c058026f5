"""Credentials: issue, check, revoke. A key names the credential and proves it: ``mdt_<handle>_<secret>_<checksum>``.

The secret has 256 random bits; the checksum lets secret scanners tell a leaked key from noise without asking us.
The key is shown once and stored as a digest. A client that signs (``private_key_jwt``) has public keys instead, of which
only it knows the private half.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents import clients
from agents.actors import Actor, require
from agents.ends import checked_end
from agents.errors import Ended, InvalidInput
from agents.ids import random_handle
from agents.models import Agent, Client, Credential, Resource, State
from agents.permissions import May
from agents.public_keys import MOST_KEYS, PublicKey
from agents.texts import LONGEST_REASON, one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

PREFIX = "mdt"
WELL_FORMED = re.compile(rf"{PREFIX}_(?P<handle>[0-9a-z]{{1,16}})_[0-9A-Za-z]{{1,64}}_[0-9A-Za-z]{{6}}\Z")
"""Anybody can compute a checksum, so the shape is looked at first: a NUL in a handle is an error of PostgreSQL's driver."""
PUBLIC_HANDLE = 16
"""Characters of a public key's handle: how its thumbprint begins. Of a secret's there are twelve."""
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new credential and the one moment in which its key is known."""

    credential: Credential
    key: str


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(width, "0")


def checksum(body: str) -> str:
    """Return the six-character checksum of ``mdt_<handle>_<secret>`` (CRC-32 in base 62)."""
    return _base62(binascii.crc32(body.encode()), 6)


def new_key(handle: str) -> str:
    """Return a fresh key for this handle, with 256 bits from the system's random source."""
    body = f"{PREFIX}_{handle}_{_base62(secrets.randbits(256), 43)}"
    return f"{body}_{checksum(body)}"


def handle_of(key: str) -> str | None:
    """Return the handle that a well-formed key names, or None. Proves nothing yet."""
    shape = WELL_FORMED.match(key)
    if shape is None:
        return None
    body, _, check = key.rpartition("_")
    return shape["handle"] if hmac.compare_digest(checksum(body), check) else None


def digest_of_key(key: str) -> str:
    """Return the digest under which a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


def proves(key: str, digest: str) -> bool:
    """Whether the key is the one behind this digest, compared in constant time."""
    return hmac.compare_digest(digest_of_key(key), digest)


@transaction.atomic
def issue(
    holder: Client | Resource, *, by: Actor, now: datetime, ends_at: datetime | None = None, reason: str = ""
) -> IssuedKey:
    """Give a client or a resource one more key. The key is in the answer and nowhere else.

    Raises Forbidden, Ended (the holder was removed, or its agent retired), InvalidInput (an end in the past, or a
    public client). Records ``credential.issued``.
    """
    # Under the holder's lock, so that none is left with a live key by a removal, a retirement or a change to public.
    holder = _locked(holder, by)
    checked_end(ends_at, now=now)
    reason = one_line("reason", reason, longest=LONGEST_REASON, needed=False)
    return _made(holder, by=by, now=now, ends_at=ends_at, reason=reason)


def first_key(client: Client, *, by: Actor, now: datetime) -> IssuedKey:
    """Give a client that registers itself its secret, in the caller's transaction. Records ``credential.issued``."""
    return _made(client, by=by, now=now, ends_at=None, reason="")


def _made(holder: Client | Resource, *, by: Actor, now: datetime, ends_at: datetime | None, reason: str) -> IssuedKey:
    handle = random_handle(12)
    key = new_key(handle)
    credential = Credential.objects.create(
        handle=handle,
        client=holder if isinstance(holder, Client) else None,
        resource=holder if isinstance(holder, Resource) else None,
        digest=digest_of_key(key),
        starts_at=now,
        ends_at=ends_at,
        created_by=by.user,
    )
    record(
        Kind.CREDENTIAL_ISSUED,
        by=by,
        now=now,
        credential_id=credential.pk,
        reason=reason,
        handle=handle,
        ends_at=ends_at,
        **_holder_ids(credential),
    )
    return IssuedKey(credential, key)


@transaction.atomic
def add_public_keys(
    client: Client, keys: Iterable[PublicKey], *, by: Actor, now: datetime, ends_at: datetime | None = None
) -> list[Credential]:
    """Let a client prove itself by the private halves of these keys as well. Returns the new credentials.

    Raises Forbidden, Ended (client removed or agent retired), InvalidInput (an end in the past, a client that does not
    sign, too many keys, or one that some client has or had: what was revoked stays so, and no two share a key).
    Records ``credential.public_key_added`` for each.
    """
    client = _locked_client(client, by, secret=False)
    checked_end(ends_at, now=now)
    added = first_public_keys(client, keys, by=by, now=now, ends_at=ends_at)
    live = Credential.objects.live(now).filter(client=client, public_jwk__isnull=False).count()
    if live > MOST_KEYS:
        raise InvalidInput("public_keys", _("A client has at most %(most)s live keys.") % {"most": MOST_KEYS})
    return added


def first_public_keys(
    client: Client, keys: Iterable[PublicKey], *, by: Actor, now: datetime, ends_at: datetime | None = None
) -> list[Credential]:
    """Keep these public keys of a client, in the caller's transaction. Raises InvalidInput for one that some client has.

    Records ``credential.public_key_added`` for each.
    """
    added = []
    for key in keys:
        handle = key.thumbprint[:PUBLIC_HANDLE]
        try:
            with transaction.atomic():  # the unique handle decides, also between two clients at once
                credential = Credential.objects.create(
                    handle=handle,
                    client=client,
                    digest=key.digest,
                    public_jwk=key.jwk,
                    starts_at=now,
                    ends_at=ends_at,
                    created_by=by.user,
                )
        except IntegrityError as taken:
            raise InvalidInput(
                "public_keys",
                _("%(key)s is or was the key of a client already. Make a new pair for this one.") % {"key": handle},
            ) from taken
        record(
            Kind.PUBLIC_KEY_ADDED,
            by=by,
            now=now,
            credential_id=credential.pk,
            handle=handle,
            thumbprint=key.thumbprint,
            ends_at=ends_at,
            **_holder_ids(credential),
        )
        added.append(credential)
    return added


def replace_public_keys(client: Client, keys: Iterable[PublicKey], *, by: Actor, now: datetime) -> None:
    """Make exactly these the live public keys of a client that manages itself, in the caller's transaction and under its lock.

    Raises InvalidInput for one that some client has or had. Records what changes, if anything does.
    """
    wanted = {key.digest: key for key in keys}
    live = Credential.objects.live(now).filter(client=client, public_jwk__isnull=False)
    for credential in live.select_for_update(of=("self",)).order_by("pk"):
        if wanted.pop(credential.digest, None) is None:
            _end(credential, by=by, now=now, reason="")
    first_public_keys(client, wanted.values(), by=by, now=now)


@transaction.atomic
def revoke(credential: Credential, *, by: Actor, now: datetime, reason: str) -> Credential:
    """Make a key prove nothing from this moment on. Tokens got with it are worth nothing from their next use on.

    Raises Forbidden, Ended, InvalidInput (no reason). Records ``credential.revoked``.
    """
    reason = reason_of(reason)
    credential = Credential.objects.select_for_update().get(pk=credential.pk)
    if credential.client is not None:
        require(by, May.REVOKE_CREDENTIAL, credential.client.agent)
    else:
        require(by, May.MANAGE_RESOURCE, credential.resource)
    if credential.revoked_at is not None:
        raise Ended(_("This key was revoked already."))
    _end(credential, by=by, now=now, reason=reason)
    return credential


@transaction.atomic
def revoke_all(agent: Agent, *, by: Actor, now: datetime, reason: str) -> int:
    """Revoke each live key of the agent's clients, when it changes hands. Returns how many there were.

    In the transaction and under the agent's lock of whoever gives it away, who asked already whether they may.
    Records ``credential.revoked`` for each.
    """
    keys = Credential.objects.live(now).filter(client__agent=agent).select_related("client").order_by("pk")
    ended = list(keys.select_for_update(of=("self",)))
    for credential in ended:
        _end(credential, by=by, now=now, reason=reason)
    return len(ended)


def _end(credential: Credential, *, by: Actor, now: datetime, reason: str) -> None:
    credential.revoked_at = now
    credential.save(update_fields=["revoked_at"])
    record(
        Kind.CREDENTIAL_REVOKED,
        by=by,
        now=now,
        credential_id=credential.pk,
        reason=reason,
        handle=credential.handle,
        **_holder_ids(credential),
    )


def _locked(holder: Client | Resource, by: Actor) -> Client | Resource:
    """Return the holder under its locks, once it is sure that it may have another secret."""
    if isinstance(holder, Client):
        return _locked_client(holder, by, secret=True)
    resource = Resource.objects.select_for_update().get(pk=holder.pk)
    require(by, May.MANAGE_RESOURCE, resource)
    _must_be_there(resource)
    return resource


def _locked_client(client: Client, by: Actor, *, secret: bool) -> Client:
    """Return the client under its locks, once it is sure that it may have another key. secret: or else a public one."""
    client, agent = clients.locked(client)
    require(by, May.ISSUE_CREDENTIAL, agent)
    if client.is_public:
        raise InvalidInput("client", _("A public client keeps no secret. Give it a method that authenticates first."))
    if client.signs and secret:
        raise InvalidInput("client", _("This client proves itself by a key of its own. Give its public half here."))
    if not client.signs and not secret:
        raise InvalidInput("public_keys", _("This client proves itself by a secret. Change its method first."))
    if client.jwks_uri:
        raise InvalidInput("public_keys", _("This client publishes its keys at an address of its own. Add it there."))
    if agent.state == State.RETIRED:
        raise Ended(_("%(agent)s is retired. Its clients get no more keys.") % {"agent": agent.name})
    _must_be_there(client)
    return client


def _must_be_there(holder: Client | Resource) -> None:
    if holder.ended_at is not None:
        raise Ended(_("It was removed and gets no more keys."))


def _holder_ids(credential: Credential) -> dict[str, object]:
    if credential.client is not None:
        return {"client_id": credential.client_id, "agent_id": credential.client.agent_id}
    return {"resource_id": credential.resource_id}
