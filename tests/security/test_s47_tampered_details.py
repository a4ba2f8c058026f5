"""S47, S43: on the screen details are made less or left out, by the fields that were shown; nothing makes them more."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Scope
from consent.models import AuthorizationCode, Consent, ConsentScope
from consent.oauth.authorization_details import as_answer
from tests import builders, detailing
from tests.builders import one_refusal
from tests.consent.asking import answer_of, decides, opens, screen
from tests.detailing import sent, transfer
from tests.forms import Fields

pytestmark = pytest.mark.django_db
ASKED = [transfer(1000, accounts=["a", "b"]), transfer(50, "Globex", accounts=["c", "d"])]


@pytest.fixture
def transfers(mara) -> Scope:
    return detailing.transfers_at(detailing.bank_of(mara))


@pytest.fixture
def paying(ada, mara, transfers):
    return builders.client(builders.agent("Payment Assistant", owner=ada, scopes=[transfers]))


@pytest.fixture
def browser(weber):
    return builders.browser(weber)


@pytest.fixture
def form(browser, paying, transfers) -> Fields:
    """The screen of two transfers, with everything ticked."""
    fields = screen(browser, paying, authorization_details=sent(*ASKED))
    key = str(transfers.pk)
    return {**fields, "scope": [key], "detail": [f"{key}-0", f"{key}-1"], "purpose_ok": ["on"]}


def amount_field(form: Fields, number: int = 0) -> str:
    return _field(form, number, is_list=False)


def accounts_field(form: Fields, number: int = 0) -> str:
    return _field(form, number, is_list=True)


def _field(form: Fields, number: int, *, is_list: bool) -> str:
    """The field of the first or second transfer."""
    key = form["detail"][number] if number < len(form["detail"]) else f"{form['scope'][0]}-{number}"
    found = [name for name in form if name.startswith(f"narrow-{key}-")]
    (name,) = [name for name in found if (len(form[name]) == 2) == is_list]
    return name


def granted() -> list[dict[str, Any]]:
    """What the consent that came of it holds."""
    return as_answer(ConsentScope.objects.get().details)


def test_s47_what_is_left_alone_is_granted_as_it_was_asked(browser, form):
    assert "code" in answer_of(decides(browser, form))
    assert granted() == ASKED


def test_s47_sensitive_details_start_unticked(browser, paying):
    fields = screen(browser, paying, authorization_details=sent(*ASKED))
    assert "scope" not in fields
    assert "detail" not in fields


def test_s47_an_amount_is_lowered_an_account_and_a_transfer_left_out(browser, form):
    less = {amount_field(form): ["12.50"], accounts_field(form): ["1"], "detail": form["detail"][:1]}
    assert "code" in answer_of(decides(browser, form, **less))
    assert granted() == [transfer(12.5, accounts=["b"])]


@pytest.mark.parametrize(
    "amount",
    ["1000.01", "1e4", "-1", "-0.01", "NaN", "Infinity", "-Infinity", "sNaN", "1e999999999", "-1e999999999",
     "1e-999999999", "0x10", "1000 EUR", "١٠٠١", "9" * 4000, "12.505", "1;2"],
)  # fmt: skip
def test_s47_an_amount_is_never_raised_turned_round_or_made_up(browser, form, amount):
    begun = time.perf_counter()
    response = decides(browser, form, **{amount_field(form): [amount]})
    assert response.status_code == 400
    assert time.perf_counter() - begun < 5
    assert not Consent.objects.exists()


def test_s47_fields_that_were_not_shown_are_refused(browser, form, see_appointments):
    key, other = form["scope"][0], str(see_appointments.pk)
    tampered: list[dict[str, Any]] = [
        {f"narrow-{key}-7-0": ["1"]},
        {f"narrow-{key}-0-9": ["1"]},
        {f"narrow-{other}-0-0": ["1"]},
        {f"narrow-{key}-0": ["1"]},
        {"narrow-": ["1"]},
        {"amount": ["1"]},
        {amount_field(form): ["1", "2"]},
        {accounts_field(form): ["2"]},
        {accounts_field(form): ["0", "99"]},
        {accounts_field(form): ["a"]},
        {accounts_field(form): ["-1"]},
        {accounts_field(form): ["０"]},
        {"detail": [*form["detail"], f"{key}-2"]},
        {"detail": [form["detail"][0], form["detail"][0]]},
        {"detail": [f"{other}-0"]},
        {"detail": ["x"]},
    ]
    for changed in tampered:
        with one_refusal("consent.form_refused", "form_tampered"):
            assert decides(browser, form, **changed).status_code == 400, changed
    assert not AuthorizationCode.objects.exists()
    assert "code" in answer_of(decides(browser, form))  # what was refused used nothing up


def test_s47_all_of_its_details_left_out_is_no_permission(browser, form):
    assert decides(browser, form, detail=None).status_code == 400
    assert decides(browser, form, **{accounts_field(form): None}).status_code == 400
    assert not Consent.objects.exists()


def test_s47_the_details_of_another_screen_are_not_put_under_this_one(browser, paying, form):
    more = screen(browser, paying, authorization_details=sent(transfer(9999, accounts=["a", "b"]), ASKED[1]))
    answer = decides(browser, {**form, "shown": more["shown"], amount_field(form): ["9999"]})
    if answer.status_code == 303:  # that is what its own screen had shown
        assert granted()[0]["amount"] == 9999
        return
    assert not Consent.objects.exists()


def test_s47_a_type_that_changes_between_reading_and_allowing_is_read_again(browser, form, transfers, mara):
    import json

    from django.utils import timezone

    from agents.detail_types import change_detail_type

    change_detail_type(
        transfers,
        schema=json.dumps(detailing.SCHEMA),
        words="Transfer as much as it likes, {amount} {currency} or so, to {creditor.name}",
        narrowing=detailing.NARROWING,
        by=builders.actor(mara),
        now=timezone.now(),
    )
    assert decides(browser, form).status_code == 409
    assert not Consent.objects.exists()


def test_s47_what_is_asked_is_text_on_the_screen(browser, paying):
    wild = "<img src=x onerror=alert(1)>{{7*7}}\u202eevil"
    page = opens(browser, paying, authorization_details=sent(transfer(5, wild)))
    text = page.content.decode()
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;{{7*7}}evil" in text
    assert "\u202e" not in text


texts = st.one_of(
    st.decimals(-2000, 2000, places=2).map(str),
    st.sampled_from(["NaN", "-Infinity", "1e400", "-1e400"]),
    st.text("0123456789.,eE+-_ ", max_size=12),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, texts, st.sets(st.sampled_from(["0", "1"])), st.sets(st.sampled_from([0, 1])))
def test_s43_no_answer_on_the_screen_ever_grants_more(browser, paying, transfers, first, second, kept, left):
    """Whatever is typed and ticked: nothing, or a part of what was asked."""
    form = screen(browser, paying, authorization_details=sent(*ASKED))
    key = str(transfers.pk)
    form |= {"scope": [key], "detail": [f"{key}-0", f"{key}-1"], "purpose_ok": ["on"]}
    changed = {
        amount_field(form, 0): [first],
        amount_field(form, 1): [second],
        accounts_field(form, 0): sorted(kept) or None,
        "detail": [form["detail"][number] for number in sorted(left)] or None,
    }
    before = Consent.objects.count()
    response = decides(browser, form, **changed)
    if response.status_code != 303:
        assert response.status_code == 400
        assert Consent.objects.count() == before
        return
    newest = Consent.objects.latest("starts_at", "pk")
    for each in as_answer(newest.consent_scopes.get().details):
        most = next(asked for asked in ASKED if asked["creditor"] == each["creditor"])
        assert each["type"] == detailing.TYPE
        assert 0 <= each["amount"] <= most["amount"]
        assert each["accounts"]
        assert set(each["accounts"]) <= set(most["accounts"])
