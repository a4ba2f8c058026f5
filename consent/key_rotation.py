"""Changing the keys that sign access tokens, so that no token is refused for it, and giving one up at once.

A key passes four stations, and the times of each stand in its row, so that a dead worker holds up nothing:

- *waits*: its public half is published, and for longer than anybody keeps the key set (``PUBLISHED_BEFORE``);
- *signs*: from its hour on, in every process, until that of the next one;
- *checks*: still published until the last token that it signed has ended (``STAYS_PUBLISHED``);
- *retired*: out of the key set, its private half deleted.

A key that somebody else may hold skips all of that: it leaves the key set now, and nothing that it signed counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from agents.actors import Actor, require
from agents.database.statements import turn_to_write
from agents.models.resource import LONGEST_OFFLINE_LIFE
from agents.own_reasons import OwnReason
from agents.permissions import May
from agents.texts import one_line
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.errors import KeyGivenUp, NextKeyWaits
from consent.models import SigningKey
from consent.oauth.signing_keys import KEPT_FOR, SET_KEPT_FOR, forget_keys, make_key

CLOCKS_DIFFER_BY = timedelta(minutes=1)
PUBLISHED_BEFORE = 2 * SET_KEPT_FOR
"""How long a key is published before it signs: twice as long as anybody may keep the key set."""
STAYS_PUBLISHED = LONGEST_OFFLINE_LIFE + KEPT_FOR + CLOCKS_DIFFER_BY
"""How long a key is published after the next one began to sign."""
CHANGED_EVERY = timedelta(days=90)
LONGEST_REASON = 500


@contextmanager
def _in_turn() -> Iterator[None]:
    """One transaction that queues with those who issue tokens, so that a busy SQLite does not keep an emergency waiting."""
    with turn_to_write(), transaction.atomic():
        yield


class Station(StrEnum):
    WAITS = "waits"
    SIGNS = "signs"
    CHECKS = "checks"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class Standing:
    """A key and where it stands at one moment."""

    key: SigningKey
    station: Station

    @property
    def can_be_given_up(self) -> bool:
        return self.station in {Station.WAITS, Station.SIGNS, Station.CHECKS}

    @property
    def never_signed(self) -> bool:
        """Whether it was given up before its hour came."""
        return self.key.unpublished_at is not None and self.key.signs_from >= self.key.unpublished_at


def standings(now: datetime, *, retired: int = 10) -> list[Standing]:
    """Return every key that is published and the last so many that are not any more, newest first. Two queries."""
    published = list(SigningKey.objects.published(now).order_by("-signs_from", "kid"))
    over = SigningKey.objects.filter(unpublished_at__lte=now).order_by("-unpublished_at", "kid")[:retired]
    signing = next((key for key in published if key.signs_from <= now), None)
    found = [Standing(key, _station(key, signing, now)) for key in published]
    return found + [Standing(key, Station.COMPROMISED if key.compromised_at else Station.RETIRED) for key in over]


def _station(key: SigningKey, signing: SigningKey | None, now: datetime) -> Station:
    if key.signs_from > now:
        return Station.WAITS
    return Station.SIGNS if key == signing else Station.CHECKS


@_in_turn()
def rotate(*, reason: str, by: Actor, now: datetime) -> SigningKey:
    """Publish a new key, which signs ``PUBLISHED_BEFORE`` later; the one that signs now stays published for its tokens.

    Raises Forbidden, InvalidInput, NextKeyWaits while a key waits already. Records ``signing_key.made``.
    """
    require(by, May.MANAGE_SIGNING_KEYS)
    said = one_line("reason", reason, longest=LONGEST_REASON)
    published = _locked(now)
    waiting = next((key for key in published if key.signs_from > now), None)
    if waiting is not None:
        raise NextKeyWaits(waiting.signs_from)
    made = make_key(now=now, signs_from=now + PUBLISHED_BEFORE if published else now, reason=said, by=by)
    _settle(now)
    return made


@_in_turn()
def give_up(kid: str, *, reason: str, by: Actor, now: datetime) -> SigningKey:
    """Make nothing count that this key signed: it leaves the key set now and its private half is deleted.

    If it signed, the key that waits takes its place at once, or a new one does. Other processes sign with that one within
    ``KEPT_FOR``. Returns the key that signs now. Raises Forbidden, InvalidInput, KeyGivenUp, SigningKey.DoesNotExist.
    Records ``signing_key.compromised``, and ``signing_key.made`` where a new one is needed.
    """
    require(by, May.MANAGE_SIGNING_KEYS)
    said = one_line("reason", reason, longest=LONGEST_REASON)
    published = _locked(now)
    key = SigningKey.objects.get(pk=kid)
    if key not in published:
        raise KeyGivenUp
    key.compromised_at = key.unpublished_at = now
    key.private_jwk_encrypted = ""
    key.save(update_fields=["compromised_at", "unpublished_at", "private_jwk_encrypted"])
    successor = _successor([other for other in published if other != key], key=key, by=by, now=now)
    _settle(now)
    record(Kind.SIGNING_KEY_COMPROMISED, by=by, now=now, kid=kid, successor=successor.kid, reason=said)
    transaction.on_commit(forget_keys)
    return successor


def _successor(others: list[SigningKey], *, key: SigningKey, by: Actor, now: datetime) -> SigningKey:
    """Return the key that signs once this one does not. One that signed before it never signs again."""
    signing = next((other for other in others if key.signs_from < other.signs_from <= now), None)
    if key.signs_from > now:
        signing = next((other for other in others if other.signs_from <= now), None)
    if signing is not None:
        return signing
    waiting = next((other for other in others if other.signs_from > now), None)
    if waiting is None:
        return make_key(now=now, by=by)
    waiting.signs_from = now
    waiting.published_at = min(waiting.published_at, now)
    waiting.save(update_fields=["signs_from", "published_at"])
    return waiting


def rotate_if_due(*, now: datetime, batch: int = 500) -> int:
    """Publish the next key when the one that signs has done so for ``CHANGED_EVERY``. Returns how many were made."""
    staying = list(SigningKey.objects.staying(now).order_by("-signs_from", "kid"))
    if sum(key.unpublished_at is None for key in staying) > 1:
        settle(now=now)
    if not staying or staying[0].signs_from > now - CHANGED_EVERY:
        return 0
    try:
        rotate(reason=OwnReason.KEY_HAS_SIGNED_LONG, by=Actor.system(), now=now)
    except NextKeyWaits:  # somebody else was quicker
        return 0
    return 1


@_in_turn()
def settle(*, now: datetime) -> None:
    """Let all keys but the newest leave in time: two processes that needed the first one at once made two."""
    _locked(now)
    _settle(now)


def retire(*, now: datetime, batch: int = 500) -> int:
    """Write down which keys are published no more, and delete their private halves. Returns how many.

    Records ``signing_key.retired`` for each. The key set left them out before this ran.
    """
    retired = 0
    for kid in SigningKey.objects.filter(unpublished_at__lte=now, retired_at=None).values_list("kid", flat=True)[
        :batch
    ]:
        with transaction.atomic():
            due = SigningKey.objects.filter(pk=kid, retired_at=None, unpublished_at__lte=now)
            if due.update(retired_at=now, private_jwk_encrypted=""):
                record(Kind.SIGNING_KEY_RETIRED, by=Actor.system(), now=now, kid=kid)
                retired += 1
    return retired


def _locked(now: datetime) -> list[SigningKey]:
    """Lock the published keys, so that two who change them come one after the other, and return them, newest first.

    Read again below the lock: whoever waited for it would otherwise miss the key that the first one made, perhaps at a
    time that by their own clock is still to come.
    """
    published = SigningKey.objects.staying(now)
    list(published.select_for_update().order_by("kid"))
    return list(published.order_by("-signs_from", "kid"))


def _settle(now: datetime) -> None:
    """Let each published key leave the key set once the tokens that it signed before the next one have ended."""
    following: SigningKey | None = None
    for key in SigningKey.objects.staying(now).order_by("-signs_from", "kid"):
        leaves = following.signs_from + STAYS_PUBLISHED if following else None
        if key.unpublished_at != leaves:
            key.unpublished_at = leaves
            key.save(update_fields=["unpublished_at"])
        following = key
    transaction.on_commit(forget_keys)
