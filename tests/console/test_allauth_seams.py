"""What we replaced in allauth, or stand on though it is not promised: an upgrade that changes it is read before it is used.

When one of these fails: read the new source, see that ours (``console/accounts/``) still does what it must, and put the
new digest here.
"""

from __future__ import annotations

import hashlib
import inspect

import pytest
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ResetPasswordKeyForm, UserTokenForm
from allauth.account.internal.flows import login as login_flow
from allauth.account.internal.flows import password_change, password_reset
from allauth.account.views import PasswordResetFromKeyView
from allauth.core.internal import ratelimit
from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.base.internal import flows as factor_flows
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.webauthn import forms as webauthn
from django.contrib.sessions.backends.db import SessionStore

REPLACED = {
    DefaultAccountAdapter.login: "4e02e26418ac",
    DefaultAccountAdapter.logout: "ba5ca267aa5c",
    DefaultAccountAdapter.set_password: "bb1268e325c3",
    DefaultAccountAdapter.pre_authenticate: "2cf668171ab3",
    DefaultAccountAdapter.authenticate: "7b29ce7dcc16",
    DefaultAccountAdapter.is_safe_url: "f07f22d89282",
    DefaultAccountAdapter.send_mail: "50801b474d15",
    DefaultAccountAdapter.render_mail: "44bca068e6f0",
    DefaultAccountAdapter.send_notification_mail: "75ff99f03d58",
    DefaultAccountAdapter._rollback_login_failed_rl_usage: "5f26f968d6fb",
    ratelimit.consume: "9243619a0ac1",
    ResetPasswordKeyForm.save: "83db16a91d35",
    UserTokenForm.clean: "2e60b2301d29",
    PasswordResetFromKeyView.dispatch: "e3d07963f7af",
    login_flow.record_authentication: "9eee584ec398",
    login_flow.resume_login: "9f5e267fe32f",
    password_change.finalize_password_change: "5026b26637d9",
    password_reset.request_password_reset: "2ed4acf3d664",
    BaseAuthenticateForm.clean_code: "15c1e72ada31",
    ActivateTOTPForm.clean_code: "41ee776eb60f",
    factor_flows.delete_and_cleanup: "3bce5ff470c9",
    Authenticator.record_usage: "e1583b7f62a8",
    totp.TOTP.activate: "1c4a6476170b",
    totp.TOTP.validate_code: "73de137ae900",
    totp.yield_hotp_counters_from_time: "cdc2a14c26c0",
    totp_flows.activate_totp: "129c87d3f76d",
    webauthn._BaseAddWebAuthnForm.clean: "027e1074747d",
    webauthn.AuthenticateWebAuthnForm.clean_credential: "6ba3d57f91ab",
    SessionStore._get_session_from_db: "775c8d22becd",
    SessionStore.create_model_instance: "dd20de8bae89",
    SessionStore.delete: "0d2585399e9d",
    SessionStore.get_expiry_age: "fda445523088",
    SessionStore.get_expiry_date: "db1e47a2b825",
    SessionStore.exists: "f71229b70227",
}


def digest(replaced: object) -> str:
    return hashlib.sha256(inspect.getsource(replaced).encode()).hexdigest()[:12]


@pytest.mark.parametrize("replaced", REPLACED, ids=lambda replaced: replaced.__qualname__)
def test_the_library_still_does_what_we_replaced(replaced):
    assert digest(replaced) == REPLACED[replaced]
