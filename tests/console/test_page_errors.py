"""The border of the pages: every refusal has a face, is recorded where it is one, and no page can forget it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import OperationalError
from django.urls import reverse

from agents.errors import MandateError
from agents.models import Event
from agents.trail.kinds import Kind
from consent import mandate
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


def test_refusals_beyond_the_limit_are_counted_and_not_told(one_minute, mallory, omar, discharge_assistant):
    opened = browser(omar)
    for _ in range(25):
        assert opened.post(reverse("agent-edit", args=[discharge_assistant.pk]), {}).status_code == 403
    assert len(builders.events(Kind.AGENT_MOVE_REFUSED)) == 20


@pytest.mark.parametrize("page", ["agents", "resources", "agent-register", "resource-create"])
def test_nobody_gets_a_page_without_signing_in(db, page):
    assert browser().get(reverse(page)).status_code == 302


def _hidden_from_weber(agent, client, mara):
    """Changes of things that Weber may not see: the page, and what the trail says of the try."""
    moves = ("agent-move", [agent.pk, "suspend"]), ("agent-edit", [agent.pk]), ("client-end", [agent.pk, client.pk])
    return [
        *((reverse(page, args=ids), Kind.AGENT_MOVE_REFUSED, {"move": page}) for page, ids in moves),
        (reverse("person-role", args=[mara.pk]), Kind.PAGE_REFUSED, {"permission": "person-role"}),
    ]


def test_a_change_of_what_is_hidden_is_told_without_naming_it(mara, weber, discharge_assistant, discharge_client):
    opened = browser(weber)
    for url, kind, detail in _hidden_from_weber(discharge_assistant, discharge_client, mara):
        with builders.one_refusal(kind, "not_visible"):
            assert opened.post(url, {"reason": "Because."}).status_code == 404
        told = builders.events(kind)[-1]
        assert told.detail == detail
        assert (told.actor_id, told.agent_id, told.client_id, told.user_id) == (weber.pk, None, None, None)


def test_looking_at_what_is_hidden_and_unknown_pages_are_no_event(weber, mara, discharge_assistant, discharge_client):
    before = Event.objects.count()
    opened = browser(weber)
    for url, _, _ in _hidden_from_weber(discharge_assistant, discharge_client, mara):
        assert opened.get(url).status_code == 404
    assert opened.post("/no/such/page/").status_code == 404
    assert Event.objects.count() == before


def test_a_hidden_consent_is_told_once(mallory, weber, discharge_client):
    consent = builders.consent(weber, discharge_client)
    with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "not_visible"):
        assert browser(mallory).post(reverse("consent-revoke", args=[consent.pk])).status_code == 404


@pytest.mark.parametrize("page", ["consent-narrow", "consent-shorten"])
def test_a_change_of_a_consent_that_is_over_is_told_with_its_agent(weber, discharge_client, now, page):
    consent = builders.consent(weber, discharge_client)
    mandate.revoke(consent.pk, by=builders.actor(weber), now=now, reason="")
    with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "consent_ended"):
        assert browser(weber).post(reverse(page, args=[consent.pk]), {"until": "1h"}).status_code == 409
    told = builders.events(Kind.CONSENT_CHANGE_REFUSED)[-1]
    assert (told.consent_id, told.agent_id, told.user_id) == (consent.pk, discharge_client.agent_id, weber.pk)
    assert told.detail == {"change": page.removeprefix("consent-")}


def test_a_database_that_cannot_answer_is_told_as_such_and_nothing_else_is(weber, monkeypatch):
    calm = browser(weber)
    calm.raise_request_exception = False
    for failure, status in ((OperationalError("canceling statement"), 503), (KeyError("x"), 500)):

        def fails(*_: object, failure: Exception = failure, **__: object) -> None:
            raise failure

        monkeypatch.setattr("consent.screens.my_agents._standing", fails)
        answer = calm.get("/my-agents/")
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)
        assert "canceling" not in answer.content.decode()
        assert ("cannot answer now" in answer.content.decode()) == (status == 503)
