"""Reading the form of a token-side endpoint: each parameter once, in the body, of a sane size (RFC 6749 §3.2)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.datastructures import MultiValueDict

from consent.oauth.errors import invalid_request

LONGEST_VALUE = 20_000
LARGEST_BODY = 200_000
"""Bytes. Somebody may ask about a token of 100 kB: it is not active, and that is the answer."""
FORM = "application/x-www-form-urlencoded"
MAY_REPEAT = frozenset({"resource", "audience"})
NO_TEXT = re.compile("[\0\ufffd]")
"""NUL, and what percent-encoded bytes become that are no UTF-8."""


class Form(MultiValueDict[str, str]):
    """The parameters of one request. Most questions are about one that was not sent: here that is no error inside."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the last value of this name, or the default."""
        values = dict.get(self, key)
        return values[-1] if values else default


def read_form(request: HttpRequest, *, longest: int = LONGEST_VALUE) -> Form:
    """Return the parameters of a POST endpoint.

    Raises OAuthRefusal invalid_request for another content type, parameters in the query, a doubled parameter
    (only ``resource`` and ``audience`` may repeat: RFC 8707 §2, RFC 8693 §2.1), bytes that are no text, NUL, and oversized values.
    """
    if request.content_type != FORM:
        raise invalid_request(f"The body must be {FORM}.")
    if request.META.get("QUERY_STRING"):
        raise invalid_request("Parameters belong into the body, not into the address.")
    pairs = _decoded(_body(request))
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        if lists.setdefault(name, []) and name not in MAY_REPEAT:
            raise invalid_request("A parameter was sent twice.")
        if len(value) > longest:
            raise invalid_request("A parameter is too long.")
        if NO_TEXT.search(name) or NO_TEXT.search(value):
            raise invalid_request("A parameter holds bytes that are no text.")
        lists[name].append(value)
    return Form(lists)


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError, RawPostDataException, ValueError) as problem:  # a length of letters
        raise invalid_request("The body is too large or could not be read.") from problem
    if len(body) > LARGEST_BODY:
        raise invalid_request("The body is too large.")
    return body


def _decoded(body: bytes) -> list[tuple[str, str]]:
    """Return names and values as Django's ``QueryDict`` reads them, which would take each apart and check it once more."""
    try:
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=most)
    except ValueError as problem:  # no UTF-8, or too many
        raise invalid_request("The body is not a form in UTF-8.") from problem
