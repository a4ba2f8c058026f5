"""allauth's forms for codes and passkeys, with what they lack: a code counts once in the database, and refusals are told.

allauth remembers used codes in the cache, which may forget (RFC 6238 §5.2: the second attempt must be refused).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn import forms as webauthn

from agents.models import User
from consent.once import UsedAlready, use_once
from console.accounts.refusals import refusals_are_noted, refusals_are_recorded


def use_up(person: User, secret: str, code: str, *, now: datetime) -> bool:
    """Note that this code was used. False if it was used before: of two at once, one comes through.

    What counts is the time step that the code stands for, so that the same six digits may come again another day.
    """
    step = next((n for n in yield_hotp_counters_from_time() if _is_code_of(secret, n, code)), None)
    if step is None:
        return False
    life = (2 * app_settings.TOTP_TOLERANCE + 1) * timedelta(seconds=app_settings.TOTP_PERIOD)
    try:
        use_once("totp", f"{person.pk.hex}:{step}", now=now, life=life)
    except UsedAlready:
        return False
    return True


def _is_code_of(secret: str, step: int, code: str) -> bool:
    return bool(compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))))


class ChangePasswordForm(account.ChangePasswordForm):
    """A new password for whoever knows the old one."""

    def clean_oldpassword(self) -> str:
        with refusals_are_recorded(self.user):
            given = str(super().clean_oldpassword())
        context.request.session.fit_to_password_of(self.user)
        return given


class _CodeCountsOnce(base.BaseAuthenticateForm):
    """For allauth's forms that take a code of a signed-in or half signed-in person."""

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        with refusals_are_recorded(self.user):
            code: str = super().clean_code()
            if self.authenticator.type == Authenticator.Type.TOTP:
                secret = decrypt(self.authenticator.data["secret"])
                if not use_up(self.user, secret, code, now=context.request.now):
                    raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_CodeCountsOnce, base.AuthenticateForm):
    """The second step of signing in."""


class ReauthenticateForm(_CodeCountsOnce, base.ReauthenticateForm):
    """Proving oneself again before something that matters."""


class ActivateCodeForm(ActivateTOTPForm):
    """The first code of an app. It cannot be used again to sign in."""

    user: User

    def clean_code(self) -> str:
        with refusals_are_noted():
            code: str = super().clean_code()
            if not use_up(self.user, self.secret, code, now=context.request.now):
                raise get_adapter().validation_error("incorrect_code")
        return code


class _PasskeyIsAnObject(webauthn.AuthenticateWebAuthnForm):
    """For allauth's forms that take what a browser says of a passkey: whatever else comes is refused, never a fault."""

    user: User | None
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Authenticator:
        with refusals_are_recorded(self.user):
            try:
                return super().clean_credential()
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise get_adapter().validation_error("incorrect_code") from error


class AuthenticatePasskeyForm(_PasskeyIsAnObject, webauthn.AuthenticateWebAuthnForm):
    """A passkey as the second step."""


class ReauthenticatePasskeyForm(_PasskeyIsAnObject, webauthn.ReauthenticateWebAuthnForm):
    """A passkey before something that matters."""


class SignInWithPasskeyForm(_PasskeyIsAnObject, webauthn.LoginWebAuthnForm):
    """A passkey alone."""


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    """A new passkey."""

    def clean(self) -> dict[str, Any]:
        with refusals_are_noted():
            try:
                return dict(super().clean())
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise get_adapter().validation_error("incorrect_code") from error
