"""Types of details: schemas that fetch nothing and take no time, words that mean nothing but themselves, and less than asked."""

from __future__ import annotations

import json
import time

import pytest
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import detail_types, resources
from agents.details.narrowing import is_within, narrowed
from agents.details.schema import checked_schema, problem_with
from agents.details.words import checked_words, in_words, rest
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Checks, DetailType, DetailVersion
from tests import builders
from tests.in_detail import ASKED, NARROWING, SCHEMA, WORDS, has_type
from tests.services.parallel import at_once

VALUE = {name: value for name, value in ASKED.items() if name != "type"}
CHECKED = checked_schema(json.dumps(SCHEMA))


def said(words, value=VALUE):
    return in_words(words, value).replace("\u2068", "").replace("\u2069", "")


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        "null",
        '{"type": "object"}',
        '{"type": "object", "properties": {"a": {}}}',
        '{"type": "object", "properties": {"a": {"$ref": "https://evil.example/schema"}}}',
        '{"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}',
        '{"type": "object", "properties": {"a": {"type": "string"}}, "patternProperties": {"(a+)+$": {}}}',
        '{"type": "object", "properties": {"a": {"type": "string", "minLength": "x"}}}',
        '{"type": "object", "properties": {"type": {"type": "string"}}}',
        '{"type": "object", "properties": {"a": {"type": "array"}}}',
        '{"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}]}}}',
        "[" * 5000,
        json.dumps({"type": "object", "properties": {"a": {"type": "string", "title": "x" * 20_000}}}),
    ],
)
def test_a_schema_that_could_fetch_or_hang_or_hide_something_is_not_taken(schema):
    with pytest.raises(InvalidInput) as refused:
        checked_schema(schema)
    assert refused.value.field == "schema"


def test_what_a_schema_does_not_name_is_refused():
    assert problem_with(VALUE, CHECKED) == ""
    assert "iban" in problem_with({**VALUE, "iban": "DE02"}, CHECKED)
    assert "bic" in problem_with({**VALUE, "creditor": {"name": "Acme", "bic": "X"}}, CHECKED)
    assert problem_with({**VALUE, "amount": "1000"}, CHECKED)
    assert problem_with({**VALUE, "amount": float("inf")}, CHECKED)
    assert problem_with({**VALUE, "amount": True}, CHECKED)


def test_the_sentence_says_what_is_asked_in_the_readers_language():
    assert said(WORDS) == "Transfer up to 1,000 EUR to Acme until May 3, 2030"
    with translation.override("de"):
        assert said(WORDS) == "Transfer up to 1.000 EUR to Acme until 3. Mai 2030"
    assert rest(WORDS, VALUE) == [("accounts", "DE02, DE03")]


@pytest.mark.parametrize(
    "text", ["{{amount}}", "{0.__class__}", "%(amount)s", "{amount.__class__}", "{amount!r}", "{}"]
)
def test_nothing_else_in_a_sentence_means_anything(text):
    words = f"Pay {text}"
    found = said(words)
    assert found == "Pay {1,000}" if text == "{{amount}}" else found in {words, "Pay (not said)"}


def test_a_sentence_names_what_the_schema_has():
    for words in ("Pay {iban}", "Pay something", "", "x{amount}" * 60):
        with pytest.raises(InvalidInput):
            checked_words(words, CHECKED)


def test_what_a_program_wrote_hides_and_turns_nothing():
    words = said("{creditor.name}", {"creditor": {"name": "A\u202ecme\x00\nBank"}})
    assert words == "Acme Bank"


def test_a_long_text_against_a_schema_ends_in_no_time():
    began = time.perf_counter()
    assert problem_with({**VALUE, "creditor": {"name": "a" * 100_000}}, CHECKED)
    assert time.perf_counter() - began < 5


def test_less_is_within_and_more_or_other_is_not():
    assert is_within({**VALUE, "amount": 500}, VALUE, NARROWING)
    assert is_within({**VALUE, "accounts": ["DE03"]}, VALUE, NARROWING)
    for other in ({"amount": 1001}, {"accounts": []}, {"accounts": ["DE04"]}, {"currency": "CHF"}, {"amount": True}):
        assert not is_within({**VALUE, **other}, VALUE, NARROWING)
    assert not is_within({name: value for name, value in VALUE.items() if name != "accounts"}, VALUE, NARROWING)
    assert not is_within({**VALUE, "until": None}, VALUE, NARROWING)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    choice=st.fixed_dictionaries(
        {},
        optional={
            "amount": st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.booleans(), st.none()),
            "accounts": st.lists(st.sampled_from(["DE02", "DE03", "DE04", ""]), max_size=4),
            "currency": st.sampled_from(["EUR", "CHF"]),
        },
    )
)
def test_whatever_somebody_chooses_it_is_never_more(choice):
    try:
        less = narrowed(VALUE, choice, NARROWING, CHECKED)
    except InvalidInput:
        return
    assert less["amount"] <= VALUE["amount"]
    assert set(less["accounts"]) <= set(VALUE["accounts"])
    assert less["currency"] == "EUR"


