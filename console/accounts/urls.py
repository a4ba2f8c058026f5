"""Addresses of allauth's pages under ``/account/``, one by one: what is not listed here does not exist.

Not offered: sign-up, because people come by invitation (the page says so), and changing one's own e-mail address, by
which people are known to each other. Pages that change a password or factor are one transaction with their event.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.conf import settings
from django.db import transaction
from django.http.response import HttpResponseBase
from django.urls import path, re_path

from consent.screens.csp import without_form_action
from console.accounts.answers import see_other
from console.accounts.refusals import bad_links_are_recorded, told_afterwards, too_many_are_recorded
from console.pages import account as own


def _one_transaction(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    return told_afterwards(transaction.atomic(view))


def _in_a_flow(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page by which somebody proves who they are: what follows may lead back to a client."""
    return without_form_action(see_other(view))


# Codes that open the account are shown to nobody who merely holds its session. allauth asks when it makes new ones only.
_proved = reauthentication_required(app="allauth.mfa")

urlpatterns = [
    path("", own.overview, name="account"),
    path("sessions/", own.sessions, name="account-sessions"),
    path("login/", _in_a_flow(account.login), name="account_login"),
    path("reauthenticate/", _in_a_flow(account.reauthenticate), name="account_reauthenticate"),
    path("2fa/authenticate/", _in_a_flow(factors.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", _in_a_flow(factors.reauthenticate), name="mfa_reauthenticate"),
    path(
        "2fa/webauthn/reauthenticate/",
        _in_a_flow(passkeys.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("2fa/webauthn/login/", _in_a_flow(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", account.signup, name="account_signup"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path(
        "password/reset/",
        too_many_are_recorded(account.PasswordResetView.as_view(extra_context={"mail_is_sent": settings.MAIL_IS_SENT})),
        name="account_reset_password",
    ),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        # A key has hyphens of its own, so the person's part must not take any.
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        bad_links_are_recorded(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("2fa/", factors.index, name="mfa_index"),
    path("2fa/totp/activate/", _one_transaction(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", _one_transaction(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", _proved(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/",
        _one_transaction(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/download/",
        _proved(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    path("2fa/webauthn/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", _one_transaction(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", _one_transaction(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/edit/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
]
