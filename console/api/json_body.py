"""The body of a request as JSON, read strictly (RFC 8259): small, UTF-8, no NaN, no member twice, no endless nesting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from console.api.problems import TooLarge

LARGEST_BODY = 32 * 1024
"""In bytes. The largest receipt has about 10,000."""


class StrictJSONParser(BaseParser):
    """``application/json`` and nothing else."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return what the body says. Raises ParseError (400) and TooLarge (413)."""
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLarge
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as problem:
            raise ParseError("The body is no JSON that can be read.") from problem


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found
