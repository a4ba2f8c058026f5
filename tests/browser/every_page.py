"""Every page that somebody can open, found by following links from where they start; the URL configuration says whether one is missing."""

from __future__ import annotations

import html
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import APIResponse, BrowserContext

LINK = re.compile(r"""<(?:a|form|button)\b[^>]*?\b(?:href|action|formaction)="(/[^"#]*)""")
START = ("/", "/my-agents/", "/account/", "/styleguide/", "/trail/?data=health")
EXAMPLES = {
    "agent": 12,
    "agent-consents": 12,
    "resource": 3,
    "person": 12,
    "consent": 6,
    "event": 6,
    "organisation-consent": 3,
    "signal-stream": 2,
}
"""How many of a kind are looked at, because each may lead to other pages. One of the rest."""


@dataclass(frozen=True)
class Found:
    """One example of a page: the name of its route, what tells it from others of the route, and where it is."""

    route: str
    variant: str
    path: str
    number: int = 1
    """Which example of its kind it is."""

    @property
    def label(self) -> str:
        """A name for messages and pictures."""
        return "-".join(
            [self.route, *([self.variant] if self.variant else []), *([str(self.number)] if self.number > 1 else [])]
        )


def routes() -> dict[str, str]:
    """Return the name of every route, with its pattern."""
    return dict(_routes(get_resolver().url_patterns, ""))


def _routes(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, before + str(pattern.pattern))
        elif pattern.name:
            yield pattern.name, before + str(pattern.pattern)


def walk(context: BrowserContext, *, start: tuple[str, ...] = START) -> tuple[list[Found], set[str]]:
    """Follow links as the person who is signed in here, one example of each page and a few of some.

    Returns the pages that a GET renders, and the names of all routes that something links or posts to.
    """
    queue = deque(start)
    seen: Counter[tuple[str, str]] = Counter()
    asked: set[str] = set()
    pages: list[Found] = []
    while queue:
        address = queue.popleft()
        key = _key(address)
        if key is None or address in asked or seen[key] >= EXAMPLES.get(key[0], 1):
            continue
        asked.add(address)
        seen[key] += 1
        if key[0] == "account_logout":
            continue
        answer = context.request.get(address, max_redirects=0)
        assert answer.status < 500, f"{address} answers {answer.status}"
        if answer.status in (302, 303):
            queue.append(answer.headers["location"])
        if answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        pages.append(Found(*key, address, seen[key]))
        queue.extend(links_of(answer))
    return pages, {route for route, _ in seen}


def links_of(answer: APIResponse) -> list[str]:
    """Return the addresses of this site that a page leads to."""
    return [html.unescape(found) for found in LINK.findall(answer.text())]


def _key(address: str) -> tuple[str, str] | None:
    try:
        match = resolve(urlsplit(address).path)
    except Resolver404:
        return None
    words = [value for name, value in match.kwargs.items() if isinstance(value, str) and name != "token"]
    return str(match.url_name), "-".join(words)
