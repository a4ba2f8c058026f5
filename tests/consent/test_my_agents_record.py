"""My agents at length: what was read, a thousand consents, and a record to print."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import resources
from agents.actors import Actor, RequestFacts
from agents.ids import uuid7
from agents.models import Client, Resource, Scope, User
from consent import mandate, receipts
from consent.models import AccessToken, Consent, ConsentScope, RecordCount
from consent.models.consent import purpose_key
from consent.receipts import Receipt, Records
from tests import builders, grants
from tests.consent.asking import allows
from tests.forms import text_of
from tests.grants import ResourceServer, TokenClient
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def token(discharge: TokenClient, weber_allows: Consent, pkce: Any, records_api: ResourceServer) -> AccessToken:
    """A token of the assistant for Weber, at Patient records."""
    value = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    return AccessToken.objects.get(pk=records_api.introspects(value)["jti"])


def reports(token: AccessToken, *records: Records, operation: str = "read", key: str = "") -> None:
    now = timezone.now()
    by = Actor.resource(token.audience_id, RequestFacts(now, uuid7(), "127.0.0.1"))
    receipt = Receipt(token.pk, operation, records, key or str(uuid.uuid4()))
    receipts.report(receipt, resource_id=token.audience_id, by=by, now=now)


def copies(given: Consent, count: int) -> None:
    """So many more like this one, each for a purpose of its own: this is about the page, not about how they came."""
    rows = []
    for n in range(count):
        purpose = f"Copy {n}"
        rows.append(
            Consent(
                agent=given.agent, client=given.client, user=given.user, origin=given.origin, approved_by=given.approved_by,
                purpose=purpose, purpose_key=purpose_key(purpose), purpose_digest="", starts_at=given.starts_at,
                ends_at=given.ends_at,
            )
        )  # fmt: skip
    Consent.objects.bulk_create(rows)
    held = list(ConsentScope.objects.filter(consent=given))
    ConsentScope.objects.bulk_create(
        ConsentScope(consent=row, scope=one.scope, wording=one.wording, started_at=one.started_at)
        for row in rows
        for one in held
    )


def test_it_says_what_was_read_where_and_when_last(weber: User, token: AccessToken) -> None:
    reports(token, Records("patient-file", 3))
    reports(token, Records("patient-file", 38))
    reports(token, Records("patient-file", 1), operation="write")
    text = text_of(builders.browser(weber).get("/my-agents/"))
    assert "read 41 <bdi>patient files</bdi>" in text
    assert "wrote 1 <bdi>patient file</bdi>" in text
    assert "reported by <bdi>Patient records</bdi>" in text
    assert "read 41" in text_of(builders.browser(weber).get(f"/my-agents/{token.consent_id}/"))


def test_the_same_receipt_twice_counts_once(token: AccessToken) -> None:
    for _ in range(2):
        reports(token, Records("patient-file", 3), key="once")
    assert RecordCount.objects.get().count == 3


def test_several_rows_of_one_type_in_a_receipt_are_added_up(token: AccessToken) -> None:
    reports(token, Records("patient-file", 3, "p-1"), Records("patient-file", 4, "p-2"))
    assert RecordCount.objects.get().count == 7


@pytest.mark.django_db(transaction=True)
def test_receipts_at_once_lose_no_count(token: AccessToken) -> None:
    outcome = at_once(6, lambda _: reports(token, Records("patient-file", 2)))
    assert not outcome.raised
    assert RecordCount.objects.get().count == 12


def test_a_thousand_consents_are_paged_in_the_same_few_queries(
    weber: User, discharge_client: Client, django_assert_max_num_queries: Any
) -> None:
    given = allows(weber, discharge_client, scope="staff:read calendar:read")
    browser = builders.browser(weber)
    with django_assert_max_num_queries(18):
        browser.get("/my-agents/")
    copies(given, 1_000)
    with django_assert_max_num_queries(18):
        text = text_of(browser.get("/my-agents/"))
    assert "1–25 of 1" in text
    assert text.count('id="consent-') == 25
    assert "?page=2" in text
    last = text_of(browser.get("/my-agents/?page=999999"))
    assert last.count('id="consent-') == 1
    for nonsense in ("x", "-1", "0", "9" * 400):
        assert browser.get("/my-agents/", {"allowed": nonsense}).status_code == 200


def test_what_is_paused_comes_first(weber: User, mara: User, discharge_client: Client, look_up_staff: Scope) -> None:
    given = allows(weber, discharge_client, scope="staff:read", purpose="A paused thing")
    resources.reword_scope(look_up_staff, title="Other", detail="", by=builders.actor(mara), now=timezone.now())
    other = allows(weber, discharge_client, scope="calendar:read", purpose="A thing that goes on")
    text = text_of(builders.browser(weber).get("/my-agents/"))
    assert text.index(f'id="consent-{given.pk}"') < text.index(f'id="consent-{other.pk}"')


def test_the_record_to_print_holds_all_that_was_ever_allowed_and_only_ones_own(
    weber: User, mara: User, discharge_client: Client, token: AccessToken, records: Resource
) -> None:
    reports(token, Records("patient-file", 5))
    over = allows(weber, discharge_client, scope="staff:read", purpose="What is over")
    mandate.revoke(over.pk, reason="Done.", by=builders.actor(weber), now=timezone.now())
    allows(mara, discharge_client, scope="staff:read", purpose="What Mara allowed")
    text = text_of(builders.browser(weber).get("/my-agents/record/"))
    for words in ("2 consents", "What is over", "Revoked", token.consent.purpose, "read 5 <bdi>patient files</bdi>"):
        assert words in text, words
    assert "What Mara allowed" not in text
    assert builders.browser().get("/my-agents/record/").status_code == 302


def test_the_record_takes_the_same_queries_for_one_and_for_many(
    weber: User, discharge_client: Client, django_assert_max_num_queries: Any
) -> None:
    given = allows(weber, discharge_client, scope="staff:read calendar:read")
    copies(given, 150)
    browser = builders.browser(weber)
    with django_assert_max_num_queries(12):
        assert text_of(browser.get("/my-agents/record/")).count("<blockquote") == 151


def test_a_receipt_comes_late_and_keeps_the_time_of_what_was_done(token: AccessToken) -> None:
    reports(token, Records("patient-file", 1))
    first = RecordCount.objects.get().last_at
    now = timezone.now()
    by = Actor.resource(token.audience_id, RequestFacts(now, uuid7(), "127.0.0.1"))
    late = Receipt(token.pk, "read", (Records("patient-file", 1),), "late", at=first - timedelta(seconds=30))
    receipts.report(late, resource_id=token.audience_id, by=by, now=now)
    assert (RecordCount.objects.get().count, RecordCount.objects.get().last_at) == (2, first)
