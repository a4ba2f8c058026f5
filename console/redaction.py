"""What never reaches a log: one-time links, codes, tokens, passwords; and signs that would forge a second log line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"

# Paths that are secrets themselves: whoever holds one may do what it is for.
SECRET_PATHS = re.compile(
    r"(?P<kept>/(?:setup|invitation|invitations|invite|revoke|confirm-email|password/reset/key)/)[^/\s\"'?#]+"
)
SECRET_PARAMETERS = re.compile(
    r"(?P<kept>\b(?:code|state|token|access_token|refresh_token|id_token|client_secret|client_assertion|code_verifier|"
    r"password|request_uri|device_code|user_code)=)[^&\s\"']+",
    re.IGNORECASE,
)
SECRET_HEADERS = re.compile(r"(?P<kept>\b(?:Bearer|Basic|DPoP)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
SECRET_SHAPES = re.compile(r"\bmd[tir]_[A-Za-z0-9_-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
SECRET_NAMES = re.compile(
    r"secret|password|passwd|token$|^code$|code_verifier|assertion|authorization|cookie|private", re.IGNORECASE
)
ADDRESS_PASSWORD = re.compile(r"(?P<kept>\b[a-z][a-z+]*://[^/\s:@]*:)[^/\s@]+(?=@)")


def redacted(text: str) -> str:
    """Return the text without secrets that its shape gives away."""
    text = SECRET_PATHS.sub(rf"\g<kept>{HIDDEN}", text)
    text = SECRET_PARAMETERS.sub(rf"\g<kept>{HIDDEN}", text)
    text = SECRET_HEADERS.sub(rf"\g<kept>{HIDDEN}", text)
    text = ADDRESS_PASSWORD.sub(rf"\g<kept>{HIDDEN}", text)
    return SECRET_SHAPES.sub(HIDDEN, text)


def one_line(text: str) -> str:
    """Return the text with control, bidi and line-breaking signs written out, so that it stays one line of a log."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )


def clean_event(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Redact every value of a log entry. A processor of structlog; the trace of an error keeps its line breaks."""
    return {
        one_line(str(name)): _clean(value, name=str(name), lines=name in ("exception", "stack"))
        for name, value in event.items()
    }


def _clean(value: Any, *, name: str = "", lines: bool = False) -> Any:
    if SECRET_NAMES.search(name) and value is not None:
        return HIDDEN
    if isinstance(value, str):
        text = redacted(value)
        return "\n".join(one_line(line) for line in text.split("\n")) if lines else one_line(text)
    if isinstance(value, Mapping):
        return {str(key): _clean(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return one_line(redacted(str(value)))
