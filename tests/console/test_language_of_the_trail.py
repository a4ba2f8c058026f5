"""What is kept has no language: the same event, whoever did it in whatever language, and whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone, translation

from agents import lifecycle, people, resources
from agents.models import Client, Event, Scope, User
from agents.own_reasons import OwnReason
from agents.trail.kinds import Kind
from agents.trail.models import EventText
from agents.trail.record import text_of as text_of_digests
from consent.models import Consent
from tests import builders
from tests.consent.asking import allows, decides, opens, reports, screen
from tests.console.words import catalogue, placeholders
from tests.forms import text_of

pytestmark = pytest.mark.django_db


def german_texts() -> set[str]:
    """Every German text that nothing is filled into and that is not English as well."""
    return {
        form
        for entry in catalogue("de")
        for form in entry.forms
        if form not in {entry.message.text, entry.message.plural} and not placeholders(form) and len(form) > 5
    }


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@pytest.fixture
def a_day_in_german(mara: User, ada: User, weber: User, mallory: User, discharge_client: Client, look_up_staff: Scope):
    """People who read German do and are refused all sorts of things, by the pages."""
    for person in (mara, ada, weber, mallory):
        people.edit_own_facts(person, language="de", by=builders.actor(person), now=timezone.now())
    consent = allows(weber, discharge_client, scope="calendar:read staff:read")
    decides(builders.browser(weber), {**screen(builders.browser(weber), discharge_client, prompt="consent")})
    decides(builders.browser(weber), screen(builders.browser(weber), discharge_client, prompt="consent"), "refuse")
    reports(weber, discharge_client, "Das war ich nicht.", prompt="consent")
    opens(builders.browser(weber), discharge_client, scope="nothing:here")
    resources.reword_scope(
        look_up_staff, title="Look up everybody", detail="", by=builders.actor(mara), now=timezone.now()
    )
    for person, path, form in (
        (mara, f"/agents/{discharge_client.agent_id}/move/suspend/", {"reason": "Wird neu geprüft."}),
        (mara, f"/agents/{discharge_client.agent_id}/move/activate/", {"reason": "Noch einmal."}),
        (mallory, f"/agents/{discharge_client.agent_id}/move/resume/", {"reason": "Ich will."}),
        (weber, f"/consents/{consent.pk}/revoke/", {"reason": "Erledigt."}),
        (weber, f"/consents/{consent.pk}/revoke/", {"reason": "Noch einmal."}),
        (weber, "/people/invite/", {"email": "x@st-anna.example", "role": "user"}),
        (mara, "/account/", {"name": "Mara", "time_zone": "Europe/Vienna", "language": "de"}),
    ):
        builders.browser(person).post(path, form)


def test_nothing_that_was_translated_is_kept_with_an_event(a_day_in_german):
    translated = german_texts()
    events = list(Event.objects.all())
    assert len({event.kind for event in events}) > 12
    for event in events:
        assert not translated & set(strings(event.detail)), (event.kind, event.detail)
        assert event.reason_code.isascii()
    assert not translated & set(EventText.objects.values_list("text", flat=True))
    for consent in Consent.objects.all():
        assert not translated & set(strings(consent.paused_because))


def test_the_same_event_is_read_in_the_language_of_whoever_reads_it(mara: User, omar: User, a_day_in_german):
    event = builders.events("consent.revoked")[0]
    assert "hat die Einwilligung für" in text_of(builders.browser(mara).get(f"/trail/{event.pk}/"))
    english = text_of(builders.browser(omar).get(f"/trail/{event.pk}/"))
    assert "revoked the consent of" in english
    assert not german_texts() & set(english.split("<"))


def test_a_reason_that_mandate_gives_itself_is_kept_as_a_code_and_said_in_the_readers_language(ada: User) -> None:
    agent = builders.agent(owner=ada)
    lifecycle.suspend(agent, reason=OwnReason.REGISTERED_IN_ONE_STEP, by=builders.actor(ada), now=timezone.now())
    (event,) = builders.events(Kind.AGENT_SUSPENDED)
    assert EventText.objects.get(pk=event.reason_digest).text == "mandate:registered_in_one_step"
    said = {}
    for language in ("en", "de"):
        with translation.override(language):
            said[language] = text_of_digests([event.reason_digest])[event.reason_digest]
    assert said["en"] == "Registered and asked for in one step."
    assert said["de"] not in {said["en"], ""}
