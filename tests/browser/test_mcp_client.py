"""An MCP client that nobody registered sends its person to Mandate, in a real browser: the first try, and a step too far."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.browser.agent_program import Listener
from tests.clients.mcp_client import McpProgram
from tests.services.processes import until
from tests.ward import BEDS, MEDICATION, Ward

pytestmark = pytest.mark.browser


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


def test_it_works_at_the_first_try_and_leads_to_an_administrator_for_more(ward: Ward, somebody, weber, listener):
    chat = Chat(ward, listener)
    with ThreadPoolExecutor(1) as at_work:
        first = at_work.submit(chat.calls, BEDS)
        person = somebody(weber).opens(chat.opens.get(timeout=60))
        person.sees("Ward Chat", "it becomes your personal agent", "See which beds are free").finds_no_fault()
        person.presses("Allow").is_at("Back at the agent")
        assert first.result(timeout=60) == [2]
        person.opens(f"{ward.mandate.url}/my-agents/").sees("Ward Chat").finds_no_fault()

        more = at_work.submit(chat.calls, MEDICATION)
        person.opens(chat.opens.get(timeout=60))
        person.sees("something sensitive", "Read what your patients take").finds_no_fault()
        person.presses("Refuse").is_at("Back at the agent")
        assert more.exception(timeout=60) is not None  # the person said no, and what was allowed stands
    person.opens(f"{ward.mandate.url}/my-agents/").sees("Ward Chat", "See which beds are free")
