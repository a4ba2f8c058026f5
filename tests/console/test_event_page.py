"""The page of one event: its chain, why, what was retrieved, and each kind in a sentence."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from time_machine import travel

from agents import lifecycle, registry
from agents.actors import Actor, ActorKind
from agents.ids import uuid7
from agents.models import Event, EventText
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent import mandate
from console.events_reference import reference
from console.names import Names
from console.sentence_parts import PARTS
from console.sentences import SENTENCES, tell_one
from tests import builders, grants

pytestmark = pytest.mark.django_db


def happens(kind=Kind.TOKEN_ISSUED, *, by=None, **facts):
    with transaction.atomic():
        return record(kind, by=by or Actor.system(), now=timezone.now(), **facts)


def page(person, number):
    response = builders.browser(person).get(reverse("event", args=[number]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def receipt(discharge, weber_allows, pkce, records_api):
    """The event of a receipt for a token that Weber's consent stands behind."""
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    body = {
        "token": records_api.introspects(token)["jti"],
        "operation": "read",
        "records": [{"type": "patient-file", "count": 3, "subject": "p-8f1c"}],
        "idempotency_key": "first",
    }
    answer = Browser().post("/api/v1/receipts", json.dumps(body), content_type="application/json", **records_api.header)
    return Event.objects.get(pk=answer.json()["event"])


def test_the_whole_chain_is_there_and_each_link_one_click_away(
    mara, receipt, weber, weber_allows, discharge_assistant, records
):
    text = page(mara, receipt.pk)
    for words in ("Dr. Jonas Weber", weber_allows.purpose, "5 minutes", "read 3 patient files", "Patient records"):
        assert words in text
    for url in (
        f"/people/{weber.pk}/",
        f"/consents/{weber_allows.pk}/",
        f"/trail/?token={receipt.token_id}",
        f"/agents/{discharge_assistant.pk}/",
        f"/resources/{records.pk}/",
    ):
        assert f'href="{url}"' in text
    assert "reported by <strong><bdi>Patient records</bdi></strong>" in text
    assert "p-8f1c" not in text
    assert receipt.detail["records"][0]["subject"] in text
    assert str(receipt.request_id) in text


def test_nothing_is_claimed_that_is_not_so_yet(mara, receipt):
    text = page(mara, receipt.pk).lower()
    for word in ("sealed", "verif", "proof", "evidence"):
        assert word not in text


def test_each_sees_the_events_that_concern_them(omar, ada, weber, receipt, mallory):
    for person in (omar, ada, weber):
        page(person, receipt.pk)
    foreign = builders.browser(mallory).get(reverse("event", args=[receipt.pk]))
    unknown = builders.browser(mallory).get(reverse("event", args=[receipt.pk + 1_000]))
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert Browser().get(reverse("event", args=[receipt.pk])).status_code == 302


@pytest.mark.parametrize("number", ["0", "9" * 19, "9" * 30, "9" * 4_000, "9" * 5_000])
def test_a_number_that_is_none_is_not_there(mara, number):
    assert builders.browser(mara).get(f"/trail/{number}/").status_code == 404


def test_a_user_gets_no_links_to_pages_they_may_not_open(weber, receipt, discharge_assistant):
    text = page(weber, receipt.pk)
    for url in (f"/agents/{discharge_assistant.pk}/", "/people/", "/resources/"):
        assert f'href="{url}' not in text
    assert f'href="/consents/{receipt.consent_id}/"' in text


def test_the_chain_is_shown_as_it_stood_then(mara, weber, receipt, weber_allows):
    mandate.revoke(weber_allows.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())
    then = page(mara, receipt.pk)
    assert "in force then; revoked" in then
    assert 'class="broken"' not in then
    later = happens(
        Kind.INTROSPECTION_INACTIVE, consent_id=weber_allows.pk, user_id=weber.pk, agent_id=weber_allows.agent_id
    )
    assert 'class="broken"' in page(mara, later)


def test_a_receipt_for_after_the_revocation_says_so(mara, weber, receipt, weber_allows, records_api):
    now = timezone.now()
    with travel(now + timedelta(seconds=20), tick=False):
        mandate.revoke(weber_allows.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())

    def reported(at):
        body = {
            "token": str(receipt.token_id),
            "operation": "read",
            "records": [{"type": "patient-file", "count": 1}],
            "idempotency_key": uuid7().hex,
            **({"at": at.isoformat()} if at else {}),
        }
        answer = Browser().post(
            "/api/v1/receipts", json.dumps(body), content_type="application/json", **records_api.header
        )
        return page(mara, answer.json()["event"])

    with travel(now + timedelta(seconds=60), tick=False):
        assert "Reported for after the revocation" in reported(None)
        assert "Reported for after the revocation" in reported(now + timedelta(seconds=40))
        assert "Reported for after the revocation" not in reported(now + timedelta(seconds=10))
    assert "Reported for after the revocation" not in page(mara, receipt.pk)


def test_a_consent_of_the_organisation_names_who_approved_it(mara, clinic_allows, claims):
    claims.act_alone()
    text = page(mara, Event.objects.filter(kind="token.issued").latest("pk").pk)
    assert "approved for the organisation" in text
    assert "Mara Keller" in text


