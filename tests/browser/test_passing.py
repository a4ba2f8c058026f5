"""Passing work on, in a real browser: allowed by a sentence, seen under the consent, taken back by keyboard and without scripts."""

from __future__ import annotations

import pytest
import requests

from consent.models import Consent
from tests.browser.agent_program import AgentProgram
from tests.browser.at_browser import PHONE, SMALLEST, WIDE, AtBrowser
from tests.exchanging import allow, asks_to_pass, first_token, passes
from tests.grants import TokenClient

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def finds_nothing(person: AtBrowser) -> None:
    """No complaint in either theme, as wide as a screen and as narrow as the smallest phone."""
    for size in (WIDE, PHONE, SMALLEST):
        for theme in ("light", "dark"):
            assert not person.faults_by_axe(size, theme), (size, theme)


@pytest.fixture
def passed(
    running_mandate, discharge_client, discharge_key, discharge_assistant, weber, planner, reader, read_records
) -> Consent:
    """Work that Weber allowed, which went on to the planner and from there to the reader: over real HTTP."""
    asks_to_pass(discharge_assistant, planner.agent, reader.agent, deep=2)
    given = allow(discharge_client, weber, [read_records], passes(planner.agent, reader.agent, deep=2))
    token = first_token(TokenClient(discharge_client, discharge_key.key), given)
    for taker in (planner, reader):
        headers = {"Authorization": taker.header["HTTP_AUTHORIZATION"]}
        answer = requests.post(f"{running_mandate.url}/oauth/token", taker.form(token), headers=headers, timeout=30)
        token = answer.json()["access_token"]
    return given


def test_a_person_reads_the_sentence_and_leaves_it_out(
    somebody, weber, program: AgentProgram, discharge_assistant, planner_agent, reader_agent
):
    asks_to_pass(discharge_assistant, planner_agent, reader_agent, deep=2)
    person = somebody(weber).opens(program.address).is_at("Discharge Assistant asks to act for you")
    person.sees("Passing work on", "They may pass it on once more, among these.", "stops when this stops")
    finds_nothing(person)
    box = person.page.get_by_label("It may pass this work on to")
    assert box.is_checked(), "nothing sensitive is asked for"
    box.press("Space")
    person.presses("Allow").is_at("Back at the agent")
    assert not Consent.objects.get().passes


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_sees_who_took_work_over_and_takes_it_back(somebody, weber, passed, reader_agent, scripts):
    person = somebody(weber, scripts=scripts).opens("/my-agents/").is_at("My agents")
    person.sees("Bed Planner", "Lab Reader", "May pass work on to")
    if scripts:
        finds_nothing(person)
    person.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    person.follows("Pass less on…").is_at("To whom Discharge Assistant may pass work on")
    if scripts:
        finds_nothing(person)
    person.page.get_by_label("Lab Reader").uncheck()
    person.page.get_by_label("They pass it on no further.").check()
    person.presses("Pass less on").is_at("My agents")
    passed.refresh_from_db()
    assert passed.passes.deep == 1
    assert Consent.objects.get(agent=reader_agent).revoked_at


def test_the_chain_is_drawn_wherever_it_is_shown(somebody, mara, passed, planner_agent, reader_agent):
    person = somebody(mara)
    share = Consent.objects.get(agent=reader_agent)
    person.opens(share.get_absolute_url()).sees("Passed on to", "took it over from Bed Planner")
    finds_nothing(person)
    person.opens(planner_agent.get_absolute_url())
    assert person.page.locator(".way").inner_text().split("\n")[-1].strip() == "Lab Reader"
    finds_nothing(person)


def test_an_owner_chooses_to_whom_it_may_ask_to_pass_work_on(somebody, ada, discharge_assistant, planner_agent):
    person = somebody(ada).opens(f"/agents/{discharge_assistant.pk}/passing/").is_at("Passing work on")
    finds_nothing(person)
    person.page.get_by_label("Bed Planner").check()
    person.presses("Save").sees("It asks to pass work on to")
