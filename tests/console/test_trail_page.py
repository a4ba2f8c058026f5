"""The trail page: who sees what, filters in the address, pages, parts for htmx, and texts that stay texts."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from agents.actors import Actor
from agents.ids import uuid7
from agents.models import Event, EventText
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from tests import builders, grants

pytestmark = pytest.mark.django_db


def happens(kind=Kind.TOKEN_ISSUED, *, by=None, **facts):
    with transaction.atomic():
        return record(kind, by=by or Actor.system(), now=timezone.now(), **facts)


def page(viewer, **query):
    response = builders.browser(viewer).get(reverse("trail"), query)
    assert response.status_code == 200, response.content
    return response.content.decode()


def events_on(text):
    """The numbers of the events whose pages this one leads to."""
    return [int(number) for number in re.findall(r'href="/trail/(\d+)/"', text)]


def test_who_reads_everything_sees_everything(mara, omar, weber_allows):
    for person in (mara, omar):
        assert Event.objects.latest("pk").pk in events_on(page(person))


def test_an_owner_sees_the_events_of_their_agents(ada, weber_allows):
    assert "allowed <strong><bdi>Discharge Assistant</bdi></strong>" in page(ada)


def test_another_owner_sees_nothing_of_it(mallory, discharge_assistant, weber_allows):
    text = page(mallory) + page(mallory, agent=discharge_assistant.pk) + page(mallory, q="Discharge")
    assert "Discharge" not in text.replace('value="Discharge"', "")
    assert events_on(text) == []


def test_a_chip_names_nothing_that_the_viewer_may_not_know(mallory, discharge_assistant, weber, weber_allows):
    text = page(mallory, agent=discharge_assistant.pk, person=weber.pk, consent=weber_allows.pk)
    assert "unknown" in text
    for name in ("Discharge Assistant", "Weber", "ward 3B"):
        assert name not in text


def test_a_user_finds_only_what_concerns_them(weber, mara, discharge_client, read_records):
    grants.consent(discharge_client, scopes=[read_records], user=weber)
    page = builders.browser(weber).get(reverse("trail")).content.decode()
    assert "allowed" in page
    assert "was registered" not in page


def test_nobody_reads_it_without_signing_in():
    assert Browser().get(reverse("trail")).status_code == 302


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent_to_it(mara, method):
    assert getattr(builders.browser(mara), method)(reverse("trail")).status_code == 405


def test_filters_stand_in_the_address_and_come_off_one_by_one(mara, discharge_assistant, weber, weber_allows):
    text = page(mara, agent=discharge_assistant.pk, person=weber.pk, kind="consents")
    assert "agent: Discharge Assistant" in text
    assert "person: Dr. Jonas Weber" in text
    assert f'href="/trail/?kind=consents&amp;person={weber.pk}"' in text
    assert f'href="/trail/?kind=consents&amp;agent={discharge_assistant.pk}"' in text
    assert '<option value="consents" selected>' in text
    assert f'<input type="hidden" name="agent" value="{discharge_assistant.pk}">' in text
    assert len(events_on(text)) == 1


def test_one_kind_and_one_day_are_filters_too(mara, weber_allows):
    text = page(mara, kind="consent.approved", on=timezone.localdate().isoformat())
    assert len(events_on(text)) == 1
    assert "A human allowed an agent to act" in text
    assert events_on(page(mara, on="2001-01-01")) == []


def test_when_is_a_filter(mara, weber_allows):
    newest = Event.objects.latest("pk").pk
    for when in ("today", "week", "month", ""):
        assert newest in events_on(page(mara, when=when))
    assert newest not in events_on(page(mara, when="yesterday"))


def test_pages_go_on_and_come_back(mara):
    made = [happens(agent_id=uuid7()) for _ in range(60)]
    browser = builders.browser(mara)
    first = browser.get(reverse("trail")).content.decode()
    assert events_on(first)[:50] == made[::-1][:50]
    older = re.search(r'rel="next"[^>]* href="([^"]+)"', first).group(1).replace("&amp;", "&")
    second = browser.get(older).content.decode()
    assert events_on(second)[:10] == made[:10][::-1]
    newer = re.search(r'rel="prev"[^>]* href="([^"]+)"', second).group(1).replace("&amp;", "&")
    assert events_on(browser.get(newer).content.decode())[0] == made[59]


@pytest.mark.parametrize(
    "query",
    [
        {"agent": "x"}, {"agent": "0" * 5_000}, {"token": "{00000000-0000-0000-0000-00000000000"}, {"before": "abc"},
        {"before": "9" * 5_000}, {"after": "-1"}, {"before": "9" * 18}, {"before": "0"}, {"after": "9" * 18},
        {"outcome": "maybe"}, {"kind": "\0"}, {"q": "\0"}, {"q": "x" * 100_000}, {"on": "2026-02-31"}, {"on": "0001-01-01"},
        {"on": "9999-12-31"}, {"when": "always"}, {"data": "all"}, {"resource": "x"}, {"sort": "owner__password"},
        {"page_size": "1000000000"}, {"q": "%_\\"}, {"owner": "mallory", "state": "x", "role": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_the_address_says_the_page_stands(mara, query):
    happens()
    page(mara, **query)


def test_the_same_parameter_a_hundred_times_is_one(mara):
    happens()
    response = builders.browser(mara).get(reverse("trail") + "?" + "&".join(["outcome=refused"] * 100))
    assert response.status_code == 200


def test_htmx_gets_the_part_with_the_address_to_show(mara, weber_allows):
    response = builders.browser(mara).get(
        reverse("trail"), {"kind": "consents", "q": "", "outcome": ""}, headers={"HX-Request": "true"}
    )
    text = response.content.decode()
    assert "<html" not in text
    assert "<h1" not in text
    assert len(events_on(text)) == 1
    assert response["HX-Push-Url"] == "/trail/?kind=consents"
    assert "HX-Request" in response["Vary"]


def test_a_page_that_was_left_comes_back_whole(mara):
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in builders.browser(mara).get(reverse("trail"), headers=headers).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_rows(mara, discharge_assistant, django_assert_max_num_queries):
    browser = builders.browser(mara)
    browser.get(reverse("trail"))
    people = [builders.person(f"Person {n}") for n in range(20)]
    for n in range(60):
        happens(
            agent_id=discharge_assistant.pk, user_id=people[n % 20].pk, consent_id=uuid7(), purpose=f"Purpose {n}",
            by=Actor.person(people[n % 20]), resource_id=uuid7(), client_id=uuid7(),
        )  # fmt: skip
    with django_assert_max_num_queries(14):
        browser.get(reverse("trail"))


PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7*7 }}{% debug %}",
    "</q></li></ol>",
    "\x1b[31mred",
    "a\u202egnol",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_any_text_is_shown_as_text(mara, payload):
    owner = builders.person(payload[:60])
    agent, consent = uuid7(), uuid7()
    happens(agent_id=agent, consent_id=consent, user_id=owner.pk, purpose=payload, scopes=[payload.replace(" ", "_")])
    happens(Kind.ROLE_CHANGED, user_id=owner.pk, before=payload, after={payload: [payload]})
    happens(
        Kind.RECEIPT_REPORTED,
        agent_id=agent,
        operation=payload,
        records=[{"type": payload, "count": 1, "subject": payload}],
    )
    happens(Kind.TOKEN_REFUSED, reason_code=payload, agent_id=agent, outcome=Outcome.REFUSED)
    text = page(mara)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "</q></li></ol><" not in text
    assert 'href="javascript:' not in text
    assert "7*7" not in text or "{{ 7*7 }}" in text
    if payload.startswith("<"):
        assert escape(payload) in text


def test_an_erased_purpose_says_so(mara):
    happens(consent_id=uuid7(), purpose="Draft letters")
    EventText.objects.all().delete()
    assert "<q><bdi>(erased)</bdi></q>" in page(mara)


def test_from_agent_consent_and_person_their_events_are_one_click_away(mara, discharge_assistant, weber, weber_allows):
    browser = builders.browser(mara)
    assert f"/trail/?consent={weber_allows.pk}" in browser.get(weber_allows.get_absolute_url()).content.decode()
    number = Event.objects.get(kind="consent.approved").pk
    event = browser.get(reverse("event", args=[number])).content.decode()
    for link in (f"?agent={discharge_assistant.pk}", f"?consent={weber_allows.pk}", f"?person={weber.pk}"):
        assert f"/trail/{link}" in event
        assert number in events_on(browser.get(f"/trail/{link}").content.decode())


def test_a_refused_token_request_is_told_with_its_reason(mara, discharge, weber_allows):
    discharge.redeem("no such code", grants.Pkce())
    text = page(mara, outcome="refused")
    assert "asked for a token and got none: the code or refresh token does not count" in text


def test_a_refusal_shows_what_was_answered_and_gives_nobody_the_words(mara, discharge):
    discharge.redeem("no such code", grants.Pkce())
    number = Event.objects.get(kind="token.refused").pk
    text = builders.browser(mara).get(reverse("event", args=[number])).content.decode()
    assert "What was answered" in text
    assert "Reason given" not in text
