"""Search in the trail: what one may read, found by words and filters, in pages that never repeat or skip an event."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.actors import Actor
from agents.ids import uuid7
from agents.models import Agent, Event, EventText
from agents.trail import words as trail_words
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.search import Search, find_events
from agents.trail.words import wanted_by
from tests import builders
from tests.agents.trail_events import happens, numbers

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def pages(search, viewer, size):
    """All pages from the newest to the oldest, each as its numbers."""
    seen, before = [], None
    while True:
        found = find_events(search, viewer=viewer, before=before, size=size)
        seen.append(numbers(found))
        if found.older is None:
            return seen
        before = found.older


def test_events_come_newest_first_in_pages_that_neither_repeat_nor_skip(mara):
    agent = uuid7()
    made = [happens(agent_id=agent) for _ in range(7)]
    assert pages(Search(agent=agent), mara, 3) == [made[6:3:-1], made[3:0:-1], [made[0]]]


def test_a_page_stays_the_same_while_new_events_arrive(mara):
    agent = uuid7()
    made = [happens(agent_id=agent) for _ in range(4)]
    first = find_events(Search(agent=agent), viewer=mara, size=2)
    happens(agent_id=agent)
    assert numbers(find_events(Search(agent=agent), viewer=mara, before=first.older, size=2)) == [made[1], made[0]]


def test_newer_leads_back_the_same_way(mara):
    agent = uuid7()
    made = [happens(agent_id=agent) for _ in range(6)]
    oldest = find_events(Search(agent=agent), viewer=mara, before=made[2], size=2)
    newer = find_events(Search(agent=agent), viewer=mara, after=oldest.newer, size=2)
    assert numbers(newer) == [made[3], made[2]]
    assert newer.newer == made[3]
    newest = find_events(Search(agent=agent), viewer=mara, after=newer.newer, size=2)
    assert numbers(newest) == [made[5], made[4]]
    assert newest.newer is None


@pytest.fixture
def chain():
    """The ids of one chain, and its event with all of them."""
    ids = {name: uuid7() for name in ("agent_id", "client_id", "consent_id", "token_id", "resource_id", "user_id")}
    by = Actor.resource(ids["resource_id"], type("Facts", (), {"address": "10.0.0.9", "id": uuid7(), "now": None})())
    number = happens(
        Kind.RECEIPT_REPORTED, by=by, outcome=Outcome.REPORTED, data_class="health", purpose="Draft ward letters", **ids
    )
    happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, agent_id=uuid7(), purpose="Other work", consent_id=uuid7())
    return {**ids, "request_id": by.request_id, "number": number}


@pytest.mark.parametrize(
    "filters",
    [
        ("agent",), ("client",), ("consent",), ("token",), ("resource",), ("person",), ("request",),
        ("agent", "client"), ("consent", "token"), ("agent", "data"), ("person", "resource", "outcome"),
        ("outcome",), ("data",), ("group",), ("kind",), ("group", "data", "outcome", "resource"), ("words",),
        ("words", "agent"), ("words", "token"), ("words", "data"), ("since",), ("since", "group"), ("since", "token"),
    ],
    ids="+".join,
)  # fmt: skip
def test_each_filter_and_what_they_give_together(mara, chain, filters):
    every = {
        "agent": {"agent": chain["agent_id"]},
        "client": {"client": chain["client_id"]},
        "consent": {"consent": chain["consent_id"]},
        "token": {"token": chain["token_id"]},
        "resource": {"resource": chain["resource_id"]},
        "person": {"person": chain["user_id"]},
        "request": {"request": chain["request_id"]},
        "outcome": {"outcome": "reported"},
        "data": {"data_class": "health"},
        "group": {"group": "receipts"},
        "kind": {"group": "receipt.reported"},
        "words": {"words": "WARD draft"},
        "since": {"since": timezone.now() - timedelta(hours=1)},
    }
    asked = {name: value for key in filters for name, value in every[key].items()}
    found = numbers(find_events(Search(**asked), viewer=mara))
    assert chain["number"] in found
    if filters != ("since",):
        assert found == [chain["number"]]
    for key in filters:
        if key not in {"since", "words", "group", "kind", "outcome", "data"}:
            name = next(iter(every[key]))
            assert numbers(find_events(Search(**{**asked, name: uuid7()}), viewer=mara)) == []


@pytest.mark.parametrize(
    "typed", ["{number}", " {number} ", "{token_id}", "{request_id}", "{consent_id}", "{agent_id}", "{user_id}"]
)
def test_a_number_or_an_id_finds_its_events(mara, chain, typed):
    assert chain["number"] in numbers(find_events(Search(words=typed.format(**chain)), viewer=mara))


def test_a_number_is_read_with_groups_too(mara):
    assert wanted_by("10 418 233", mara) == wanted_by("10,418,233", mara)


def test_names_find_the_events_of_agents_people_and_clients(mara, ada, discharge_assistant, discharge_client):
    by_agent = numbers(find_events(Search(words="discharge assist"), viewer=mara))
    by_client = numbers(find_events(Search(words=discharge_client.client_id), viewer=mara))
    by_person = numbers(find_events(Search(words="ada duarte"), viewer=mara))
    assert set(by_client) <= set(by_agent)
    assert Event.objects.get(kind="client.created").pk in by_client
    assert Event.objects.get(kind="agent.registered").pk in by_person


@pytest.fixture
def flooded(monkeypatch):
    """More than the limit match everything."""
    monkeypatch.setattr(trail_words, "MOST_NAMES", 2)
    monkeypatch.setattr(trail_words, "MOST_PURPOSES", 2)


def test_nobody_hides_an_agent_behind_others_of_its_name(omar, ada, mallory, flooded):
    hidden = builders.agent("Billing letters", owner=ada)
    for number in range(4):
        builders.agent(f"AA {number} letters", owner=mallory)
    found = find_events(Search(words="letters"), viewer=omar, size=500)
    assert hidden.pk in {event.agent_id for event in found.events}
    assert {event.agent_id for event in found.events} == set(Agent.objects.values_list("pk", flat=True))
    both = find_events(Search(words="letters", agent=hidden.pk), viewer=omar, size=500)
    assert numbers(both) == [event.pk for event in found.events if event.agent_id == hidden.pk]


def test_nobody_hides_a_consent_behind_others_for_the_same_words(
    omar, weber, mallory, discharge_client, look_up_staff, flooded
):
    old = builders.consent(weber, discharge_client, [look_up_staff], purpose="Send the invoices")
    other = builders.client(builders.agent("Own", owner=mallory, scopes=[look_up_staff]))
    for number in range(4):
        builders.consent(mallory, other, purpose=f"invoices {number}")
    found = find_events(Search(words="invoices"), viewer=omar, size=500)
    assert old.pk in {event.consent_id for event in found.events}
    narrowed = find_events(Search(words="the invoices"), viewer=omar)
    assert {event.consent_id for event in narrowed.events} == {old.pk}


def test_a_search_tells_no_name_that_the_viewer_may_not_know(ada, mallory, weber, discharge_assistant, weber_allows):
    """The trail may tell somebody of a page that was refused; what agent that was they learn by no guess at its name."""
    happens(Kind.PAGE_REFUSED, by=builders.actor(mallory), agent_id=discharge_assistant.pk, outcome=Outcome.REFUSED)
    assert find_events(Search(words="Discharge"), viewer=mallory).events == []
    assert find_events(Search(words="Discharge"), viewer=weber).events
    assert find_events(Search(words="Discharge"), viewer=ada).events


def test_words_that_nothing_has_find_nothing(mara, chain):
    found = find_events(Search(words="zebra"), viewer=mara)
    assert (found.events, found.count, found.older) == ([], 0, None)


@pytest.mark.parametrize(
    "words",
    ["%", "_", "%%%%", "'", "' OR 1=1 --", '"', "\\", "\0", "\ud800".encode("utf-8", "replace").decode(), "x" * 10_000,
     "a " * 5_000, "9" * 5_000, "1e9", "-1", "٣", "{}", "<script>", "'; DROP TABLE agents_event; --"],
)  # fmt: skip
def test_whatever_is_typed_is_words_and_nothing_else(mara, chain, words):
    find_events(Search(words=words), viewer=mara)
    assert Event.objects.filter(pk=chain["number"]).exists()


def test_an_erased_text_finds_nothing_any_more(mara, chain):
    EventText.objects.filter(text="Draft ward letters").delete()
    assert numbers(find_events(Search(words="ward letters"), viewer=mara)) == []


def test_time_is_a_filter_even_where_events_were_written_out_of_order(mara):
    now = timezone.now()
    agent = uuid7()
    late = happens(agent_id=agent, now=now)
    early = happens(agent_id=agent, now=now - timedelta(days=40))
    between = happens(Kind.AGENT_EDITED, agent_id=agent, now=now - timedelta(days=10))
    month = Search(agent=agent, since=now - timedelta(days=30))
    assert numbers(find_events(month, viewer=mara)) == [between, late]
    before = Search(agent=agent, until=now - timedelta(days=30))
    assert numbers(find_events(before, viewer=mara)) == [early]
    assert numbers(find_events(Search(agent=agent, since=now + timedelta(days=1)), viewer=mara)) == []
    assert numbers(find_events(Search(agent=agent, until=now - timedelta(days=90)), viewer=mara)) == []


def test_an_id_that_is_no_uuid_of_ours_finds_nothing(mara):
    assert find_events(Search(agent=uuid.UUID(int=0)), viewer=mara).events == []
