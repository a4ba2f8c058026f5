"""A browser for each test, signed in as nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.services.chromium import running_chromium
from tests.services.mandate import RunningMandate


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser, running_mandate: RunningMandate) -> Iterator[BrowserContext]:
    """A profile of its own, so that nobody is signed in. ``goto("/")`` goes to the running Mandate."""
    context = chromium.new_context(base_url=running_mandate.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One page of that profile."""
    return context.new_page()
