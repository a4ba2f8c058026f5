"""A real Chromium: the one of the system, driven by Playwright, without downloading another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
)
"""It asks nobody for anything, and draws without a graphics card, which a container has not."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start it without a window, and end it with the block."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise RuntimeError("No Chromium on this machine: make test-browser installs it, or: apt-get install chromium")
    # Playwright keeps an event loop in this thread, and Django refuses to ask its database beside one unless told that
    # nothing here is really asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # Chromium's own sandbox refuses root, which a container often is. It sees nothing but our own pages on loopback.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*arguments, *QUIET])
        try:
            yield browser
        finally:
            browser.close()


def complaints_of(page: Page) -> list[str]:
    """Return a list that fills with what goes wrong on a page: errors of scripts, and what the CSP has refused."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    return complaints


def axe_script() -> Path:
    """Return axe-core, the accessibility checker, as the wheel ``axe-playwright-python`` ships it."""
    import axe_playwright_python

    return Path(axe_playwright_python.__file__).parent / "axe.min.js"
