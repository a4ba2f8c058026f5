"""allauth's hooks for accounts: each hands on to a function of ``agents/sign_in.py``, so that nothing goes unrecorded.

What is replaced here, and why, is pinned in ``tests/console/test_allauth_seams.py``: an upgrade that changes one of
these methods is read before it is used.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation

from agents import mail, sign_in
from agents.actors import Actor
from agents.languages import language_at
from agents.models import Organisation, User
from agents.models.user import folded_email
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from console.accounts.guessing import may_try
from console.accounts.password_links import address_of, maker_of_the_link
from console.accounts.requests import OurRequest
from console.accounts.sessions import NOTED
from console.ways_back import stays_here


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in, sign-out, passwords and mails of allauth, done Mandate's way."""

    # ------------------------------------------------------------------------------------------ who comes in, and out

    def is_open_for_signup(self, request: OurRequest) -> bool:
        """Nobody makes an account by themselves: people come by invitation."""
        return False

    def login(self, request: OurRequest, user: User) -> None:
        """Make the session, note where it is from, and record the sign-in: all three or none."""
        with transaction.atomic():
            super().login(request, user)
            facts = request.facts
            request.session[NOTED] = {
                "at": facts.now.isoformat(),
                "address": facts.address,
                "user_agent": request.META.get("HTTP_USER_AGENT", "")[:200],
            }
            request.session.save()
            methods = sign_in.sign_in_methods(request)
            sign_in.record_sign_in(user, methods=methods, by=Actor.of(request), now=facts.now)

    def logout(self, request: OurRequest) -> None:
        with transaction.atomic():
            if request.user.is_authenticated:
                sign_in.record_sign_out(request.user, by=Actor.of(request), now=request.now)
            super().logout(request)

    def pre_authenticate(self, request: OurRequest, **credentials: Any) -> None:
        # allauth's count is for each account alone, whose owner anybody could lock out, at whatever Host they name.
        self._login_failed_rl_usage = may_try(request, credentials.get("email", ""))
        if self._login_failed_rl_usage is None:
            self._refuse(request, "too_many_attempts", credentials)
            raise self.validation_error("too_many_login_attempts")

    def authentication_failed(self, request: OurRequest, **credentials: Any) -> None:
        self._refuse(request, "wrong_password", credentials)

    def respond_user_inactive(self, request: OurRequest, user: User) -> HttpResponse:
        self._refuse(request, "deactivated", {"email": user.email})
        return super().respond_user_inactive(request, user)

    def _refuse(self, request: OurRequest, reason_code: str, credentials: dict[str, Any]) -> None:
        # What was typed is not kept: people type passwords into the wrong field.
        person = User.objects.filter(email=folded_email(credentials.get("email", ""))).first()
        record_refusal(
            Kind.SIGN_IN_REFUSED,
            reason_code=reason_code,
            by=Actor.of(request),
            now=request.now,
            user_id=person.pk if person else None,
        )

    # ------------------------------------------------------------------------------------------------------ passwords

    def set_password(self, user: User, password: str) -> None:
        """Called for a change, a first password and a reset alike; the page that asks tells which it is."""
        request = self.request
        own = request.user.is_authenticated and request.user.pk == user.pk
        how = ("changed" if user.has_usable_password() else "set") if own else "reset"
        sign_in.change_password(
            user,
            password=password,
            how=how,
            by=Actor.of(request),
            now=request.now,
            keep_session=request.session.digest if own else "",
            vouched_for_by=None if own else maker_of_the_link(request),
        )

    def get_password_change_redirect_url(self, request: OurRequest) -> str:
        return reverse("account")

    # ------------------------------------------------------------------------------------------- addresses and limits

    def get_client_ip(self, request: OurRequest) -> str:
        """The address that Mandate worked out once for this request; forwarding headers are not read again."""
        return request.facts.address

    def is_safe_url(self, url: str) -> bool:
        """Only our own host, and no other that ALLOWED_HOSTS may list (RFC 9700 §4.11)."""
        return stays_here(url, host=self.request.get_host(), require_https=self.request.is_secure())

    # ---------------------------------------------------------------------------------------------------------- mails

    def get_reset_password_from_key_url(self, key: str) -> str:
        return address_of(key)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write the mail among those that wait; a worker sends it."""
        organisation = Organisation.current()
        site = SimpleNamespace(
            name=organisation.name if organisation else "Mandate", domain=urlsplit(settings.ISSUER).netloc
        )
        facts = {"email": email, "current_site": site, "issuer": settings.ISSUER, **context}
        with translation.override(language_at(email, otherwise=translation.get_language() or "")):
            message = self.render_mail(template_prefix, email, facts)
        mail.write(subject=message.subject, body=message.body, to=email, now=self.request.now)


def sign_in_with_link(request: OurRequest, person: User) -> None:
    """Sign in somebody who has just chosen their password behind a one-time link, as if they had typed it again."""
    from allauth.account.adapter import get_adapter
    from allauth.account.internal.flows.login import record_authentication
    from allauth.account.internal.flows.logout import logout

    if request.user.is_authenticated:
        logout(request, show_message=False)
    record_authentication(request, person, method="password", email=person.email, reauthenticated=True)
    get_adapter().login(request, person)
    request.session.set_expiry(settings.SESSION_COOKIE_AGE)
