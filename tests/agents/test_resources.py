"""Resources and scopes: addresses, names, words, and sensitive data at resources that check offline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents import resources
from agents.errors import Ended, Forbidden, InvalidInput, NotReady
from agents.models import AgentScope, Checks, Scope
from agents.resources import SensitiveOffline
from agents.trail.kinds import Kind
from agents.trail.record import text_of
from tests import builders
from tests.builders import actor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "uri",
    [
        "https://records.st-anna.example",
        "https://records.st-anna.example/",
        "https://records.st-anna.example/mcp?v=1",
        "http://localhost:9000/api",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
    ],
)
def test_an_address_is_kept_as_it_was_given(mara, uri):
    assert builders.resource(uri=uri).uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "records",
        "/records",
        "urn:records",
        "ftp://records.example",
        "http://records.example",
        "https://",
        "https://records.example/#part",
        "https://ada@records.example",
        "https://ada:x@records.example",
        "https://records.example/a b",
        "https://records.example/\x00",
        "https://records.example/\n",
        "https://récords.example",
        "https://records.example:port",
        "https://records.example:0",
        "https://[::1",
        "https://records.example/" + "a" * 300,
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(mara, uri):
    with pytest.raises(InvalidInput) as refused:
        builders.resource(uri=uri or " ")
    assert refused.value.field == "uri"


@pytest.mark.parametrize("name", ["records:read", "https://x.example/scope", "a", "!#$&'()*+,-./[]^_`{|}~"])
def test_a_scope_may_have_any_name_of_the_specification(records, name):
    assert builders.scope(records, name).name == name


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "a\\b", "ä", "a\x7f", "a\n", "x" * 81])
def test_a_scope_has_no_other_name(records, name):
    with pytest.raises(InvalidInput):
        builders.scope(records, name)


def test_two_resources_may_have_a_scope_of_one_name_and_one_resource_may_not(records, directory):
    builders.scope(records, "read")
    builders.scope(directory, "read")
    with pytest.raises(InvalidInput):
        builders.scope(records, "read")


@pytest.mark.parametrize(
    "facts", [{"data_class": "health"}, {"data_class": "financial"}, {"access": "delete"}, {"marked_sensitive": True}]
)
def test_nothing_sensitive_stands_at_a_resource_that_checks_offline(mara, directory, records, now, facts):
    with pytest.raises(SensitiveOffline):
        builders.scope(directory, "x", **facts)
    plain = builders.scope(directory, "plain")
    with pytest.raises(SensitiveOffline):
        resources.change_scope(plain, **facts, by=actor(mara), now=now)
    builders.scope(records, "x", **facts)
    with pytest.raises(SensitiveOffline):
        resources.change(records, checks=Checks.OFFLINE, by=actor(mara), now=now)


def test_an_administrator_may_decide_otherwise_with_a_reason_until_it_comes_back(mara, directory, now):
    resources.allow_sensitive_offline(directory, reason="It holds no names.", by=actor(mara), now=now)
    builders.scope(directory, "x", data_class="health")
    assert len(builders.events(Kind.SENSITIVE_OFFLINE_ALLOWED)) == 1
    resources.change(directory, checks=Checks.INTROSPECTION, by=actor(mara), now=now)
    with pytest.raises(SensitiveOffline):
        resources.change(directory, checks=Checks.OFFLINE, by=actor(mara), now=now)


def test_a_resource_that_asks_mandate_gets_no_leave_for_later(mara, records, read_records, now):
    with pytest.raises(NotReady):
        resources.allow_sensitive_offline(records, reason="It holds no names.", by=actor(mara), now=now)
    with pytest.raises(SensitiveOffline):
        resources.change(records, checks=Checks.OFFLINE, by=actor(mara), now=now)
    assert not builders.events(Kind.SENSITIVE_OFFLINE_ALLOWED)


def test_the_reason_may_come_with_the_change(mara, records, read_records, now):
    resources.change(records, name="Patient files", offline_reason="Not needed.", by=actor(mara), now=now)
    assert not builders.events(Kind.SENSITIVE_OFFLINE_ALLOWED)
    changed = resources.change(
        records, checks=Checks.OFFLINE, offline_reason="It holds no names.", by=actor(mara), now=now
    )
    assert changed.is_offline
    assert changed.sensitive_offline_reason == "It holds no names."
    assert len(builders.events(Kind.SENSITIVE_OFFLINE_ALLOWED)) == 1


def test_the_event_says_the_reason_as_it_is_kept(mara, records, read_records, now):
    said = "  It holds   no names. "
    resources.change(records, checks=Checks.OFFLINE, offline_reason=said, by=actor(mara), now=now)
    (event,) = builders.events(Kind.SENSITIVE_OFFLINE_ALLOWED)
    assert text_of([event.reason_digest])[event.reason_digest] == "It holds no names."


def test_the_decision_needs_a_reason(mara, directory, now):
    with pytest.raises(InvalidInput):
        resources.allow_sensitive_offline(directory, reason=" ", by=actor(mara), now=now)


def test_the_question_and_the_queryset_agree_on_what_is_sensitive(records):
    for number, facts in enumerate(
        [{}, {"data_class": "personal"}, {"data_class": "health"}, {"data_class": "financial"}, {"access": "write"},
         {"access": "delete"}, {"marked_sensitive": True}]
    ):  # fmt: skip
        builders.scope(records, f"scope:{number}", **facts)
    assert {scope.pk for scope in Scope.objects.all() if scope.is_sensitive} == {
        scope.pk for scope in Scope.objects.sensitive()
    }


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"checks": "offline", "token_life": timedelta(minutes=6)}, "token_life"),
        ({"token_life": timedelta(0)}, "token_life"),
        ({"token_life": timedelta(days=2)}, "token_life"),
        ({"cache_seconds": -1}, "cache_seconds"),
        ({"cache_seconds": 3601}, "cache_seconds"),
        ({"checks": "hope"}, "checks"),
        ({"operations": ["Read Files"]}, "operations"),
    ],
)
def test_facts_that_would_break_a_promise_are_refused(mara, facts, field):
    with pytest.raises(InvalidInput) as refused:
        builders.resource(**facts)
    assert refused.value.field == field


def test_words_come_in_versions_that_stay(mara, read_records, now):
    first = read_records.wording
    second = resources.reword_scope(read_records, title="Read files", detail="", by=actor(mara), now=now)
    assert (first.version, second.version) == (1, 2)
    assert Scope.objects.get(pk=read_records.pk).wording == second
    assert resources.reword_scope(read_records, title="Read files", detail="", by=actor(mara), now=now) == second
    assert len(builders.events(Kind.SCOPE_REWORDED)) == 1


def test_what_has_ended_is_offered_no_more_and_its_name_is_free(mara, discharge_assistant, read_records, records, now):
    resources.end_scope(read_records, reason="Gone.", by=actor(mara), now=now)
    assert read_records.pk not in AgentScope.objects.live().values_list("scope", flat=True)
    with pytest.raises(Ended):
        resources.change_scope(read_records, access="write", by=actor(mara), now=now)
    builders.scope(records, "records:read")
    resources.end(records, reason="Switched off.", by=actor(mara), now=now)
    with pytest.raises(Ended):
        builders.scope(records, "another")
    assert not Scope.objects.live().filter(resource=records).exists()


def test_only_administrators_touch_resources(ada, omar, weber, mara, records, read_records, now):
    for person in (ada, omar, weber):
        for attempt in (
            lambda who: builders.resource("Mine", by=who),
            lambda who: resources.change(records, name="Mine", by=actor(who), now=now),
            lambda who: resources.end(records, reason="Mine.", by=actor(who), now=now),
            lambda who: resources.allow_sensitive_offline(records, reason="Mine.", by=actor(who), now=now),
            lambda who: builders.scope(records, "mine", by=who),
            lambda who: resources.change_scope(read_records, access="write", by=actor(who), now=now),
            lambda who: resources.reword_scope(read_records, title="Mine", detail="", by=actor(who), now=now),
            lambda who: resources.end_scope(read_records, reason="Mine.", by=actor(who), now=now),
        ):
            with pytest.raises(Forbidden):
                attempt(person)
