"""Links for a new password: mailed to whoever forgot it, printed at the server, or made by an administrator.

The last sort names its maker, inside what is signed, and holds while they are an active administrator. Nothing is kept
of any link: it proves itself by the password that it replaces (``django.contrib.auth.tokens``).
"""

from __future__ import annotations

import uuid
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse

from agents.models import User
from console.accounts.requests import OurRequest

MAKER_ENDS = "."
"""Stands between the maker and the rest of a key; no other key has one."""


class _MadeBy(PasswordResetTokenGenerator):
    """Keys of one maker: another's name in front makes another digest."""

    key_salt = "console.accounts.password_links"

    def __init__(self, maker_id: uuid.UUID) -> None:
        super().__init__()
        self.maker_id = maker_id

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{self.maker_id}{super()._make_hash_value(user, timestamp)}"


class PasswordLinks(PasswordResetTokenGenerator):
    """Django's keys, and those that an administrator vouches for."""

    def check_token(self, user: Any, token: str | None) -> bool:
        """Return whether the key opens this person's password now."""
        maker, ends, rest = (token or "").rpartition(MAKER_ENDS)
        if not ends:
            return super().check_token(user, token)
        maker_id = _parsed(maker)
        return (
            maker_id is not None
            and _MadeBy(maker_id).check_token(user, rest)
            and User.objects.administrators().filter(pk=maker_id).exists()
        )


def password_link(person: User, *, maker: User | None = None) -> str:
    """Return an address at which somebody sets a new password, once and within an hour.

    maker: the administrator who vouches for it; without one it was asked for by mail or at the server.
    """
    if maker is None:
        key = PasswordLinks().make_token(person)
    else:
        key = f"{maker.pk.hex}{MAKER_ENDS}{_MadeBy(maker.pk).make_token(person)}"
    return address_of(f"{user_pk_to_url_str(person)}-{key}")


def address_of(key: str) -> str:
    """Return the address for a key with the person's part in front.

    It comes from the settings: a Host header must not choose where a secret is sent (S6).
    """
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    return settings.ISSUER + path.replace("UID-KEY", key)


def maker_of_the_link(request: OurRequest) -> uuid.UUID | None:
    """Return which administrator made the link that this request follows; None for a link that nobody vouches for.

    The key stands in the address, or in the session once the browser was led away from it.
    """
    from allauth.account.views import INTERNAL_RESET_SESSION_KEY, PasswordResetFromKeyView  # they import this file

    key = request.resolver_match.kwargs.get("key", "") if request.resolver_match else ""
    if key == PasswordResetFromKeyView.reset_url_key:
        key = request.session.get(INTERNAL_RESET_SESSION_KEY, "")
    return _parsed(key.rpartition(MAKER_ENDS)[0])


def _parsed(maker: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(maker)
    except ValueError:
        return None
