"""Refusals on allauth's pages, which answer with their form again and raise nothing that the border could record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus

from allauth.account.utils import url_str_to_user_pk
from allauth.core import context
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from agents.actors import Actor
from agents.models import User
from agents.models.user import folded_email
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.screens.who_and_when import moment_of

View = Callable[..., HttpResponseBase]
REASONS = {
    "enter_current_password": "wrong_password",
    "incorrect_code": "wrong_code",
    "too_many_login_attempts": "too_many_attempts",
    "rate_limited": "too_many_attempts",
}
"""Our reasons for allauth's codes of errors."""


@contextmanager
def refusals_are_recorded(person: User | None) -> Iterator[None]:
    """Record what a form refuses as a refused sign-in of this person."""
    try:
        yield
    except ValidationError as error:
        _record(context.request, _reason_of(error), person)
        raise


@contextmanager
def refusals_are_noted() -> Iterator[None]:
    """Note what a form refuses on a page that is one transaction: ``told_afterwards`` records it."""
    try:
        yield
    except ValidationError as error:
        context.request.refused_as = _reason_of(error)
        raise


def told_afterwards(view: View) -> View:
    """Record what the page's form refused, after the page's transaction is through. Around ``transaction.atomic``."""

    @wraps(view)
    def _told(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if reason := getattr(request, "refused_as", ""):
            _record(request, reason, request.user if isinstance(request.user, User) else None)
        return response

    return _told


def bad_links_are_recorded(view: View) -> View:
    """Record that a link for a new password was refused: unknown, used or over. Records ``link.refused``."""

    @wraps(view)
    def _told(request: HttpRequest, uidb36: str, key: str) -> HttpResponseBase:
        response = view(request, uidb36=uidb36, key=key)
        if (getattr(response, "context_data", None) or {}).get("token_fail"):
            record_refusal(
                Kind.LINK_REFUSED,
                reason_code="link_refused",
                by=Actor.of(request),
                now=moment_of(request),
                user_id=_person_named(uidb36),
                kind="password-reset",
            )
        return response

    return _told


def too_many_are_recorded(view: View) -> View:
    """Record that somebody wanted mails with links for a new password too often. Records ``person.sign_in_refused``."""

    @wraps(view)
    def _told(request: HttpRequest) -> HttpResponseBase:
        response = view(request)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            named = folded_email(request.POST.get("email", ""))
            _record(request, "too_many_attempts", User.objects.filter(email=named).first())
        return response

    return _told


def _person_named(uidb36: str) -> object:
    try:
        return User.objects.filter(pk=url_str_to_user_pk(uidb36)).values_list("pk", flat=True).first()
    except (ValueError, ValidationError):
        return None


def _reason_of(error: ValidationError) -> str:
    return REASONS.get(error.code or "", "wrong_code")


def _record(request: HttpRequest, reason: str, person: User | None) -> None:
    record_refusal(
        Kind.SIGN_IN_REFUSED,
        reason_code=reason,
        by=Actor.of(request),
        now=moment_of(request),
        user_id=person.pk if person else None,
    )
