"""The border of the pages: each refusal of the domain becomes one sentence and a way on, and is recorded.

``PageErrorsMiddleware`` catches what a view lets through, so that no page can forget it. ``said_in`` turns a refusal
into an error of the form that caused it. Both record after the refused work has rolled back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agents import errors
from agents.actors import Actor, facts_of
from agents.errors import Forbidden, InvalidInput, MandateError, Refused
from agents.models import Agent, Client
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.models import Consent
from consent.screens.who_and_when import moment_of


@dataclass(frozen=True, slots=True)
class Face:
    """How one kind of refusal looks as a page of its own."""

    status: int
    title: str | Promise
    icon: str = "circle-alert"


FACES: dict[type[MandateError], Face] = {
    MandateError: Face(400, _("That did not work")),
    Forbidden: Face(403, _("You may not do this"), "lock"),
    Refused: Face(409, _("That cannot be done now")),
    InvalidInput: Face(400, _("Something is not filled in right")),
    errors.LinkRefused: Face(410, _("This link cannot be used"), "link-2-off"),
}
"""The nearest class of an error gives its face; a test holds every subclass against this table."""

_AGENT_CHANGES = frozenset(
    {
        May.EDIT_AGENT,
        May.SUBMIT_AGENT,
        May.ACTIVATE_AGENT,
        May.SUSPEND_AGENT,
        May.RESUME_AGENT,
        May.RETIRE_AGENT,
        May.HAND_OVER_AGENT,
        May.REQUIRE_SCOPE,
        May.CONFIRM_REQUIRED_SCOPE,
        May.MANAGE_CLIENT,
        May.ISSUE_CREDENTIAL,
        May.REVOKE_CREDENTIAL,
    }
)
_CONSENT_CHANGES = frozenset({May.NARROW_CONSENT, May.SHORTEN_CONSENT, May.REVOKE_CONSENT, May.AGREE_TO_CHANGE})


def face_of(error: MandateError) -> Face:
    """Return how this refusal looks: the face of its nearest class in the table."""
    return next(FACES[kind] for kind in type(error).__mro__ if kind in FACES)


def record_page_refusal(request: HttpRequest, error: MandateError) -> None:
    """Record a refusal that a person met on a page. A form that was filled in wrong is no refusal and no event."""
    if isinstance(error, InvalidInput):
        return
    kind, facts = _event_of(error, request)
    record_refusal(
        kind,
        reason_code=error.code,
        by=Actor.of(request),
        now=moment_of(request),
        **facts,
    )


def _event_of(error: MandateError, request: HttpRequest) -> tuple[Kind, dict[str, Any]]:
    if isinstance(error, Forbidden):
        about: dict[str, Any] = _ids_of(error.subject)
        name = str(error.permission).rpartition(".")[2]
        if error.permission in _AGENT_CHANGES and "agent_id" in about:
            return Kind.AGENT_MOVE_REFUSED, {**about, "move": name}
        if error.permission in _CONSENT_CHANGES:
            return Kind.CONSENT_CHANGE_REFUSED, {**about, "change": name}
        return Kind.PAGE_REFUSED, {**about, "permission": str(error.permission)}
    page = _page(request)
    if isinstance(error, errors.LinkRefused):
        return Kind.LINK_REFUSED, {"kind": page}
    ids = _ids_of_page(request)
    if "consent_id" in ids:
        consent = Consent.objects.filter(pk=ids["consent_id"]).only("agent_id", "user_id").first()
        about = {**_ids_of(consent), "user_id": consent.user_id} if consent else {}
        return Kind.CONSENT_CHANGE_REFUSED, {**about, "change": page.removeprefix("consent-")}
    if isinstance(error, errors.FactsChanged | errors.IllegalMove | errors.NotReady) and "agent_id" in ids:
        return Kind.AGENT_MOVE_REFUSED, {**ids, "move": page}
    return Kind.PAGE_REFUSED, {**ids, "permission": page}


def _page(request: HttpRequest) -> str:
    """The name of the page, as it stands in the URL configuration."""
    return (request.resolver_match.url_name if request.resolver_match else None) or ""


def _record_hidden(request: HttpRequest) -> None:
    """Record that somebody tried to change what is not theirs to see, or does not exist.

    Without its id: whoever tried may read this event, and must not learn from it that there is such a thing.
    """
    known = request.resolver_match.kwargs if request.resolver_match else {}
    tried = request.method not in {"GET", "HEAD", "OPTIONS"} and request.user.is_authenticated
    # A consent's pages record it themselves (``consent/screens/changes.py``).
    if not tried or "consent_id" in known or not any(isinstance(value, uuid.UUID) for value in known.values()):
        return
    about_agent = "agent_id" in known
    record_refusal(
        Kind.AGENT_MOVE_REFUSED if about_agent else Kind.PAGE_REFUSED,
        reason_code="not_visible",
        by=Actor.of(request),
        now=moment_of(request),
        **{"move" if about_agent else "permission": _page(request)},
    )


def _ids_of(subject: object | None) -> dict[str, uuid.UUID]:
    if isinstance(subject, Agent):
        return {"agent_id": subject.pk}
    if isinstance(subject, Client) and subject.agent_id is not None:
        return {"agent_id": subject.agent_id, "client_id": subject.pk}
    if isinstance(subject, Consent):
        return {"agent_id": subject.agent_id, "consent_id": subject.pk}
    return {}


def _ids_of_page(request: HttpRequest) -> dict[str, uuid.UUID]:
    """Return the ids in the address of the page, for the columns of the event."""
    known = request.resolver_match.kwargs if request.resolver_match else {}
    names = ("agent_id", "client_id", "consent_id", "resource_id")
    return {name: known[name] for name in names if isinstance(known.get(name), uuid.UUID)}


class _Said:
    """A block whose refusals are said to the person, and recorded, where it stands. Everything else goes on."""

    def __init__(self, request: HttpRequest, say: Callable[[Refused], None]) -> None:
        self.request = request
        self.say = say

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Refused):
            return False
        self.say(error)
        record_page_refusal(self.request, error)
        return True


def said_in(form: BaseForm, request: HttpRequest) -> _Said:
    """Say a refusal of the domain in the form that caused it; the view then shows the form again.

    ``with said_in(form, request): … return redirect(…)`` and, below it, the page with the form. Forbidden goes on to
    the middleware: whoever may not do it gets no form.
    """
    return _Said(request, lambda error: form.add_error(_field_of(error, form), error.sentence))


def _field_of(error: Refused, form: BaseForm) -> str | None:
    """Return the field that the error is about; ``said_at`` of a form tells where a person meets another name."""
    if not isinstance(error, InvalidInput):
        return None
    other_names: dict[str, str] = getattr(form, "said_at", {})
    name = other_names.get(error.field, error.field)
    return name if name in form.fields else None


def said_in_message(request: HttpRequest) -> _Said:
    """Say a refusal in a message on the page that follows, where there is no form to say it in."""
    return _Said(request, lambda error: messages.error(request, error.sentence))


class PageErrorsMiddleware:
    """Answer with a page, and record the refusal, when a view raises an error of the domain."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say a MandateError; everything else goes on and becomes a 404 or 500."""
        if isinstance(exception, Http404):
            _record_hidden(request)
        if not isinstance(exception, MandateError):
            return None
        record_page_refusal(request, exception)
        face = face_of(exception)
        context = {
            "title": face.title,
            "sentence": exception.sentence,
            "icon": face.icon,
            "detail": str(facts_of(request).id),
        }
        return render(request, "problem.html", context, status=face.status)
