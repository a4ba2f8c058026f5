"""Signing in and what it takes: methods, passwords, factors, sessions. Each change with its event, in one transaction.

The library that checks passwords and passkeys is django-allauth; its hooks (``console/accounts/``) call these functions.
A person proves that they may by being signed in, or by a link that only they were sent, so no permission is asked here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents.errors import InvalidInput, LinkRefused
from agents.links import must_still_be_vouched_for
from agents.models.known_source import KnownSource
from agents.models.session import Session
from agents.models.user import User
from agents.trail.kinds import Kind
from agents.trail.record import record

if TYPE_CHECKING:
    from django.http import HttpRequest

    from agents.actors import Actor

RECORDS = "account_authentication_methods"
"""Where allauth keeps, in the session, by what the person has proved themselves so far."""
LONGEST_PASSWORD = 1000
FACTORS = {"totp": "totp", "webauthn": "passkey", "recovery_codes": "recovery_codes"}
"""Our words for allauth's types of factors, as they stand in events."""


def sign_in_methods(request: HttpRequest) -> list[str]:
    """Return how the person at this session signed in, in order: ``["password", "totp"]``, ``["passkey"]``."""
    methods = []
    for entry in request.session.get(RECORDS) or []:
        method = FACTORS.get(entry.get("type"), "code") if entry.get("method") == "mfa" else str(entry.get("method"))
        if method not in methods:
            methods.append(method)
    return methods


def signed_in_at(request: HttpRequest) -> float | None:
    """Return when the person last proved themselves at this session, in seconds since 1970, or None."""
    entries = request.session.get(RECORDS) or []
    return float(entries[-1]["at"]) if entries else None


@dataclass(frozen=True, slots=True)
class Factors:
    """By what somebody can prove themselves."""

    password: bool
    passkeys: int
    app: bool
    recovery_codes: bool

    @property
    def is_password_alone(self) -> bool:
        """Whether a password opens everything."""
        return not self.passkeys and not self.app


def factors_of(person: User) -> Factors:
    """Return by what somebody can prove themselves, in one query."""
    types = list(Authenticator.objects.filter(user_id=person.pk).values_list("type", flat=True))
    return Factors(
        password=person.has_usable_password(),
        passkeys=types.count(Authenticator.Type.WEBAUTHN),
        app=Authenticator.Type.TOTP in types,
        recovery_codes=Authenticator.Type.RECOVERY_CODES in types,
    )


@transaction.atomic
def record_sign_in(person: User, *, methods: list[str], by: Actor, now: datetime) -> None:
    """Write down that somebody signed in, in the transaction that made their session. Records ``person.signed_in``.

    From where they came, others' wrong guesses will not keep them.
    """
    KnownSource.objects.remember(person, by.address, now)
    record(Kind.SIGNED_IN, by=by, now=now, user_id=person.pk, methods=methods)


@transaction.atomic
def record_sign_out(person: User, *, by: Actor, now: datetime) -> None:
    """Write down that somebody signed out. Records ``person.signed_out``."""
    record(Kind.SIGNED_OUT, by=by, now=now, user_id=person.pk)


def checked_password(password: str, person: User) -> str:
    """Return the password if this person may have it. Raises InvalidInput with everything that speaks against it."""
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInput("password", _("Use at most %(longest)s characters.") % {"longest": LONGEST_PASSWORD})
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from error
    return password


def change_password(
    person: User,
    *,
    password: str,
    how: str,
    by: Actor,
    now: datetime,
    keep_session: str = "",
    vouched_for_by: uuid.UUID | None = None,
) -> None:
    """Give somebody a new password. All their sessions end, but for the one that is kept.

    how: ``changed`` by themselves, ``set`` for the first time, or ``reset`` by a link. keep_session: the digest of the
    session that goes on. vouched_for_by: the administrator who made the link, and must be one still. Raises
    InvalidInput, and LinkRefused when the password was changed in between: a link for a new password proves itself by
    the old one, so this is what makes it work once.
    Records ``person.password_changed``.
    """
    # Hashing takes a tenth of a second on purpose. It comes before the transaction, so that nobody waits for the lock.
    new, old = make_password(checked_password(password, person)), person.password
    with transaction.atomic():
        if vouched_for_by is not None:
            must_still_be_vouched_for(vouched_for_by, reader_id=person.pk)
        if not User.objects.active().filter(pk=person.pk, password=old).update(password=new):
            raise LinkRefused(
                _("The password was changed a moment ago. Sign in with the new one, or ask for another link.")
            )
        person.password = new
        end_sessions(person, keep=keep_session)
        record(Kind.PASSWORD_CHANGED, by=by, now=now, user_id=person.pk, how=how)


@transaction.atomic
def factor_added(person: User, *, factor: str, by: Actor, now: datetime, keep_session: str = "") -> None:
    """Write down a new factor, in the transaction that made it, and end the person's other sessions.

    factor: allauth's type. Records ``person.factor_added``.
    """
    end_sessions(person, keep=keep_session)
    record(Kind.FACTOR_ADDED, by=by, now=now, user_id=person.pk, factor=FACTORS.get(factor, factor))


@transaction.atomic
def factor_removed(person: User, *, factor: str, by: Actor, now: datetime, keep_session: str = "") -> None:
    """Write down that a factor is gone, as ``factor_added`` does. Records ``person.factor_removed``."""
    end_sessions(person, keep=keep_session)
    record(Kind.FACTOR_REMOVED, by=by, now=now, user_id=person.pk, factor=FACTORS.get(factor, factor))


@transaction.atomic
def end_other_sessions(person: User, *, keep_session: str, by: Actor, now: datetime) -> int:
    """End all of somebody's sessions but one. Returns how many ended. Records ``person.session_ended`` if any did."""
    ended = end_sessions(person, keep=keep_session)
    if ended:
        record(Kind.SESSION_ENDED, by=by, now=now, user_id=person.pk)
    return ended


def end_sessions(person: User, *, keep: str = "") -> int:
    """Delete the person's sessions, in the caller's transaction. Returns how many there were."""
    ended, _ = Session.objects.of(person).exclude(pk=keep).delete()
    return ended
