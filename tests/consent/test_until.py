"""Until when: the ends that are offered, and what they stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.errors import InvalidInput
from agents.models import Agent, DataClass, Scope
from agents.rules import DEFAULTS, Rules
from consent.until import chosen_end, end_choices, end_of_today, life_in_words, zone_of

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BERLIN = zone_of("Europe/Berlin")
YEAR = timedelta(days=365)
RULES = Rules(DEFAULTS)


def scope(life: timedelta, data_class: str = DataClass.NONE) -> Scope:
    return Scope(longest_life=life, data_class=data_class, access="read")


def keys(*scopes: Scope, agent: Agent | None = None, now: datetime = NOW) -> dict[str, str]:
    """Each choice with the reason why it cannot be chosen."""
    return {c.key: c.reason for c in end_choices(scopes, agent or Agent(), now=now, zone=BERLIN, rules=RULES)}


def test_a_long_life_leaves_every_choice_open() -> None:
    offered = keys(scope(YEAR))
    assert list(offered) == ["once", "1h", "today", "1d", "30d", "longest"]
    assert not any(offered.values())


def test_what_is_too_long_says_why() -> None:
    health = keys(scope(timedelta(days=7), DataClass.HEALTH), scope(YEAR))
    assert {key: why for key, why in health.items() if why} == {"30d": "too long for health data"}
    money = keys(scope(timedelta(hours=2), DataClass.FINANCIAL))
    assert {key for key, why in money.items() if why == "too long for financial data"} == {"today", "1d", "30d"}
    ending = keys(scope(YEAR), agent=Agent(ends_at=NOW + timedelta(days=2)))
    assert ending["30d"] == "the agent itself ends before"
    assert ending["1d"] == ""


def test_the_default_is_short_and_can_be_chosen() -> None:
    def default(*scopes: Scope, now: datetime = NOW) -> str:
        choices = end_choices(scopes, Agent(), now=now, zone=BERLIN, rules=RULES)
        (chosen,) = [choice for choice in choices if choice.chosen]
        assert not chosen.disabled
        return chosen.key

    assert default(scope(YEAR)) == "today"
    assert default(scope(timedelta(hours=2))) == "1h"
    assert default(scope(timedelta(minutes=10))) == "longest"
    assert default(scope(YEAR), now=NOW.replace(hour=20)) == "1h"


def test_a_life_that_is_a_choice_already_is_not_offered_twice() -> None:
    assert "longest" not in keys(scope(timedelta(days=30)))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2026, 7, 1, 8, 0, tzinfo=UTC), datetime(2026, 7, 1, 16, 0, tzinfo=UTC)),
        (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), datetime(2026, 11, 24, 17, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 17, 0, tzinfo=UTC)),  # clocks go back at 3
        (datetime(2026, 11, 24, 16, 30, tzinfo=UTC), datetime(2026, 11, 24, 17, 0, tzinfo=UTC)),
        (datetime(2026, 11, 24, 16, 31, tzinfo=UTC), None),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), datetime(2026, 11, 25, 17, 0, tzinfo=UTC)),  # tomorrow in Berlin
    ],
)
def test_today_ends_at_six_where_the_person_is(now: datetime, end: datetime | None) -> None:
    assert end_of_today(now, BERLIN) == end


def test_each_choice_stands_for_its_end() -> None:
    def end(key: str, custom: str = "", later: timedelta = timedelta(0)) -> tuple[datetime, bool]:
        chosen = chosen_end(key, custom, latest=NOW + timedelta(days=90), shown_at=NOW, now=NOW + later, zone=BERLIN)
        return chosen.ends_at, chosen.once

    assert end("once") == (NOW + timedelta(hours=1), True)
    assert end("1h", later=timedelta(minutes=5)) == (NOW + timedelta(minutes=65), False)
    assert end("today", later=timedelta(minutes=14)) == (NOW.replace(hour=17), False)
    assert end("longest") == (NOW + timedelta(days=90), False)
    assert end("custom", "2026-12-01T09:30") == (datetime(2026, 12, 1, 8, 30, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("key", "custom"),
    [
        ("", ""), ("2h", ""), ("custom", ""), ("custom", "soon"), ("custom", "2026-12-01T09:30+01:00"),
        ("custom", "0001-01-01T00:00"), ("custom", "2026-02-30T00:00"),
    ],
)  # fmt: skip
def test_what_is_no_end_is_said(key: str, custom: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        chosen_end(key, custom, latest=NOW + YEAR, shown_at=NOW, now=NOW, zone=BERLIN)
    assert problem.value.field == "until"


def test_a_zone_that_nobody_knows_is_utc() -> None:
    for name in ("Nowhere/Town", "", "../etc/passwd", "a\0b"):
        assert zone_of(name).key == "UTC"


def test_a_life_is_never_said_longer_than_it_is() -> None:
    assert life_in_words(timedelta(days=1, hours=23)) == "1 day"
    assert life_in_words(timedelta(minutes=119)) == "1 hour"
    assert life_in_words(timedelta(seconds=90)) == "1 minute"
