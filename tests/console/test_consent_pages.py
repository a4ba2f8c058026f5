"""The consents of the organisation, one consent as a record, and the finder."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from agents.acr import SignIn
from agents.actors import Actor
from agents.models import Event
from consent import mandate
from consent.approval import Approval
from consent.models import Consent
from console.agreed import agreed_of
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import keeps

pytestmark = pytest.mark.django_db


def listed(viewer, **query):
    response = builders.browser(viewer).get(reverse("consents"), query)
    assert response.status_code == 200
    return set(re.findall(r'href="/consents/([0-9a-f-]{36})/"', response.content.decode()))


def page(viewer, consent):
    response = builders.browser(viewer).get(reverse("consent", args=[consent.pk]))
    assert response.status_code == 200
    return response.content.decode()


# ------------------------------------------------------------------------------------------------------------- the list


def test_each_sees_the_consents_that_are_theirs_to_read(mara, omar, ada, mallory, weber_allows, clinic_allows):
    both = {str(weber_allows.pk), str(clinic_allows.pk)}
    assert listed(mara) == listed(omar) == listed(ada) == both
    assert listed(mallory) == set()


def test_a_user_has_my_agents_instead(weber):
    with one_refusal("page.refused", "forbidden"):
        assert builders.browser(weber).get(reverse("consents")).status_code == 403
    assert Browser().get(reverse("consents")).status_code == 302


def test_words_agent_person_and_organisation_are_filters(mara, weber, weber_allows, clinic_allows, claims_filer):
    of_weber, of_clinic = {str(weber_allows.pk)}, {str(clinic_allows.pk)}
    assert listed(mara, q="weber") == listed(mara, q="Discharge A") == listed(mara, q="ward 3b") == of_weber
    assert listed(mara, whom="organisation") == listed(mara, agent=claims_filer.pk) == of_clinic
    assert listed(mara, whom="people") == listed(mara, person=weber.pk) == of_weber
    assert listed(mara, q="zebra") == set()


def test_states_are_filters_and_agree_with_what_each_consent_says(
    mara, weber, discharge_client, read_records, see_appointments
):
    now = timezone.now()
    past = now - timedelta(days=2)
    live = grants.consent(discharge_client, scopes=[read_records], user=weber, purpose="live")
    grants.consent(discharge_client, scopes=[see_appointments], user=weber, purpose="long", life=timedelta(days=60))
    with time_machine.travel(past):
        grants.consent(
            discharge_client, scopes=[read_records], user=weber, purpose="ended", life=timedelta(hours=1), now=past
        )
    revoked = grants.consent(discharge_client, scopes=[read_records], user=weber, purpose="revoked")
    mandate.revoke(revoked.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())
    grants.consent(discharge_client, scopes=[read_records], user=weber, purpose="twice")
    grants.consent(discharge_client, scopes=[see_appointments], user=weber, purpose="twice")
    now = timezone.now()
    for state in ("live", "ended", "revoked", "superseded", "paused"):
        expected = {str(c.pk) for c in Consent.objects.all() if c.status(now) == state}
        assert listed(mara, state=state) == expected, state
    assert str(live.pk) in listed(mara, state="week")
    assert len(listed(mara, state="week")) == len(listed(mara, state="live")) - 1


@pytest.mark.parametrize(
    "query",
    [{"agent": "x"}, {"person": "0" * 5_000}, {"state": "maybe"}, {"page": "10000000000000"}, {"page": "x"}, {"q": "\0"}, {"q": "x" * 10_000}, {"sort": "agent__ownerships__user__password"}, {"page_size": "1000000000"}],
    ids=str,
)  # fmt: skip
def test_whatever_the_address_says_the_list_stands(mara, weber_allows, query):
    listed(mara, **query)


def test_the_list_takes_the_same_queries_for_one_and_for_many(
    mara, weber, discharge_client, read_records, see_appointments, django_assert_max_num_queries
):
    grants.consent(discharge_client, scopes=[read_records], user=weber, purpose="first")
    browser = builders.browser(mara)
    browser.get(reverse("consents"))
    for n in range(12):
        person = builders.person(f"Person {n}")
        grants.consent(discharge_client, scopes=[read_records, see_appointments], user=person, purpose=f"Purpose {n}")
    with django_assert_max_num_queries(9):
        browser.get(reverse("consents"))


def test_htmx_gets_the_rows(mara, weber_allows):
    response = builders.browser(mara).get(reverse("consents"), headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert str(weber_allows.pk) in response.content.decode()


# ----------------------------------------------------------------------------------------------------------- the record


def test_what_was_agreed_is_there_word_for_word_with_what_became_of_it(
    mara, weber, discharge_client, read_records, write_letters
):
    scopes = [
        {"id": str(scope.pk), "name": scope.name, "title": title, "detail": "As read", "version": 1, "access": scope.access,
         "data_class": scope.data_class, "required": False, "new": False, "ticked": ticked}
        for scope, title, ticked in ((read_records, "Old words for reading", True), (write_letters, "Old words for writing", True))
    ]  # fmt: skip
    now = timezone.now()
    approval = Approval(
        client=discharge_client, user=weber, scopes={s: s.wording for s in (read_records, write_letters)}, purpose="Letters",
        ends_at=now + timedelta(hours=8), signed_in=SignIn(("passkey",)), redirect_host="app.st-anna.example",
        shown={"agent": "Discharge Assistant", "owner": "Former Owner", "purpose": "Letters", "registered_purpose": "Registered words",
               "resources": [{"name": "Patient records", "uri": "https://r", "scopes": scopes}], "until": "today, 18:00"},
    )  # fmt: skip
    given = mandate.approve(approval, by=Actor.person(weber), now=now)
    keeps(given, read_records, by=weber)
    text = page(mara, given)
    for words in ("Former Owner", "Registered words", "<strong>Old words for reading</strong>", "<s>Old words for writing</s>",
                  "Taken away", "today, 18:00", "approved with a passkey", "app.st-anna.example", given.purpose):  # fmt: skip
        assert words in text, words


def test_a_consent_without_kept_words_shows_the_wordings_that_it_holds(mara, weber_allows):
    text = page(mara, weber_allows)
    assert "Read patient files of ward 3B" in text
    assert "own words were not kept" in text


@pytest.mark.parametrize(
    "shown",
    [{}, {"resources": 5}, {"resources": [5, None, {"scopes": "x"}]}, {"resources": [{"scopes": [{"id": 5, "title": []}]}]}, [], "text", {"purpose": {}}],
    ids=str,
)  # fmt: skip
def test_whatever_was_kept_can_be_read(weber_allows, shown):
    consent = Consent.objects.with_scopes().get(pk=weber_allows.pk)
    consent.shown = shown
    assert agreed_of(consent, timezone.now()).resources


def test_only_who_may_change_it_is_offered_to(mara, omar, ada, weber, weber_allows):
    for viewer, may in ((mara, True), (ada, True), (weber, True), (omar, False)):
        text = page(viewer, weber_allows)
        assert (f'href="/consents/{weber_allows.pk}/revoke/"' in text) is may
        assert (f'href="/consents/{weber_allows.pk}/narrow/"' in text) is may
    assert "extend" not in page(mara, weber_allows).lower()


def test_nothing_is_offered_for_what_is_over(mara, weber, weber_allows):
    mandate.revoke(weber_allows.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())
    text = page(mara, weber_allows)
    assert "/revoke/" not in text
    assert 'class="broken"' in text


def test_what_is_foreign_is_as_unknown(mallory, weber_allows, clinic_allows, read_records):
    stranger = builders.person("Stranger")
    for viewer in (mallory, stranger):
        for consent in (weber_allows, clinic_allows):
            assert builders.browser(viewer).get(reverse("consent", args=[consent.pk])).status_code == 404
        assert builders.browser(viewer).get(reverse("consent", args=[read_records.pk])).status_code == 404


def test_the_person_finds_no_link_that_they_may_not_follow(weber, weber_allows):
    text = page(weber, weber_allows)
    for url in ("/agents/", "/people/", 'href="/consents/"'):
        assert url not in text.split('<main class="page"')[1]


def test_a_payload_in_a_purpose_is_shown_as_text(mara, weber, discharge_client, read_records):
    payload = '<script>alert(1)</script> "><img src=x onerror=alert(1)>'
    given = grants.consent(discharge_client, scopes=[read_records], user=weber, purpose=payload)
    for text in (page(mara, given), builders.browser(mara).get(reverse("consents")).content.decode()):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert escape("<script>alert(1)</script>") in text


def test_the_record_takes_a_fixed_number_of_queries(mara, weber_allows, discharge, django_assert_max_num_queries):
    browser = builders.browser(mara)
    browser.get(reverse("consent", args=[weber_allows.pk]))
    for _ in range(6):
        pkce = grants.Pkce()
        discharge.redeem(grants.code(weber_allows, pkce), pkce)
    with django_assert_max_num_queries(28):
        browser.get(reverse("consent", args=[weber_allows.pk]))


# ----------------------------------------------------------------------------------------------------------- the finder


def find(viewer, words):
    return builders.browser(viewer).get(reverse("find"), {"q": words})


def test_one_thing_that_fits_is_opened_at_once(mara, ada, discharge_assistant, weber_allows):
    assert find(mara, "omar@nowhere").status_code == 200
    assert find(mara, ada.email)["Location"] == f"/people/{ada.pk}/"
    number = Event.objects.get(kind="consent.approved").pk
    assert find(mara, str(number))["Location"] == f"/trail/{number}/"
    assert find(mara, str(weber_allows.pk))["Location"] == f"/consents/{weber_allows.pk}/"


def test_several_things_are_listed_by_sort(mara, discharge_assistant, discharge_client, weber_allows):
    text = find(mara, "discharge").content.decode()
    for words in ("Agents", "Clients", "Consents", "Events"):
        assert f"<h2>{words}</h2>" in text


def test_nothing_of_others_is_found(mallory, discharge_assistant, discharge_client, weber_allows, weber):
    for words in ("discharge", "weber", str(weber_allows.pk), str(discharge_assistant.pk), discharge_client.client_id):
        response = find(mallory, words)
        assert response.status_code == 200, words
        assert "Nothing found for" in response.content.decode()


def test_a_user_finds_what_concerns_them_and_nothing_else(weber, ada, discharge_assistant, weber_allows, clinic_allows):
    assert find(weber, weber_allows.purpose)["Location"] == f"/consents/{weber_allows.pk}/"
    for words in (ada.email, clinic_allows.purpose, "Patient records"):
        assert "Nothing found for" in find(weber, words).content.decode(), words


@pytest.mark.parametrize("words", ["", "\0", "x" * 100_000, "%", "<script>alert(1)</script>", "9" * 5_000, "9" * 18])
def test_whatever_is_looked_for_the_finder_stands(mara, words):
    response = find(mara, words)
    assert response.status_code == 200
    assert b"<script>alert" not in response.content
