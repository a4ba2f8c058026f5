"""Errors of the API as problem details (RFC 9457), and the refusal that goes into the trail.

§3.1 type, title, status, detail, instance   problem       extension members: ``code`` (ours), ``member`` (what is
                                                            wrong), ``errors`` (each member that is not of its form)
Left out: a page for each type; ``type`` is ``about:blank`` with the code beside it (§4.2.1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from agents.actors import Actor, ActorKind, RequestFacts, facts_of
from agents.errors import Forbidden, InvalidInput, LinkRefused, MandateError, Refused
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.errors import AskedTooSoon, ChangedTooOften, ForeignHost, StoppedByAPerson
from consent.receipts import ReceiptRefused, TooManyReceipts, UnknownToken

MEDIA_TYPE = "application/problem+json"

STATUS_OF: dict[type[MandateError], int] = {
    MandateError: 400,
    Forbidden: 403,
    Refused: 409,
    InvalidInput: 422,
    LinkRefused: 410,
    ReceiptRefused: 422,
    UnknownToken: 422,
    TooManyReceipts: 429,
    AskedTooSoon: 429,
    ChangedTooOften: 429,
    ForeignHost: 403,
    StoppedByAPerson: 403,
}
"""The nearest class of an error gives its status; a test holds every subclass against this table."""
CODE_OF: dict[type[Exception], str] = {
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.ValidationError: "invalid_input",
    exceptions.NotFound: "not_found",
}


class TooLarge(exceptions.APIException):
    status_code = 413
    default_detail = "The body is too large."
    default_code = "too_large"


def problem(status: int, code: str, detail: str, facts: RequestFacts, **members: Any) -> dict[str, Any]:
    """Return problem details. members: further ones; empty ones are left out."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{facts.id}",
        "code": code,
    }
    return {**body, **{name: value for name, value in members.items() if value}}


def status_of(error: MandateError) -> int:
    """Return the status of a domain error: that of its nearest class in the table."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def on_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of a view and record the refusal. None for a fault, which becomes a 500 as everywhere."""
    request = context["request"]
    facts = facts_of(request)
    answer = _answer(error, facts)
    if answer is None:
        return None
    if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
        _say_bad_request(answer, getattr(context["view"], "bad_input_status", answer.status_code))
    about = error.about if isinstance(error, ReceiptRefused) else {}
    _record(context, answer.data["code"], facts, about)
    return answer


def _say_bad_request(answer: Response, status: int) -> None:
    """Say the status that the specification of this endpoint has for a body that does not follow its rules."""
    answer.status_code = status
    answer.data |= {"status": status, "title": HTTPStatus(status).phrase}


def _answer(error: Exception, facts: RequestFacts) -> Response | None:
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    members: dict[str, Any] = {}
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    elif isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, MandateError):
        members["member"] = getattr(error, "member", "") or getattr(error, "field", "")
        status, code, detail = status_of(error), error.code, error.sentence
        if isinstance(error, (TooManyReceipts, AskedTooSoon, ChangedTooOften)):
            headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, exceptions.APIException):
        status = 422 if isinstance(error, exceptions.ValidationError) else error.status_code
        code = next((CODE_OF[kind] for kind in type(error).__mro__ if kind in CODE_OF), error.default_code)
        detail, members["errors"] = _detail_of(error)
        if header := getattr(error, "auth_header", ""):
            headers["WWW-Authenticate"] = header
    else:
        return None
    return Response(
        problem(status, code, detail, facts, **members), status=status, headers=headers, content_type=MEDIA_TYPE
    )


def _detail_of(error: exceptions.APIException) -> tuple[str, list[dict[str, str]]]:
    """Return one sentence, and for a body that is not valid each member with what is wrong with it."""
    if not isinstance(error, exceptions.ValidationError):
        return str(error.detail), []
    listed = [{"member": member, "detail": said} for member, said in _flat(error.detail)]
    return "The body does not follow the rules.", listed[:20]


def _flat(detail: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(detail, Mapping):
        return [
            found for name, inner in detail.items() for found in _flat(inner, f"{path}.{name}" if path else str(name))
        ]
    if isinstance(detail, list) and any(isinstance(inner, Mapping) for inner in detail):
        return [found for place, inner in enumerate(detail) for found in _flat(inner, f"{path}.{place}")]
    if isinstance(detail, list):
        return [(path, str(inner)) for inner in detail]
    return [(path, str(detail))]


def _record(context: Mapping[str, Any], code: str, facts: RequestFacts, about: Mapping[str, Any]) -> None:
    """Record the refusal after the refused work has rolled back. Who could not be told is anonymous.

    about: the token and what stands behind it, where they are known.
    """
    caller = getattr(context["request"], "_user", None)
    resource_id = getattr(caller, "resource_id", None)
    by = (
        Actor.resource(resource_id, facts)
        if resource_id
        else Actor(ActorKind.ANONYMOUS, address=facts.address, request_id=facts.id)
    )
    kind = getattr(context["view"], "refusal_kind", Kind.API_REFUSED) if resource_id else Kind.API_REFUSED
    record_refusal(kind, reason_code=code, by=by, now=facts.now, resource_id=resource_id, **about)


def not_found(request: HttpRequest) -> HttpResponse:
    """Answer an address below ``/api/`` that is none."""
    return _outside_of_views(request, 404, "not_found", "There is nothing at this address.")


def fault(request: HttpRequest, status: int) -> HttpResponse:
    """Answer for a fault of ours: 503 for one that passes, else 500. What it was stands in the log alone."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _outside_of_views(request, status, "unavailable", "Mandate cannot answer now. Try again in a moment.")
    return _outside_of_views(request, status, "server_error", "Mandate made a mistake. Its log says which.")


def _outside_of_views(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    facts = facts_of(request)
    body = json.dumps(problem(status, code, detail, facts))
    return HttpResponse(body, status=status, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
