"""When a change counts, in words: computed from the resources, never shorter than the truth."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents import resources
from agents.models import Checks, Resource
from agents.promises import delay_in_words, when_it_counts
from tests.builders import actor


def _resource(**facts) -> Resource:
    return Resource(name="X", **facts)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "from its next request"),
        ({"cache_seconds": 1}, "within 1 second"),
        ({"cache_seconds": 30}, "within 30 seconds"),
        ({"cache_seconds": 60}, "within 1 minute"),
        ({"cache_seconds": 90}, "within 90 seconds"),
        ({"cache_seconds": 150}, "within 3 minutes"),
        ({"checks": Checks.OFFLINE}, "within 5 minutes"),
        ({"checks": Checks.OFFLINE, "token_life": timedelta(minutes=2)}, "within 2 minutes"),
        ({"token_life": timedelta(hours=1)}, "from its next request"),
    ],
)
def test_the_promise_follows_from_how_the_resource_checks(facts, said):
    assert when_it_counts(_resource(**facts)) == said


def test_of_several_the_slowest_counts():
    assert when_it_counts([_resource(), _resource(checks=Checks.OFFLINE)]) == "within 5 minutes"
    assert when_it_counts([]) == "from its next request"


@given(st.integers(min_value=1, max_value=200_000))
def test_a_promise_is_never_shorter_than_the_truth(seconds):
    _, number, unit = delay_in_words(timedelta(seconds=seconds)).split()
    length = {"second": 1, "minute": 60, "hour": 3600}[unit.rstrip("s")]
    assert int(number) * length >= seconds


def test_after_a_resource_became_quicker_the_old_delay_is_promised_while_it_lasts(mara, directory):
    now = timezone.now()
    changed = resources.change(directory, checks=Checks.INTROSPECTION, by=actor(mara), now=now)
    assert when_it_counts(changed) == "within 5 minutes"
    with time_machine.travel(now + timedelta(minutes=5, seconds=1)):
        assert when_it_counts(changed) == "from its next request"


def test_a_second_change_while_the_old_delay_lasts_ends_its_promise_no_sooner(mara, directory):
    """An answer that was kept for a minute just before the second change outlasts the delay of the first."""
    start = timezone.now()
    by = actor(mara)
    resources.change(directory, checks=Checks.INTROSPECTION, cache_seconds=60, by=by, now=start)
    with time_machine.travel(start + timedelta(seconds=290)):
        changed = resources.change(directory, cache_seconds=0, by=by, now=timezone.now())
    with time_machine.travel(start + timedelta(seconds=349)):
        assert when_it_counts(changed) != "from its next request"
    with time_machine.travel(start + timedelta(seconds=351)):
        assert when_it_counts(changed) == "from its next request"


def test_a_resource_that_became_slower_says_so_at_once(mara, records):
    changed = resources.change(records, cache_seconds=30, by=actor(mara), now=timezone.now())
    assert when_it_counts(changed) == "within 30 seconds"