def test_what_happened_around_it_is_what_the_viewer_may_read(mara, ada, receipt):
    around = re.findall(r'href="/trail/(\d+)/"', page(mara, receipt.pk))
    issued = Event.objects.get(kind="token.issued", token_id=receipt.token_id).pk
    assert str(issued) in around
    hidden = happens(agent_id=uuid7(), token_id=receipt.token_id)
    assert str(hidden) in re.findall(r'href="/trail/(\d+)/"', page(mara, receipt.pk))
    assert str(hidden) not in re.findall(r'href="/trail/(\d+)/"', page(ada, receipt.pk))


def test_a_change_is_shown_before_and_after(mara, ada, mallory, discharge_assistant):
    registry.hand_over(
        discharge_assistant, owner=mallory, reason="New team.", by=builders.actor(ada), now=timezone.now()
    )
    text = page(mara, Event.objects.get(kind="agent.handed_over").pk)
    assert (
        "handed <strong><bdi>Discharge Assistant</bdi></strong> over to <strong><bdi>Mallory Grant</bdi></strong>"
        in text
    )
    assert "<bdi>Ada Duarte</bdi>" in text
    assert "New team." in text


def test_what_mandate_did_by_itself_says_so(mara, discharge_assistant):
    number = happens(Kind.AGENT_RETIRED, agent_id=discharge_assistant.pk, automatic=True)
    assert "was retired because its end date passed" in page(mara, number)


def test_a_suspension_is_told_with_its_reason(mara, discharge_assistant):
    lifecycle.suspend(discharge_assistant, reason="It asked too much.", by=builders.actor(mara), now=timezone.now())
    number = Event.objects.get(kind="agent.suspended").pk
    text = page(mara, number)
    assert "suspended" in text
    assert "It asked too much." in text


def test_erased_texts_leave_the_event_readable(mara, receipt):
    EventText.objects.all().delete()
    text = page(mara, receipt.pk)
    assert "(erased)" in text
    assert "read 3 patient files" in text


def test_who_wrote_the_purpose_is_told(mara, discharge_client, weber, read_records):
    from consent.approval import Approval
    from consent.mandate import approve

    def allow(purpose, shown):
        now = timezone.now()
        approval = Approval(
            client=discharge_client, user=weber, scopes={read_records: read_records.wording}, purpose=purpose,
            ends_at=now + timezone.timedelta(hours=1), shown={"purpose": shown, "registered_purpose": "Registered"},
        )  # fmt: skip
        approve(approval, by=Actor.person(weber), now=now)
        return page(mara, Event.objects.filter(kind="consent.approved").latest("pk").pk)

    assert "writes</span>" in allow("The agent says so", "The agent says so")
    assert "in the person’s own words" in allow("Weber says so", "The agent said other")
    assert "registered by its owner" in allow("Registered", "Registered")


# ---------------------------------------------------------------------------------------------- a sentence for each kind


def test_every_kind_has_a_sentence_with_parts_that_exist():
    assert set(SENTENCES) == set(Kind)
    for kind, said in SENTENCES.items():
        assert str(said)
        assert set(re.findall(r"{(\w+)}", str(said))) <= set(PARTS), kind


ODD_VALUES = [
    None,
    "",
    "x",
    "<b>",
    5,
    -1,
    1.5,
    True,
    [],
    ["a", None, {"b": [1]}],
    {},
    {"a": {"b": None}},
    "2026-99-99",
    "x" * 5_000,
]


@pytest.mark.parametrize("kind", list(Kind), ids=str)
def test_every_kind_is_told_whatever_its_detail_holds(kind, weber):
    now = timezone.now()
    ids = {name: uuid7() for name in ("user_id", "agent_id", "client_id", "consent_id", "token_id", "resource_id")}
    for value in ODD_VALUES:
        for some in ({}, ids):
            for actor in ActorKind:
                detail = dict.fromkeys(kind.facts.fields, value)
                event = Event(
                    pk=1,
                    at=now,
                    kind=kind,
                    outcome="refused",
                    reason_code="odd",
                    actor_kind=actor,
                    detail=detail,
                    **some,
                )
                told = tell_one(event, Names(weber), now)
                assert told.sentence
                assert told.title
                assert "<b>" not in told.sentence
                assert "{" not in told.title.replace("{&#x27;", "")


def test_an_event_of_a_newer_version_is_told_by_its_name(weber, mara):
    event = Event(pk=1, at=timezone.now(), kind="future.thing", outcome="allowed", actor_kind="system", detail=["odd"])
    assert tell_one(event, Names(weber), timezone.now()).title == "future.thing"


@pytest.mark.parametrize(
    "detail", [[], "text", 5, {"records": 5}, {"records": [5, {"type": 5}, {"type": "a", "count": "b"}]}]
)
def test_the_page_stands_for_any_detail(mara, detail):
    with transaction.atomic():
        happens(Kind.RECEIPT_REPORTED)
    event = Event(at=timezone.now(), kind="receipt.reported", outcome="reported", actor_kind="resource", detail=detail)
    event.save(force_insert=True)
    page(mara, event.pk)


def test_the_reference_of_events_is_current():
    written = (Path(settings.BASE_DIR) / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    assert written == reference(), "run: manage.py document_events"


def test_the_number_of_queries_does_not_grow_with_what_is_around(mara, receipt, django_assert_max_num_queries):
    for _ in range(30):
        happens(token_id=receipt.token_id, consent_id=receipt.consent_id)
    browser = builders.browser(mara)
    browser.get("/trail/")
    with django_assert_max_num_queries(24):
        browser.get(reverse("event", args=[receipt.pk]))
