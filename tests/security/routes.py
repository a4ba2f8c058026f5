"""Every address of Mandate, read from the URL configuration, and the ids by which a test asks for one of each kind."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.urls import URLPattern, URLResolver, get_resolver

from agents.models import Event
from agents.trail.models import Outcome
from tests.undone import undone

PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
GROUP = re.compile(r"\(\?P<(?P<name>\w+)>[^)]*\)")


@dataclass(frozen=True)
class Route:
    """One address. path: as it stands in the configuration, with its parameters."""

    name: str
    path: str
    parameters: tuple[str, ...] = field(default=())

    def address(self, values: dict[str, object]) -> str:
        """The address with these values for its parameters."""
        filled = PARAMETER.sub(lambda found: str(values[found["name"]]), self.path)
        filled = GROUP.sub(lambda found: str(values[found["name"]]), filled)
        return "/" + filled.replace("^", "").replace("$", "").replace("\\", "")


def every_route() -> list[Route]:
    """Every address that Django would resolve."""
    return list(_below(get_resolver().url_patterns, ""))


def _below(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Route]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, path)
        else:
            found = [*PARAMETER.finditer(path), *GROUP.finditer(path)]
            yield Route(pattern.name or path, path, tuple(match["name"] for match in found))


def unknown(values):
    """The same with ids that nothing has."""
    return {
        name: uuid.uuid4() if isinstance(value, uuid.UUID) else 10**12 if isinstance(value, int) else value
        for name, value in values.items()
    }


def asks(browser, method, address):
    """The status of one request, whether it only led to the sign-in, and whether it changed anything. It is undone."""
    cookies = browser.cookies.copy()
    with undone():
        before = Event.objects.exclude(outcome=Outcome.REFUSED).count()
        response = getattr(browser, method)(address)
        changed = Event.objects.exclude(outcome=Outcome.REFUSED).count() > before
    browser.cookies = cookies
    to_sign_in = response.headers.get("Location", "").startswith("/account/login/")
    assert response.status_code < 500, (method, address)
    return response.status_code, to_sign_in, changed
