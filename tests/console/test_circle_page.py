"""Whom an agent may ask out of band: an administrator lets people in by their address, and takes them out."""

from __future__ import annotations

import pytest
from django.urls import reverse

from agents.models import CircleMember
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import browser
from tests.forms import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]


@pytest.fixture
def page(discharge_assistant):
    return reverse("agent-circle", args=[discharge_assistant.pk])


def test_somebody_is_let_in_by_their_address_and_taken_out_again(mara, weber, discharge_assistant, page):
    opened = browser(mara)
    done = opened.post(page, {"person": f" {weber.email.upper()}", "reason": "Signs letters."}, follow=True)
    assert "may ask Dr. Jonas Weber" in text_of(done)
    assert CircleMember.objects.live().get().user == weber
    (joined,) = builders.events(Kind.CIRCLE_JOINED)
    assert (joined.user_id, joined.actor_id) == (weber.pk, mara.pk)
    out = reverse("agent-circle-leave", args=[discharge_assistant.pk, weber.pk])
    assert out in text_of(opened.get(page))
    opened.post(out, {"reason": "Is on leave."})
    assert not CircleMember.objects.live().exists()


@pytest.mark.parametrize("address", ["nobody@st-anna.example", "weber", ""])
def test_an_address_of_nobody_is_said_beside_it(mara, page, address):
    form = browser(mara).post(page, {"person": address, "reason": "Signs letters."}).context["form"]
    assert form.errors.keys() == {"person"}
    assert not CircleMember.objects.exists()


def test_whoever_is_in_it_is_not_let_in_twice(mara, weber, page):
    for _ in range(2):
        answer = browser(mara).post(page, {"person": weber.email, "reason": "Signs letters."})
    assert answer.context["form"].errors.keys() == {"person"}
    assert CircleMember.objects.count() == 1


def test_an_owner_lets_nobody_in(ada, weber, page):
    assert browser(ada).get(page).status_code == 403
    assert browser(ada).post(page, {"person": weber.email, "reason": "Please."}).status_code == 403
    assert not CircleMember.objects.exists()
