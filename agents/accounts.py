"""What a new account needs: an address, a name, a password and a time zone that may be, and an address nobody has."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.languages import checked_language
from agents.models.user import User, folded_email
from agents.sign_in import checked_password
from agents.texts import one_line

LONGEST_NAME = 120


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The names of time zones that somebody can live in. Read once: the system keeps them in a thousand files."""
    return frozenset(zoneinfo.available_timezones())


def checked_email(email: str) -> str:
    """Return the address as it is kept. Raises InvalidInput."""
    email = folded_email(email)
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput("email", _("Give a whole address, such as name@example.org.")) from error
    if len(email) > 254:
        raise InvalidInput("email", _("Use at most 254 characters."))
    return email


def new_account(
    *, email: str, name: str, role: str, password: str, time_zone: str, now: datetime, language: str = ""
) -> User:
    """Return a person who is not saved yet, everything checked and the password hashed. Raises InvalidInput."""
    person = User(
        email=checked_email(email),
        name=one_line("name", name, longest=LONGEST_NAME),
        role=role,
        time_zone=checked_time_zone(time_zone),
        language=checked_language(language),
        created_at=now,
    )
    person.set_password(checked_password(password, person))
    return person


def checked_time_zone(time_zone: str) -> str:
    """Return the time zone if somebody can live in it. Raises InvalidInput."""
    if time_zone not in time_zones():
        raise InvalidInput("time_zone", _("Choose a time zone from the list."))
    return time_zone


def must_be_free(email: str) -> None:
    """Raise InvalidInput for an address that somebody has."""
    if User.objects.alias(folded=Lower("email")).filter(folded=email).exists():
        raise _taken()


def _taken() -> InvalidInput:
    return InvalidInput("email", _("Somebody with this address is here already."))


def insert(person: User) -> None:
    """Save a new person. Raises InvalidInput where somebody else took the address after ``must_be_free``."""
    try:
        with transaction.atomic():  # a savepoint: the unique address decides between two at once
            person.save(force_insert=True)
    except IntegrityError as error:
        raise _taken() from error