@pytest.mark.django_db
class TestRegistering:
    def test_a_scope_gets_a_type_and_the_trail_says_so(self, mara, see_appointments):
        kept = has_type(see_appointments, by=mara)
        (event,) = builders.events("detail_type.created")
        assert (event.scopes, event.detail["name"]) == ("calendar:read", kept.name)
        current = DetailVersion.objects.by_scope([see_appointments.pk])[see_appointments.pk]
        assert current.schema["additionalProperties"] is False

    def test_only_an_administrator_may(self, ada, see_appointments):
        with pytest.raises(Forbidden):
            has_type(see_appointments, by=ada)

    def test_a_name_is_known_once_and_a_scope_has_one(self, mara, see_appointments, read_records):
        has_type(see_appointments, by=mara)
        for scope, name in ((read_records, "bank_transfer"), (see_appointments, "another")):
            with pytest.raises(InvalidInput):
                has_type(scope, by=mara, name=name)
        with pytest.raises(InvalidInput):
            has_type(read_records, by=mara, name="with blanks")

    def test_a_change_is_a_new_version_and_the_same_again_is_none(self, mara, see_appointments):
        has_type(see_appointments, by=mara)

        def change(words):
            return detail_types.change_detail_type(
                see_appointments,
                schema=json.dumps(SCHEMA),
                words=words,
                narrowing=NARROWING,
                by=builders.actor(mara),
                now=timezone.now(),
            )

        assert change(WORDS).version == 1
        assert change("Pay {amount}").version == 2
        assert len(builders.events("detail_type.changed")) == 1

    def test_it_can_end_once(self, mara, see_appointments):
        has_type(see_appointments, by=mara)

        def end():
            detail_types.end_detail_type(
                see_appointments, reason="No longer.", by=builders.actor(mara), now=timezone.now()
            )

        end()
        assert not DetailVersion.objects.by_scope([see_appointments.pk])
        with pytest.raises(Ended):
            end()

    def test_details_about_people_do_not_stand_in_tokens(self, mara, see_appointments):
        has_type(see_appointments, by=mara)
        with pytest.raises(InvalidInput):
            resources.change(
                see_appointments.resource, checks=Checks.OFFLINE, by=builders.actor(mara), now=timezone.now()
            )

    def test_the_page_shows_whom_it_affects_and_then_saves(self, mara, weber_allows, see_appointments):
        from tests.forms import form_of, text_of

        browser = builders.browser(mara)
        page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/details/"
        form = {"name": "bank_transfer", "words": WORDS, "schema": json.dumps(SCHEMA), "narrowing": "amount at_most"}
        shown = browser.post(page, form)
        if shown.status_code == 200:
            assert "pause" in text_of(shown)
            shown = browser.post(page, {**form, "affects": form_of(shown, page).get("affects", ["1"])[0]})
        assert shown.status_code == 302
        assert "bank_transfer" in text_of(browser.get(shown.headers["Location"]))
        assert browser.post(page, {**form, "schema": "{"}).status_code == 200
        assert browser.post(page + "end/", {"reason": "Not needed."}).status_code == 302
        assert browser.get(page + "end/").status_code == 404


def test_a_name_is_free_again_once_what_it_was_for_is_gone(records, write_letters, read_records, mara):
    has_type(write_letters, by=mara)
    resources.end_scope(write_letters, reason="Gone.", by=builders.actor(mara), now=timezone.now())
    has_type(read_records, by=mara)
    resources.end(records, reason="Gone.", by=builders.actor(mara), now=timezone.now())
    bank = builders.scope(builders.resource("Bank", "https://bank.example", by=mara), "transfers")
    has_type(bank, by=mara)
    ended = builders.events("detail_type.ended")
    assert [event.scopes for event in ended] == [write_letters.name, read_records.name]
    assert DetailType.objects.live().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_one_name_at_once_one_has_it(mara):
    scopes = [
        builders.scope(builders.resource(f"Bank {number}", f"https://bank-{number}.example", by=mara), "transfers")
        for number in range(6)
    ]
    outcome = at_once(6, lambda number: has_type(scopes[number], by=mara))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(InvalidInput), outcome.raised
