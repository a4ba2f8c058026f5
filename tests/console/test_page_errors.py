"""The border of the pages: every refusal has a face, is recorded where it is one, and no page can forget it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.urls import reverse

from agents.errors import MandateError
from agents.models import Event
from agents.trail.kinds import Kind
from console.pages.errors import FACES, face_of
from tests import builders
from tests.builders import browser

pytestmark = pytest.mark.django_db


import_module("consent.errors")  # whose subclasses count too


def _every_error(base: type[MandateError] = MandateError) -> list[type[MandateError]]:
    return [base, *(found for child in base.__subclasses__() for found in _every_error(child))]


@pytest.mark.parametrize("kind", _every_error(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_face_as_a_page(kind):
    face = face_of(kind.__new__(kind))
    assert 400 <= face.status < 500
    assert str(face.title)
    assert any(parent in FACES for parent in kind.__mro__)


def test_a_refusal_is_a_page_with_a_sentence_and_the_number_of_the_request(weber):
    response = browser(weber).get(reverse("resources"))
    assert response.status_code == 403
    assert response["X-Request-ID"] in response.content.decode()


def test_a_form_that_is_filled_in_wrong_is_no_event(mara):
    before = Event.objects.count()
    browser(mara).post(reverse("resource-create"), {"name": "X"})
    assert Event.objects.count() == before


def test_refusals_beyond_the_limit_are_counted_and_not_told(mallory, omar, discharge_assistant):
    opened = browser(omar)
    for _ in range(25):
        assert opened.post(reverse("agent-edit", args=[discharge_assistant.pk]), {}).status_code == 403
    assert len(builders.events(Kind.AGENT_MOVE_REFUSED)) in {20, 25, 40}  # 25 where a minute ended in between


@pytest.mark.parametrize("page", ["agents", "resources", "agent-register", "resource-create"])
def test_nobody_gets_a_page_without_signing_in(db, page):
    assert browser().get(reverse(page)).status_code == 302
