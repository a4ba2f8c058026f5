"""The groups of kinds, and what happened day by day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.ids import uuid7
from agents.trail.days import last_days, refused_today
from agents.trail.groups import Group, group_of, kinds_of
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from tests.agents.trail_events import happens

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_every_kind_stands_in_one_group():
    listed = [kind for group in Group for kind in kinds_of(group)]
    assert sorted(listed) == sorted(kind.value for kind in Kind)
    assert group_of(Kind.CONSENT_REVOKED) == group_of(Kind.REQUEST_MADE) == Group.CONSENTS
    assert group_of(Kind.DETAIL_TYPE_CHANGED) == Group.RESOURCES
    assert group_of(Kind.ADOPTION_RULE_MADE) == Group.AGENTS
    assert kinds_of("token.issued") == ("token.issued",)
    assert kinds_of("no such thing") == ()


def test_two_weeks_are_counted_day_by_day(mara):
    now = timezone.now().replace(hour=12)
    for days, issued, refused in ((0, 2, 1), (3, 1, 0), (13, 1, 2), (14, 5, 5)):
        for _ in range(issued):
            happens(now=now - timedelta(days=days))
        for _ in range(refused):
            happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, now=now - timedelta(days=days))
    happens(Kind.AGENT_EDITED, now=now)
    counted = last_days(now)
    assert len(counted) == 14
    assert [(day.issued, day.refused) for day in counted if day.issued or day.refused] == [(1, 2), (1, 0), (2, 1)]
    assert counted[-1].date == now.date()


def test_todays_refusals_of_some_agents():
    now = timezone.now()
    mine, other = uuid7(), uuid7()
    for agent in (mine, mine, other):
        happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, agent_id=agent, now=now)
    happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, agent_id=mine, now=now - timedelta(days=2))
    assert refused_today(now, [mine]) == 2
    assert refused_today(now, []) == 0


def test_the_days_take_few_queries(django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        last_days(timezone.now())
