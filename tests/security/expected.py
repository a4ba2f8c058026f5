"""What a refusal looks like, for the checks of this folder."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.forms import text_of

INACTIVE = {"active": False}


def is_oauth_error(answer: Any, error: str, status: int = 400) -> bool:
    """Whether the answer is this error of RFC 6749 §5.2, which nobody keeps. Fails with what it is instead."""
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.content
    assert answer["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer) == (status == 401)
    return True


def is_page_400(response: Any) -> bool:
    """Whether it is a page of ours with a way on, and no redirect. Fails with what it is instead."""
    assert response.status_code == 400, (response.status_code, response.headers.get("Location"))
    assert "Location" not in response.headers
    assert "text/html" in response.headers["Content-Type"]
    assert "href=" in text_of(response)
    return True


def error_sent_back(response: Any, *, to: str) -> str:
    """The error that a redirect to this verified address carries, with ``iss`` and one ``state`` beside it."""
    assert response.status_code == 303, (response.status_code, response.content[:2000])
    location = response.headers["Location"]
    assert location.startswith(f"{to}?")
    sent = parse_qs(urlsplit(location).query, strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in sent.values())
    assert {"iss", "state"} <= sent.keys()
    assert "code" not in sent
    return sent["error"][0]
