"""What the OpenAPI document says of every operation: how a caller proves itself, and each way to be refused.

The document is true: a status that it does not name for an operation is never answered there, and each problem has the
members that it says. ``tests/api/test_schemathesis.py`` holds every operation against it.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

SECURITY: list[Any] = [{"resourceKey": []}, {"resourceBasic": []}]
REFUSED_FOR = {
    400: "The request cannot be read, or does not follow the rules.",
    401: "The resource did not prove itself.",
    403: "The resource is known, and may not do this.",
    404: "There is no such thing, or it is somebody else's.",
    406: "The answer is JSON, and the request accepts none.",
    409: "It cannot be done as things stand now.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "The body is JSON and does not follow the rules.",
    429: "Too soon, or too much for this minute.",
    503: "Mandate cannot answer now. Nothing was done, or what was done can be asked again.",
}
OF_A_BODY = (400, 413, 415)
"""Wherever a body is read."""


class WrongMemberSerializer(serializers.Serializer[Any]):
    member = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.ChoiceField(choices=["about:blank"])
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="A URN. The same id stands in the header X-Request-ID and in the trail.")
    code = serializers.CharField(help_text="What was wrong, in one word that stays.")
    member = serializers.CharField(required=False, help_text="The member that is wrong, where it is one.")
    errors = WrongMemberSerializer(  # type: ignore[assignment]  # the base has a property of this name for its own errors
        many=True, required=False, help_text="Each member that is wrong."
    )


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the refusals of an operation: these, and those that every operation has."""
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, description=REFUSED_FOR[status])
        for status in sorted({*statuses, 401, 406, 503})
    }


def _header(name: str, type_: type, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, required=True, description=description, **more)


HEADERS = [
    _header("X-Request-ID", str, "The id of this request, as in the trail.", response=True),
    _header("Cache-Control", str, "Nothing here is to be kept.", response=True, enum=["no-store"]),
    _header("WWW-Authenticate", str, "How to prove oneself (RFC 7617, RFC 6750).", response=[401]),
    _header("Retry-After", int, "Seconds to wait.", response=[429, 503]),
]
"""What every answer carries, and what those do that ask for something."""
