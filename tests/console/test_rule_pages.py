"""The pages of sensitivity rules: who reads them, and a change with a look at whom it reaches."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.models import Client, Scope, SensitivityRule, User
from agents.rules import DEFAULTS, Rules
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.forms import Fields, form_of, text_of

pytestmark = pytest.mark.django_db
PATH = "/settings/rules/personal/"
WEEK = str(7 * 24 * 3600)


def _form(person: User) -> Fields:
    return form_of(builders.browser(person).get(PATH), PATH)


def test_owners_and_auditors_read_the_rules_and_change_nothing(ada: User, omar: User, weber: User) -> None:
    for person in (ada, omar):
        page = builders.browser(person).get("/settings/rules/")
        assert page.status_code == 200
        assert "Health data" in text_of(page)
        assert PATH not in text_of(page)
        with builders.one_refusal(Kind.PAGE_REFUSED, "forbidden"):
            assert builders.browser(person).post(PATH, {"reason": "For me"}).status_code == 403
    assert builders.browser(weber).get("/settings/rules/").status_code == 403
    assert not SensitivityRule.objects.exists()


def test_an_unknown_class_is_not_found(mara: User) -> None:
    assert builders.browser(mara).get("/settings/rules/gossip/").status_code == 404


def test_whom_it_reaches_is_shown_first_and_nothing_is_changed_yet(
    mara: User, weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    shown = builders.browser(mara).post(
        PATH, {**_form(mara), "longest_life": WEEK, "passkey_required": "on", "reason": "The board wants it."}
    )
    text = text_of(shown)
    assert shown.status_code == 200
    assert "Nothing was changed yet" in text
    assert "<dt>Agents that may ask for them</dt><dd>1</dd>" in text
    assert "Pause the one that goes beyond it" in text
    assert Rules.current().by_class == DEFAULTS
    assert not builders.events(Kind.RULE_CHANGED)


def test_sent_again_it_is_saved_and_pauses_what_goes_beyond(
    mara: User, weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    given = builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    browser = builders.browser(mara)
    change = {"longest_life": WEEK, "reason": "The board wants it."}
    shown = browser.post(PATH, {**form_of(browser.get(PATH), PATH), **change})
    done = browser.post(PATH, form_of(shown, PATH))
    assert (done.status_code, done.headers["Location"]) == (302, "/settings/rules/")
    assert Rules.current().by_class["personal"].longest_life == timedelta(days=7)
    given.refresh_from_db()
    assert given.paused_at is not None
    (event,) = builders.events(Kind.RULE_CHANGED)
    assert "changed the rule for personal data: longest life" in text_of(browser.get(f"/trail/{event.pk}/"))


def test_without_the_tick_what_stands_is_left(
    mara: User, weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    browser = builders.browser(mara)
    shown = form_of(browser.post(PATH, {**_form(mara), "longest_life": WEEK, "reason": "The board wants it."}), PATH)
    del shown["pause_beyond"]
    assert browser.post(PATH, shown).status_code == 302
    assert Consent.objects.get().paused_at is None


def test_more_that_would_pause_than_was_shown_is_shown_again(
    mara: User, weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    browser = builders.browser(mara)
    shown = form_of(browser.post(PATH, {**_form(mara), "longest_life": WEEK, "reason": "The board wants it."}), PATH)
    builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    again = browser.post(PATH, shown)
    assert again.status_code == 200
    assert "Pause the one that goes beyond it" in text_of(again)
    assert not SensitivityRule.objects.exists()


def test_a_role_that_too_few_people_have_is_warned_of(mara: User) -> None:
    page = builders.browser(mara).post(PATH, {**_form(mara), "approver_role": "administrator", "reason": "Two pairs."})
    assert "That is too few" in text_of(page)


@pytest.mark.parametrize(("field", "value"), [("longest_life", "1"), ("fresh_within", "x"), ("approver_role", "king")])
def test_values_that_are_not_offered_are_refused(mara: User, field: str, value: str) -> None:
    page = builders.browser(mara).post(PATH, {**_form(mara), field: value, "reason": "Try."})
    assert page.status_code == 200
    assert "Select a valid choice" in text_of(page)
    assert not SensitivityRule.objects.exists()


def test_a_reason_is_asked_for(mara: User) -> None:
    page = builders.browser(mara).post(PATH, {**_form(mara), "longest_life": WEEK, "reason": ""})
    assert "This field is required" in text_of(page)


def test_the_list_takes_the_same_queries_however_many_rules_there_are(
    mara: User, django_assert_max_num_queries: object
) -> None:
    browser = builders.browser(mara)
    browser.get("/settings/rules/")
    with django_assert_max_num_queries(8):
        browser.get("/settings/rules/")
