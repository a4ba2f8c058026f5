"""An MCP client that nobody registered sends its person to Mandate, in a real browser: the first try, and a step too far."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import builders
from tests.browser.agent_program import Listener
from tests.clients.mcp_client import McpProgram
from tests.services.processes import until
from tests.ward import BEDS, MEDICATION, RECENT, Ward

pytestmark = [pytest.mark.browser, pytest.mark.clients, pytest.mark.slow]


class Chat(McpProgram):
    """The client, which works while its person is at the browser. ``opens``: where it sent them."""

    def __init__(self, ward: Ward, listener: Listener) -> None:
        super().__init__(ward.server.uri, self.waits_for_the_person, redirect_uri=listener.address)
        self.listener, self.opens, self.heard = listener, queue.Queue[str](), 0

    def waits_for_the_person(self, address: str) -> str:
        self.opens.put(address)
        until(lambda: len(self.listener.received) > self.heard, because="Nobody came back to the client.")
        self.heard += 1
        return self.listener.received[-1]


def test_it_works_at_the_first_try_and_through_an_administrator_for_more(
    ward: Ward, somebody, ada, weber, mara, listener
):
    chat = Chat(ward, listener)
    with ThreadPoolExecutor(1) as at_work:
        first = at_work.submit(chat.calls, BEDS)
        person = somebody(weber).opens(chat.opens.get(timeout=60))
        person.sees("Ward Chat", "it becomes your personal agent", "See which beds are free").finds_no_fault()
        person.presses("Allow").is_at("Back at the agent")
        assert first.result(timeout=60) == [2]
        person.opens(f"{ward.mandate.url}/my-agents/").sees("Ward Chat").finds_no_fault()

        more = at_work.submit(chat.calls, MEDICATION, RECENT)
        asked = chat.opens.get(timeout=60)
        person.opens(asked).sees("something sensitive", "Read what your patients take").finds_no_fault()
        person.presses("Ask an administrator").is_at("You have asked an administrator")

        builders.agent("Ward Assistant", owner=ada, scopes=[ward.beds, ward.medication])
        decides = somebody(mara).opens("/unclaimed/").follows("Ward Chat").sees("Dr. Jonas Weber").follows("Adopt…")
        decides.fills({"Why?": "The ward asked for it."}).presses("Adopt").sees("1 registration is adopted.")

        person.opens(asked).is_at("Ward Assistant asks to act for you").ticks("Read what your patients take")
        if person.page.locator("[name=purpose_ok]").count():
            person.page.locator("[name=purpose_ok]").check()
        person.presses("Allow").is_at("Back at the agent")
        assert more.result(timeout=60) == [["Amoxicillin 1 g, three times a day"], ["p-1002"]]
    person.opens(f"{ward.mandate.url}/my-agents/").sees("Ward Assistant", "Ward Chat")
