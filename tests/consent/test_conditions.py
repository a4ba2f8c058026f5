"""What conditions say by themselves: times of day on the clock of a place, networks, and what is narrower than what."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Forbidden, InvalidInput
from consent import mandate
from consent.condition_words import in_words
from consent.conditions import DAY, EVERY_DAY, NONE, Conditions, Hours, Unmet, conditions_from, minutes_of
from consent.errors import ConsentEnded, NotTighter, OfferChanged
from consent.models import Consent
from tests import builders, grants
from tests.builders import events
from tests.limits import WEEKDAYS, limited, limits, only

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
minutes = st.integers(0, DAY - 1)
some_hours = st.builds(
    lambda days, start, length: Hours(frozenset(days), start, (start + length - 1) % DAY + 1),
    st.sets(st.integers(0, 6), min_size=1),
    minutes,
    st.integers(1, DAY - 1),
)
moments = st.integers(0, 2 * 365 * DAY * 60).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def berlin(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T{clock}").replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        ("11-23", "07:59", False),  # a Monday
        ("11-23", "08:00", True),
        ("11-23", "17:59:59", True),
        ("11-23", "18:00", False),
        ("11-27", "12:00", True),
        ("11-28", "12:00", False),  # a Saturday
        ("07-06", "08:00", True),  # summer time: still the clock on the wall
        ("07-06", "07:59", False),
    ],
)
def test_working_hours_are_those_on_the_clock_of_the_place(day, clock, is_open):
    assert only(days=WEEKDAYS, hours=(8, 18)).hours.is_open(berlin(day, clock), BERLIN) is is_open


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [("11-27", "22:00", True), ("11-28", "05:59", True), ("11-28", "06:00", False), ("11-28", "22:00", False),
     ("11-23", "05:00", False)],
)  # fmt: skip
def test_a_night_belongs_to_the_day_on_which_it_begins(day, clock, is_open):
    nights = Hours(WEEKDAYS, 22 * 60, 6 * 60)
    assert nights.is_open(berlin(day, clock), BERLIN) is is_open


def test_sunday_night_goes_over_into_monday():
    assert Hours(frozenset({6}), 22 * 60, 6 * 60).is_open(berlin("11-23", "03:00"), BERLIN)


def test_the_hour_that_is_skipped_is_never_open():
    skipped = Hours(EVERY_DAY, 2 * 60, 3 * 60)
    day = [berlin("03-29", "00:00") + timedelta(minutes=minute) for minute in range(23 * 60)]
    assert not any(skipped.is_open(moment, BERLIN) for moment in day)


def test_the_hour_that_is_repeated_is_open_both_times():
    repeated = Hours(EVERY_DAY, 2 * 60, 3 * 60)
    day = [berlin("10-25", "00:00") + timedelta(minutes=minute) for minute in range(25 * 60)]
    assert sum(repeated.is_open(moment, BERLIN) for moment in day) == 120
    first = berlin("10-25", "01:59") + timedelta(minutes=2)
    assert repeated.closes_at(first, BERLIN, latest=first + timedelta(days=1)) == datetime(2026, 10, 25, 2, tzinfo=UTC)


@given(some_hours, moments, st.integers(1, 3 * DAY))
def test_it_closes_when_the_clock_first_reads_something_else(hours, now, ahead):
    latest = now + timedelta(minutes=ahead)
    if not hours.is_open(now, BERLIN):
        return
    closes = hours.closes_at(now, BERLIN, latest=latest)
    assert now < closes <= latest
    moment = now
    while moment < closes:
        assert hours.is_open(moment, BERLIN)
        moment += timedelta(minutes=7)
    assert hours.is_open(closes - timedelta(microseconds=1), BERLIN)
    assert closes == latest or not hours.is_open(closes, BERLIN)


@given(some_hours, moments)
def test_it_opens_when_it_says_so(hours, now):
    opens = hours.opens_at(now, BERLIN)
    if opens is not None and not hours.is_open(now, BERLIN):
        assert hours.is_open(opens, BERLIN)
        assert not hours.is_open(opens - timedelta(seconds=1), BERLIN)


@given(some_hours, some_hours, moments)
def test_what_is_narrower_is_never_open_where_the_other_is_not(one, other, now):
    if Conditions(hours=one).is_narrower(Conditions(hours=other)) and one.is_open(now, BERLIN):
        assert other.is_open(now, BERLIN)


def test_a_zone_that_is_not_known_is_never_open(now):
    assert only(hours=(0, 24)).unmet(now, "Mars/Olympus", environment="", address=None) == Unmet.HOURS


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("2001:db8:0:1::9", True),
        ("2001:db8:0:2::9", False),
        ("", False),
        ("unix", False),
    ],
)
def test_networks_of_both_kinds(address, allowed, now):
    within = only("10.0.0.0/8", "2001:db8:0:1::/64")
    assert (within.unmet(now, "UTC", environment="", address=address) is None) is allowed


def test_an_address_that_nobody_knows_is_not_asked_for(now):
    assert only("10.0.0.0/8").unmet(now, "UTC", environment="", address=None) is None


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (only(hours=(9, 17)), NONE),
        (only(hours=(9, 17)), only(hours=(8, 18))),
        (only(days=[0], hours=(8, 18)), only(days=WEEKDAYS, hours=(8, 18))),
        (only("10.1.0.0/16"), only("10.0.0.0/8")),
        (only("10.1.0.0/16", hours=(8, 18)), only("10.0.0.0/8", hours=(8, 18))),
        (only(uses=3), only(uses=4)),
        (only(environment="production"), NONE),
    ],
)
def test_less_is_narrower_and_more_is_not(less, more):
    assert less.is_narrower(more)
    assert not more.is_narrower(less)
    assert not less.is_narrower(less)


def test_what_is_elsewhere_is_not_narrower():
    assert not only("11.0.0.0/16").is_narrower(only("10.0.0.0/8"))
    assert not only("2001:db8::/48").is_narrower(only("10.0.0.0/8"))
    assert not only(hours=(17, 19)).is_narrower(only(hours=(8, 18)))
    assert not only(hours=(9, 17)).is_narrower(only("10.0.0.0/8", hours=(8, 18)))


def test_what_is_kept_is_read_as_it_was():
    whole = only("10.0.0.0/8", days=WEEKDAYS, hours=(22, 6), uses=4, environment="staging")
    assert conditions_from(whole.as_kept(), whole.uses) == whole
    assert minutes_of(None).bit_count() == 7 * DAY


def test_they_are_said_in_plain_words():
    whole = only("10.0.0.0/8", days=WEEKDAYS, hours=(8, 18), uses=20, environment="production")
    assert in_words(whole, "Europe/Berlin") == [
        "only Monday to Friday, 08:00 to 18:00 (Europe/Berlin)",
        "only from 10.0.0.0/8",
        "at most 20 times",
        "only while it is registered for: production",
    ]
    assert in_words(only(days=[5, 6], hours=(0, 24)), "UTC") == ["only Saturday, Sunday (UTC)"]
    assert in_words(only(hours=(22, 6)), "UTC") == ["only every day, 22:00 to 06:00 of the next day (UTC)"]
    with translation.override("de"):
        assert "10.0.0.0/8" in in_words(whole, "Europe/Berlin")[1]


# --------------------------------------------------------------------------------------------- giving and taking away


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        (Conditions(hours=Hours(EVERY_DAY, 60, 60)), "limit_hours"),
        (Conditions(hours=Hours(frozenset(), 60, 90)), "limit_hours"),
        (Conditions(hours=Hours(EVERY_DAY, 60, 1441)), "limit_hours"),
        (only(uses=0), "limit_uses"),
        (only(uses=1_000_001), "limit_uses"),
        (only("0.0.0.0/0"), "limit_networks"),
        (only(*(f"10.0.{n}.0/24" for n in range(21))), "limit_networks"),
    ],
)
def test_conditions_that_make_no_sense_make_no_consent(conditions, field, discharge_client, weber, look_up_staff):
    with pytest.raises(InvalidInput) as refused:
        limited(discharge_client, conditions, scopes=[look_up_staff], user=weber)
    assert refused.value.field == field
    assert not Consent.objects.exists()


@pytest.mark.django_db
def test_hours_need_a_time_zone_that_is_known(discharge_client, weber, look_up_staff):
    weber.time_zone = "Mars/Olympus"
    weber.save()
    with pytest.raises(InvalidInput, match="time zone"):
        limited(discharge_client, only(hours=(8, 18)), scopes=[look_up_staff], user=weber)
    limited(discharge_client, only(uses=2), scopes=[look_up_staff], user=weber)


@pytest.mark.django_db
def test_an_environment_that_is_not_the_agents_is_looked_at_again(discharge_client, weber, look_up_staff):
    with pytest.raises(OfferChanged):
        limited(discharge_client, only(environment="staging"), scopes=[look_up_staff], user=weber)


@pytest.mark.django_db
def test_the_event_says_what_is_limited_and_no_address(discharge_client, weber, look_up_staff):
    limited(discharge_client, only("10.9.8.0/24", uses=3), scopes=[look_up_staff], user=weber)
    (event,) = events("consent.approved")
    assert event.detail["limits"] == ["networks", "uses"]
    assert "10.9.8" not in str(event.detail)


@pytest.mark.django_db
def test_once_is_one_use(discharge_client, weber, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber, once=True)
    assert (given.uses_allowed, given.uses_taken) == (1, 0)


@pytest.mark.django_db
@pytest.mark.engine
def test_the_database_refuses_a_use_too_many(discharge_client, weber, look_up_staff):
    given = limited(discharge_client, only(uses=2), scopes=[look_up_staff], user=weber)
    for change in ({"uses_taken": 3}, {"uses_allowed": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.filter(pk=given.pk).update(**change)


@pytest.mark.django_db
def test_limiting_later_takes_what_is_tighter_and_counts_uses_from_now(discharge_client, weber, look_up_staff):
    given = limited(discharge_client, only(uses=20), scopes=[look_up_staff], user=weber)
    Consent.objects.filter(pk=given.pk).update(uses_taken=7)
    tight = limits(given, only("10.0.0.0/8", hours=(8, 18), uses=5), by=weber)
    assert tight.limits == only("10.0.0.0/8", hours=(8, 18), uses=12)
    assert tight.uses_left == 5
    (event,) = events("consent.limited")
    assert event.detail["before"] == ["uses"]
    assert event.detail["after"] == ["hours", "networks", "uses"]
    assert event.detail["limits_digest"]


@pytest.mark.django_db
@pytest.mark.parametrize("wider", [NONE, only(hours=(7, 18), uses=9), only("10.0.0.0/8", uses=9), only(hours=(8, 18))])
def test_limiting_never_allows_more(discharge_client, weber, look_up_staff, wider):
    given = limited(discharge_client, only(hours=(8, 18), uses=9), scopes=[look_up_staff], user=weber)
    with pytest.raises(NotTighter):
        limits(given, wider, by=weber)
    given.refresh_from_db()
    assert given.limits == only(hours=(8, 18), uses=9)
    assert not events("consent.limited")


@pytest.mark.django_db
def test_the_owner_and_an_administrator_may_limit_and_others_may_not(
    discharge_client, weber, ada, mara, mallory, omar, look_up_staff
):
    given = limited(discharge_client, NONE, scopes=[look_up_staff], user=weber)
    for stranger in (mallory, omar, builders.person("Somebody Else")):
        with pytest.raises(Forbidden):
            limits(given, only(uses=3), by=stranger)
    limits(given, only(uses=9), by=ada)
    limits(given, only(uses=8), by=mara)


@pytest.mark.django_db
def test_what_is_over_is_not_limited(discharge_client, weber, look_up_staff, now):
    given = limited(discharge_client, NONE, scopes=[look_up_staff], user=weber)
    mandate.revoke(given.pk, reason="Stop.", by=builders.actor(weber), now=now)
    with pytest.raises(ConsentEnded):
        limits(given, only(uses=3), by=weber)
