"""Narrowing, shortening and revoking many consents at once: after a look, with a reason, and never others than those looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from agents import people
from agents.permissions import May
from agents.trail.kinds import Kind
from consent import mandate, many
from consent.models import Consent, ConsentScope
from console.pages import consents_bulk
from tests import builders
from tests.builders import one_refusal
from tests.forms import main_form, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
HOUR = timedelta(hours=1)


@pytest.fixture
def given(discharge_client, look_up_staff, see_appointments):
    """Four people allowed two things, a fifth only one of them."""
    both = [look_up_staff, see_appointments]
    found = [builders.consent(builders.person(f"Person {n}"), discharge_client, both) for n in range(4)]
    return [*found, builders.consent(builders.person("Person 4"), discharge_client, [look_up_staff])]


def address(change="revoke"):
    return reverse("consents-bulk", args=[change])


def live():
    return Consent.objects.live(timezone.now()).count()


def asks(person, change="revoke", **which):
    """The form that somebody gets who asks about these."""
    browser = builders.browser(person)
    page = browser.get(address(change), which)
    return browser, page


def test_those_ticked_are_revoked_after_a_look_with_a_reason(mara, given):
    ticked = [str(consent.pk) for consent in given[:2]]
    browser, page = asks(mara, consent=ticked)
    text = text_of(page)
    for words in ("Revoke 2 consents?", "What stops", "Live tokens", "Person 0", "within 5 minutes"):
        assert words in text, words
    assert live() == 5
    without = browser.post(address(), {**main_form(page), "reason": " "})
    assert without.status_code == 400
    assert live() == 5
    done = browser.post(address(), {**main_form(page), "reason": "An incident."}, follow=True)
    assert "2 consents are revoked" in text_of(done)
    assert live() == 3
    events = builders.events(Kind.CONSENT_REVOKED)
    assert {event.consent_id for event in events} == {consent.pk for consent in given[:2]}
    assert all(event.reason_digest and event.actor_id == mara.pk for event in events)


def test_all_of_a_query_means_what_was_there_when_somebody_looked(mara, given, discharge_client, look_up_staff):
    browser, page = asks(mara, all="1", q="Person")
    assert "Revoke 5 consents?" in text_of(page)
    late = builders.consent(builders.person("Person late"), discharge_client, [look_up_staff])
    browser.post(address(), {**main_form(page), "reason": "An incident."})
    assert list(Consent.objects.live(timezone.now())) == [late]


def test_all_of_a_query_is_no_more_than_the_query(mara, given):
    browser, page = asks(mara, all="1", q="Person 3")
    assert "Revoke 1 consent?" in text_of(page)
    browser.post(address(), {**main_form(page), "reason": "An incident."})
    assert live() == 4


@pytest.mark.parametrize("seen", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon", "2026-13-01", ""])
def test_a_look_at_no_time_that_there_is_was_a_look_just_now(mara, given, seen):
    browser, page = asks(mara, all="1", seen=seen)
    assert page.status_code == 200
    assert browser.post(address(), {"all": "1", "seen": seen, "reason": ""}).status_code == 400


def test_again_changes_nothing_twice(mara, given):
    browser, page = asks(mara, all="1")
    form = {**main_form(page), "reason": "An incident."}
    for _ in range(2):
        assert browser.post(address(), form).status_code == 302
    assert len(builders.events(Kind.CONSENT_REVOKED)) == 5
    outcome = many.revoke_many([one.pk for one in given], reason="x", by=builders.actor(mara), now=timezone.now())
    assert outcome == many.Done(changed=0, left=5)


def test_more_than_at_a_time_goes_on_where_it_stopped(mara, given, monkeypatch):
    monkeypatch.setattr(consents_bulk, "MOST", 2)
    browser, page = asks(mara, all="1")
    assert "At most 2 at a time" in text_of(page)
    rounds = 0
    while "Nothing to change" not in text_of(page):
        response = browser.post(address(), {**main_form(page), "reason": "An incident."}, follow=True)
        rounds += 1
        page = response if address() in response.redirect_chain[-1][0] else browser.get(address(), {"all": "1"})
    assert (live(), rounds) == (0, 3)


def test_a_permission_is_taken_from_all_that_hold_it_and_something_else(mara, given, look_up_staff, see_appointments):
    browser, page = asks(mara, "narrow", all="1")
    assert browser.post(address("narrow"), {**main_form(page), "reason": "Less."}).status_code == 400
    form = {**main_form(page), "take": [str(look_up_staff.pk)], "reason": "Not needed."}
    text = text_of(browser.post(address("narrow"), form, follow=True))
    assert "4 consents are narrowed" in text
    assert "1 holds nothing else" in text
    now = timezone.now()
    for consent in given[:4]:
        assert Consent.objects.get(pk=consent.pk).scopes(now) == {see_appointments}
    assert given[4].scopes(now) == {look_up_staff}
    again = text_of(browser.post(address("narrow"), form, follow=True))
    assert "0 consents are narrowed" in again
    assert len(builders.events(Kind.CONSENT_NARROWED)) == 4


def test_all_of_them_end_at_one_time_and_what_ends_sooner_stays_as_it_is(mara, given):
    now = timezone.now()
    mandate.shorten(given[0].pk, ends_at=now + HOUR / 2, reason="Soon.", by=builders.actor(mara), now=now)
    browser, page = asks(mara, "shorten", all="1")
    text = text_of(page)
    for words in ("Let 5 consents end earlier", "What ends then", "in 1 hour", "no way to make them longer"):
        assert words in text, words
    form = {**main_form(page), "until": "1h"}
    assert browser.post(address("shorten"), {**form, "reason": " "}).status_code == 400
    text = text_of(browser.post(address("shorten"), {**form, "reason": "The trial is over."}, follow=True))
    assert "4 consents end earlier now" in text
    assert "1 ends sooner anyway" in text
    assert {round((one.ends_at - now) / HOUR, 1) for one in Consent.objects.exclude(pk=given[0].pk)} == {1.0}
    assert Consent.objects.get(pk=given[0].pk).ends_at == now + HOUR / 2
    assert len(builders.events(Kind.CONSENT_SHORTENED)) == 5
    assert browser.post(address("shorten"), {**form, "reason": "Again."}).status_code == 400  # none ends later
    assert len(builders.events(Kind.CONSENT_SHORTENED)) == 5


@pytest.mark.parametrize(
    "end",
    [{"until": "custom", "until_at": "2020-01-01T10:00"}, {"until": "custom", "until_at": "2199-01-01T10:00"},
     {"until": "custom", "until_at": "soon"}, {"until": "longest"}, {"until": "10y"}, {"until": ""}],
    ids=str,
)  # fmt: skip
def test_an_end_that_is_past_or_none_of_theirs_changes_nothing(mara, given, end):
    before = set(Consent.objects.values_list("ends_at", flat=True))
    browser, page = asks(mara, "shorten", all="1")
    answer = browser.post(address("shorten"), {**main_form(page), "reason": "Over.", **end})
    assert answer.status_code == 400
    assert 'id="until-error"' in text_of(answer)
    assert set(Consent.objects.values_list("ends_at", flat=True)) == before


def test_what_ended_between_look_and_answer_is_left_alone(mara, given):
    browser, page = asks(mara, all="1")
    mandate.revoke(given[0].pk, reason="Done.", by=builders.actor(mara), now=timezone.now())
    text = text_of(browser.post(address(), {**main_form(page), "reason": "An incident."}, follow=True))
    assert "4 consents are revoked" in text
    again = text_of(browser.post(address(), {**main_form(page), "reason": "An incident."}, follow=True))
    assert "0 consents are revoked" in again


def test_what_ended_while_the_answer_was_on_its_way_is_told(mara, given, monkeypatch):
    browser, page = asks(mara, all="1")
    revoke_many = many.revoke_many

    def somebody_is_quicker(ids, **how):
        mandate.revoke(given[0].pk, reason="Done.", by=builders.actor(mara), now=timezone.now())
        return revoke_many(ids, **how)

    monkeypatch.setattr(many, "revoke_many", somebody_is_quicker)
    text = text_of(browser.post(address(), {**main_form(page), "reason": "An incident."}, follow=True))
    assert "4 consents are revoked" in text
    assert "1 had ended meanwhile" in text


def test_an_owner_changes_those_of_their_agents_and_no_others(ada, mallory, weber, given, look_up_staff):
    mallorys = builders.agent("Mallory's", owner=mallory, scopes=[look_up_staff])
    foreign = builders.consent(weber, builders.client(mallorys), [look_up_staff])
    browser, page = asks(ada, consent=[str(foreign.pk), str(given[0].pk)])
    assert "Revoke 1 consent?" in text_of(page)
    form = {**main_form(page), "reason": "An incident.", "consent": [str(foreign.pk), str(given[0].pk)]}
    browser.post(address(), form)
    foreign.refresh_from_db()
    assert foreign.revoked_at is None
    assert live() == 5


def test_who_approved_one_as_an_administrator_and_is_one_no_more_leaves_it_alone(
    mara, ada, given, claims_client, look_up_staff
):
    """They still see it. Before, it undid what they did to the others."""
    nora = builders.person("Nora", "administrator")
    old = builders.consent(None, claims_client, [look_up_staff], by=nora)
    people.change_role(nora, role="owner", reason="Another post.", by=builders.actor(mara), now=timezone.now())
    nora.refresh_from_db()
    own = builders.consent(nora, given[0].client, [look_up_staff])
    listed = text_of(builders.browser(nora).get(reverse("consents")))
    assert f'value="{own.pk}"' in listed
    assert str(old.pk) in listed
    assert f'value="{old.pk}"' not in listed
    browser, page = asks(nora, all="1")
    assert "Revoke 1 consent?" in text_of(page)
    assert browser.post(address(), {**main_form(page), "reason": "Over."}).status_code == 302
    old.refresh_from_db()
    own.refresh_from_db()
    assert (old.revoked_at is None, own.revoked_at is None) == (True, False)


def test_what_may_be_changed_is_what_the_rules_say(
    mara, ada, omar, mallory, weber, given, claims_client, look_up_staff
):
    builders.consent(weber, given[0].client, [look_up_staff])
    builders.consent(None, claims_client, [look_up_staff], by=mara)
    builders.consent(mallory, given[0].client, [look_up_staff])
    for person in (mara, ada, omar, mallory, weber):
        found = set(Consent.objects.changeable_by(person))
        for may in (May.REVOKE_CONSENT, May.NARROW_CONSENT, May.SHORTEN_CONSENT):
            ruled = {one for one in Consent.objects.select_related("agent") if person.has_perm(may, one)}
            assert found == ruled, (person.name, may)


def test_auditors_users_and_strangers_change_nothing(omar, weber, given):
    for person in (omar, weber):
        with one_refusal("page.refused", "forbidden"):
            assert builders.browser(person).get(address()).status_code == 403
        form = {"all": "1", "reason": "Because.", "seen": timezone.now().isoformat()}
        with one_refusal("page.refused", "forbidden"):
            assert builders.browser(person).post(address(), form).status_code == 403
    assert builders.browser().post(address(), {"all": "1", "reason": "x"}).status_code == 302
    assert live() == 5


@pytest.mark.parametrize(
    "query",
    [{}, {"consent": "x"}, {"consent": "0" * 5_000}, {"all": "1", "q": "\0"}, {"all": "1", "agent": "x"}, {"seen": "never"}, {"all": "1", "seen": "2199-01-01T00:00:00+00:00"}],
    ids=str,
)  # fmt: skip
def test_whatever_the_address_says_it_only_asks(mara, given, query):
    for change in ("revoke", "narrow", "shorten"):
        assert builders.browser(mara).get(address(change), query).status_code == 200
    assert builders.browser(mara).get("/consents/many/extend/", query).status_code == 404
    assert live() == 5


def test_the_list_offers_it_to_whoever_may(mara, omar, given):
    text = text_of(builders.browser(mara).get(reverse("consents")))
    assert "all 5 of this query that stand" in text
    assert text.count('name="consent"') == 5
    assert f'formaction="{address()}"' in text
    assert 'name="consent"' not in text_of(builders.browser(omar).get(reverse("consents")))


def test_the_look_takes_the_same_queries_for_few_and_for_many(
    mara, given, discharge_client, look_up_staff, django_assert_max_num_queries
):
    browser = builders.browser(mara)
    browser.get(address(), {"all": "1"})
    for n in range(20):
        builders.consent(builders.person(f"More {n}"), discharge_client, [look_up_staff])
    with django_assert_max_num_queries(14):
        browser.get(address(), {"all": "1"})


def test_one_that_was_given_meanwhile_is_left_as_it_is_and_keeps_no_other_back(mara, given, look_up_staff):
    """By the clock of another server a consent can begin a moment after the request that found it."""
    before = timezone.now() - timedelta(seconds=20)
    ids, by = [one.pk for one in given], builders.actor(mara)
    Consent.objects.filter(pk=ids[0]).update(starts_at=before)
    ConsentScope.objects.filter(consent=ids[0]).update(started_at=before)
    outcome = many.narrow_many(ids, take=frozenset([look_up_staff]), reason="x", by=by, now=before)
    assert outcome == many.Done(changed=1, left=3, only=1)
    outcome = many.shorten_many(ids, ends_at=before + HOUR, reason="x", by=by, now=before)
    assert outcome == many.Done(changed=1, left=4)
