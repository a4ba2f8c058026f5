"""A browser for each test, signed in as nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from agents.models import Agent, Resource, Scope, User
from tests import builders
from tests.browser.agent_program import AgentProgram, Listener
from tests.browser.at_browser import WIDE, AtBrowser
from tests.services.chromium import running_chromium
from tests.services.mandate import RunningMandate


@dataclass(frozen=True)
class Demo:
    """The organisation of `make demo`, running. passwords: by e-mail address."""

    mandate: RunningMandate
    passwords: dict[str, str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser, running_mandate: RunningMandate) -> Iterator[BrowserContext]:
    """A profile of its own, so that nobody is signed in. ``goto("/")`` goes to the running Mandate."""
    context = new_context(chromium, running_mandate)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One page of that profile."""
    return context.new_page()


@pytest.fixture
def somebody(chromium: Browser, running_mandate: RunningMandate) -> Iterator[Callable[..., AtBrowser]]:
    """Call it for somebody at a browser of their own: ``somebody()``, ``somebody(weber)`` to be signed in, by the real page.

    ``scripts=False`` is a browser that runs none. At the end nobody's browser may have complained.
    """
    people: list[AtBrowser] = []

    def sit_down(who: User | None = None, *, scripts: bool = True) -> AtBrowser:
        person = AtBrowser.at(new_context(chromium, running_mandate, scripts=scripts), scripts=scripts)
        people.append(person)
        return person.signs_in(who.email) if who else person

    yield sit_down
    for person in people:
        person.context.close()
    complaints = [complaint for person in people for complaint in person.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A Mandate of its own with the organisation of `make demo`, for tests that look at pages and change nothing."""
    mandate = RunningMandate(tmp_path_factory.mktemp("demo") / "data")
    said = mandate.manage("demo", within=400)
    passwords = dict(re.findall(r"(\S+@\S+)\s+(\S+)$", said, re.MULTILINE))
    try:
        mandate.start()
        yield Demo(mandate, passwords)
    finally:
        mandate.stop()


@pytest.fixture
def somebody_of_demo(chromium: Browser, demo: Demo) -> Iterator[Callable[[str], AtBrowser]]:
    """Call it with the beginning of an address, ``somebody_of_demo("mara.keller")``, for that person, signed in; "" is nobody."""
    people: list[AtBrowser] = []

    def sit_down(who: str) -> AtBrowser:
        person = AtBrowser.at(new_context(chromium, demo.mandate))
        people.append(person)
        for address, password in demo.passwords.items():
            if who and address.startswith(who):
                person.signs_in(address, password)
        return person

    yield sit_down
    for person in people:
        person.context.close()
    complaints = [complaint for person in people for complaint in person.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Where people come back to the agent's program."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def program(
    running_mandate: RunningMandate,
    listener: Listener,
    discharge_assistant: Agent,
    records: Resource,
    see_appointments: Scope,
    look_up_staff: Scope,
) -> AgentProgram:
    """The assistant's program, which asks for something that is not sensitive at patient records."""
    client = builders.client(discharge_assistant, redirect_uris=[listener.address])
    key = builders.key(client).key
    return AgentProgram(
        running_mandate.url,
        listener,
        client.client_id,
        key,
        scope="calendar:read staff:read",
        resource=[records.uri, look_up_staff.resource.uri],
    )


def new_context(chromium: Browser, mandate: RunningMandate, *, scripts: bool = True) -> BrowserContext:
    """Open a profile without a past."""
    return chromium.new_context(
        base_url=mandate.url,
        viewport={"width": WIDE[0], "height": WIDE[1]},
        java_script_enabled=scripts,
        locale="en-GB",
        timezone_id="Europe/Vienna",
    )
