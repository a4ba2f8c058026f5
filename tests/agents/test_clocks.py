"""A request that comes with an earlier time than what it ends: it waited for a lock, or its server's clock is behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents import circle
from agents.models import AdoptionAsk, CircleMember
from agents.programs import adoption
from tests import builders
from tests.builders import actor
from tests.programs import registered

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
SOON = timedelta(seconds=2)


def test_somebody_leaves_a_circle_never_before_they_came(discharge_assistant, weber, mara):
    now = timezone.now()
    circle.join(discharge_assistant, weber, reason="Ward.", by=actor(mara), now=now + SOON)
    circle.leave(discharge_assistant, weber, reason="Moved.", by=actor(mara), now=now)
    member = CircleMember.objects.get()
    assert member.until == member.since


def test_an_ask_is_answered_never_before_it_was_asked(ada, mara, weber):
    program, now = registered(), timezone.now()
    adoption.ask(program, scopes=[], why="", by=actor(weber), now=now + SOON)
    adoption.adopt(program.software_key, builders.agent(owner=ada), reason="Ours.", by=actor(mara), now=now)
    ask = AdoptionAsk.objects.get()
    assert ask.answered_at == ask.asked_at
