"""What an authorization request that is refused on a page looks like, and who may send it."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client as Browser

from agents.models import User
from tests import builders
from tests.forms import text_of

REGISTERED = "https://app.st-anna.example/callback"


def is_page(response: Any, code: str) -> None:
    """A page of ours: no redirect, a way on, and nothing of what is registered."""
    assert response.status_code == 400
    assert "Location" not in response.headers
    page = text_of(response)
    assert f"<code>{code}</code>" in page
    assert re.search('<a class="button[a-z ]*" href="/my-agents/">', page)
    assert REGISTERED not in page
    assert response.headers["Cache-Control"] == "no-store"


def both_browsers(user: User) -> list[Browser]:
    return [builders.browser(), builders.browser(user)]
