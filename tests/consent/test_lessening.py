"""Less of what a consent holds in detail: a lower amount, fewer accounts, one transfer left out. Never more."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.details.detail import Detail
from agents.errors import Forbidden
from agents.models import DetailVersion, Event, Scope, User
from consent import mandate
from consent.errors import ConsentEnded, NotNarrower
from consent.lessening import lessen
from consent.models import Consent, ConsentScope
from consent.oauth.authorization_details import as_answer
from tests import builders, detailing, grants
from tests.detailing import transfer
from tests.forms import form_of, text_of
from tests.grants import ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
HELD = [transfer(1000, accounts=["a", "b"]), transfer(50, "Globex", accounts=["c", "d"])]


@pytest.fixture
def bank(mara):
    return detailing.bank_of(mara)


@pytest.fixture
def transfers(bank) -> Scope:
    return detailing.transfers_at(bank)


@pytest.fixture
def paying(ada, mara, transfers) -> TokenClient:
    client = builders.client(builders.agent("Payment Assistant", owner=ada, scopes=[transfers]))
    return TokenClient(client, builders.key(client).key)


@pytest.fixture
def given_to_payer(paying, transfers, weber) -> Consent:
    return detailing.consent_to(paying.client, transfers, HELD, user=weber)


@pytest.fixture
def ledger(bank) -> ResourceServer:
    return ResourceServer(bank, builders.key(bank).key)


def makes_less(of: Consent, scope: Scope, *details: dict[str, Any], by: User, reason: str = "Enough.") -> Consent:
    version = DetailVersion.objects.by_scope([scope.pk])[scope.pk]
    left = [Detail(version, {name: value for name, value in each.items() if name != "type"}) for each in details]
    return lessen(of.pk, left={scope.pk: left}, reason=reason, by=builders.actor(by), now=timezone.now())


def held() -> list[dict[str, Any]]:
    return as_answer(ConsentScope.objects.get().details)


def test_a_token_that_is_out_is_worth_less_from_its_next_use(given_to_payer, paying, transfers, ledger, weber, pkce):
    pair = paying.redeem(grants.code(given_to_payer, pkce), pkce).json()
    assert ledger.introspects(pair["access_token"])["authorization_details"] == HELD
    makes_less(given_to_payer, transfers, transfer(10, accounts=["b"]), by=weber)
    assert ledger.introspects(pair["access_token"])["authorization_details"] == [transfer(10, accounts=["b"])]
    fresh = paying.refresh(pair["refresh_token"]).json()
    assert fresh["authorization_details"] == [transfer(10, accounts=["b"])]


def test_a_token_that_named_more_than_is_left_is_worth_nothing(given_to_payer, paying, transfers, ledger, weber, pkce):
    asked = detailing.sent(transfer(500, accounts=["a"]))
    token = paying.redeem(grants.code(given_to_payer, pkce), pkce, authorization_details=asked).json()["access_token"]
    makes_less(given_to_payer, transfers, transfer(400, accounts=["a"]), by=weber)
    assert ledger.introspects(token) == {"active": False}


def test_what_it_was_stays_with_the_consent_and_its_event_names_nobody(given_to_payer, transfers, weber):
    makes_less(given_to_payer, transfers, transfer(10, accounts=["b"]), by=weber)
    makes_less(given_to_payer, transfers, transfer(5, accounts=["b"]), by=weber)
    row = ConsentScope.objects.get()
    assert [as_answer(each["details"]) for each in row.details_before] == [HELD, [transfer(10, accounts=["b"])]]
    events = Event.objects.filter(kind="consent.lessened")
    assert events.count() == 2
    assert all("Acme" not in str(event.detail) for event in events)


@pytest.mark.parametrize(
    "details",
    [
        HELD,
        [transfer(1000.01, accounts=["a", "b"])],
        [transfer(-1, accounts=["a", "b"])],
        [transfer(1, "Me", accounts=["a"])],
        [transfer(1, accounts=["c"])],
        [transfer(1, accounts=["a"]), transfer(1, accounts=["b"])],
        [HELD[1], HELD[0]],
        [*HELD, transfer(1, accounts=["a"])],
        [],
    ],
    ids=["the same", "higher", "negative", "another", "another account", "split", "swapped", "one more", "nothing"],
)
def test_nothing_makes_it_more(given_to_payer, transfers, weber, details):
    with pytest.raises(NotNarrower):
        makes_less(given_to_payer, transfers, *details, by=weber)
    assert held() == HELD


def test_nobody_else_does_so_and_nobody_after_its_end(given_to_payer, transfers, weber, mallory, omar):
    for stranger in (mallory, omar):
        with pytest.raises(Forbidden):
            makes_less(given_to_payer, transfers, transfer(10, accounts=["b"]), by=stranger)
    mandate.revoke(given_to_payer.pk, reason="Done.", by=builders.actor(weber), now=timezone.now())
    with pytest.raises(ConsentEnded):
        makes_less(given_to_payer, transfers, transfer(10, accounts=["b"]), by=weber)
    assert held() == HELD


def test_on_its_page_an_amount_is_lowered_and_a_transfer_left_out(given_to_payer, transfers, weber):
    browser = builders.browser(weber)
    address = f"/consents/{given_to_payer.pk}/less/"
    page = browser.get(address)
    assert "Acme" in text_of(page)
    form = form_of(page)
    (amount,) = [name for name in form if name.startswith(f"narrow-{transfers.pk}-0") and form[name] == ["1000"]]
    first = f"{transfers.pk}-0"
    too_much = browser.post(address, {**form, amount: ["1001"]})
    assert too_much.status_code == 400
    assert 'value="1001"' in text_of(too_much)
    tampered = browser.post(address, {**form, f"narrow-{transfers.pk}-9-0": ["1"]})
    assert tampered.status_code == 400
    assert held() == HELD
    assert browser.post(address, {**form, amount: ["12.5"], "detail": [first]}).status_code in {302, 303}
    assert held() == [transfer(12.5, accounts=["a", "b"])]
    assert "12.5" in text_of(browser.get(f"/my-agents/{given_to_payer.pk}/"))


def test_a_keeper_lessens_with_a_reason_that_the_person_reads(given_to_payer, transfers, ada):
    browser = builders.browser(ada)
    address = f"/consents/{given_to_payer.pk}/less/"
    form = form_of(browser.get(address))
    changed = {**form, "detail": [f"{transfers.pk}-1"]}
    assert browser.post(address, changed).status_code == 400
    done = browser.post(address, {**changed, "reason": "Only Globex this week."}, follow=True)
    assert "It counts from its next request" in text_of(done)
    assert held() == [HELD[1]]


def test_the_narrow_page_leads_there(given_to_payer, weber):
    page = builders.browser(weber).get(f"/consents/{given_to_payer.pk}/narrow/")
    assert f"/consents/{given_to_payer.pk}/less/" in text_of(page)


choices = st.lists(
    st.builds(
        transfer,
        st.integers(-5, 1200),
        st.sampled_from(["Acme", "Globex", "Me"]),
        accounts=st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3),
    ),
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(choices, min_size=1, max_size=4))
def test_no_row_of_changes_ever_holds_more(given_to_payer, transfers, weber, steps):
    """However often somebody tries: what is held is within what was held before, each in one of its own."""
    for asked in steps:
        before = held()
        try:
            makes_less(given_to_payer, transfers, *asked, by=weber)
        except NotNarrower:
            assert held() == before
            continue
        after = held()
        assert 1 <= len(after) <= len(before)
        for each in after:
            (most,) = [other for other in before if other["creditor"] == each["creditor"]]
            assert 0 <= each["amount"] <= most["amount"]
            assert set(each["accounts"]) <= set(most["accounts"])


def test_of_two_that_are_alike_a_token_keeps_one_where_one_was_taken_away(paying, transfers, ledger, weber, pkce):
    given = detailing.consent_to(paying.client, transfers, [transfer(1000), transfer(900)], user=weber)
    asked = detailing.sent(transfer(800), transfer(850))
    token = paying.redeem(grants.code(given, pkce), pkce, authorization_details=asked).json()["access_token"]
    assert ledger.introspects(token)["authorization_details"] == [transfer(800), transfer(850)]
    makes_less(given, transfers, transfer(1000), by=weber)
    assert ledger.introspects(token)["authorization_details"] == [transfer(800)]
