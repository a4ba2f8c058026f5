"""What the screen says of a request: who asks, on whom the data is, what is new, what would fall away, and in which language."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents import agent_scopes, people, resources
from agents.models import Client, Scope, User
from consent.models import Consent
from consent.offer import Offer
from tests import builders
from tests.consent.asking import allows, answer_of, asked, decides, opens, screen, ticked
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de"}


@pytest.fixture
def ward_files(records) -> Scope:
    """A permission that says whom its data is about."""
    return resources.add_scope(
        records,
        name="ward:read",
        title="Read the ward's files",
        access="read",
        data_class="health",
        detail="Not: billing.",
        concerns="patients of ward 3B",
        by=builders.actor(builders.administrator()),
        now=timezone.now(),
    )


@pytest.fixture
def ward_client(ada, mara, ward_files: Scope) -> Client:
    return builders.client(builders.agent("Ward Reader", owner=ada, unit="Ward 3B", scopes=[ward_files]))


def test_who_asks_for_whom_and_on_whose_word(weber: User, ward_client: Client):
    page = text_of(opens(builders.browser(weber), ward_client))
    assert "Agent of <bdi>Ward 3B</bdi>" in page
    assert "Owner: <bdi>Ada Duarte</bdi>" in page
    assert "verified by your organisation" in page
    assert "<bdi>app.st-anna.example</bdi>" in page
    assert "Signed in as <bdi>Dr. Jonas Weber</bdi>" in page
    assert "The program describes itself at" not in page  # no client can name a document yet


def test_where_a_client_describes_itself_will_stand_beside_where_it_returns(weber, ward_client, monkeypatch):
    monkeypatch.setattr(Offer, "document_host", property(lambda _offer: "client.example"))
    page = text_of(opens(builders.browser(weber), ward_client))
    assert "The program describes itself at" in page
    assert "<bdi>client.example</bdi>" in page


def test_whom_the_data_is_about_is_said_and_kept(weber: User, ward_client: Client, ward_files: Scope):
    assert "Not: billing. About: patients of ward 3B." in text_of(opens(builders.browser(weber), ward_client))
    consent = allows(weber, ward_client, [ward_files])
    (resource,) = consent.shown["resources"]
    assert resource["scopes"][0]["concerns"] == "patients of ward 3B"
    for path in (f"/my-agents/{consent.pk}/", f"/consents/{consent.pk}/"):
        assert "About: patients of ward 3B." in text_of(builders.browser(weber).get(path))


def test_other_people_than_were_agreed_to_pause_it_until_that_was_seen(mara, weber, ward_client, ward_files: Scope):
    consent = allows(weber, ward_client, [ward_files])
    words = {"title": "Read the ward's files", "detail": "Not: billing."}
    by = builders.actor(mara)
    resources.reword_scope(ward_files, **words, by=by, now=timezone.now())
    consent.refresh_from_db()
    assert consent.paused_at is None  # nothing was said of it, so it is as it was
    resources.reword_scope(ward_files, **words, concerns="everybody in the house", by=by, now=timezone.now())
    consent.refresh_from_db()
    assert consent.paused_at is not None
    page = text_of(builders.browser(weber).get(f"/consents/{consent.pk}/changes/"))
    assert "About: patients of ward 3B." in page
    assert "About: everybody in the house." in page


def test_an_administrator_says_whom_it_is_about_on_its_page(mara: User, records, ward_files: Scope):
    browser = builders.browser(mara)
    address = f"/resources/{records.pk}/scopes/{ward_files.pk}/reword/"
    assert 'value="patients of ward 3B"' in text_of(browser.get(address))
    form = {"title": "Read the ward's files", "detail": "Not: billing."}
    assert browser.post(address, {**form, "concerns": "x" * 81}).status_code == 200
    assert browser.post(address, {**form, "concerns": "all patients"}).status_code == 302
    assert ward_files.wordings.get(version=2).concerns == "all patients"


def test_what_was_marked_as_sensitive_is_marked_on_the_screen(ada, mara, weber, records):
    marked = builders.scope(records, "plans:read", "Read plans", marked_sensitive=True)
    client = builders.client(builders.agent("Planner", owner=ada, scopes=[marked]))
    page = opens(builders.browser(weber), client)
    assert "shield-alert" in text_of(page)
    assert "sensitive</span>" in text_of(page)
    assert "scope" not in form_of(page)  # and starts unticked


def test_less_can_be_allowed_wherever_something_can_be_left_out(ada, mara, weber, see_appointments, look_up_staff):
    less = "You can allow less: untick what it should not do."
    both = [see_appointments, look_up_staff]
    some = builders.client(builders.agent("Some", owner=ada, scopes=both, required=[look_up_staff]))
    assert less in text_of(opens(builders.browser(weber), some))
    all_needed = builders.client(builders.agent("All", owner=ada, scopes=both, required=both))
    assert less not in text_of(opens(builders.browser(weber), all_needed))
    only_one = builders.client(builders.agent("One", owner=ada, scopes=[look_up_staff]))
    assert less not in text_of(opens(builders.browser(weber), only_one))


def test_what_stands_already_is_said_and_what_would_fall_away(
    ada: User, weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
):
    browser = builders.browser(weber)
    assert "Allowed already" not in text_of(opens(browser, discharge_client, scope="calendar:read"))
    allows(weber, discharge_client, scope="calendar:read staff:read")
    agent_scopes.set_scopes(
        discharge_client.agent,
        scopes=frozenset({see_appointments}),
        required=frozenset(),
        by=builders.actor(ada),
        now=timezone.now(),
    )
    page = text_of(opens(browser, discharge_client, scope="calendar:read", prompt="consent"))
    assert "You allow this purpose already, until" in page
    assert "<del>Look up staff</del>" in page
    consent = allows(weber, discharge_client, scope="calendar:read", prompt="consent")
    assert consent.shown["falls_away"] == ["Look up staff"]
    assert consent.scopes(timezone.now()) == {see_appointments}


def test_nothing_falls_away_where_the_same_is_asked(weber: User, discharge_client: Client):
    allows(weber, discharge_client, scope="calendar:read")
    page = text_of(opens(builders.browser(weber), discharge_client, scope="calendar:read staff:read"))
    assert "You allow this purpose already" in page
    assert "no longer allowed" not in page


def test_the_words_are_kept_in_the_language_in_which_they_were_read(weber: User, discharge_client: Client, mailoutbox):
    browser = builders.browser(weber)
    page = browser.get("/oauth/authorize", asked(discharge_client, scope="calendar:read"), **GERMAN)
    assert 'lang="de"' in text_of(page)
    assert "möchte für Sie handeln" in text_of(page)
    back = browser.post("/oauth/authorize/decision", {**form_of(page), "decision": "allow"}, **GERMAN)
    assert "code" in answer_of(back)
    shown = Consent.objects.get().shown
    assert shown["language"] == "de"
    assert shown["resources"][0]["promise"] == "ab der nächsten Anfrage"
    assert shown["until"] in {"1 Stunde", "heute, 18:00"}


def test_a_screen_that_is_answered_in_another_language_is_shown_again(weber: User, discharge_client: Client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read")
    people.edit_own_facts(weber, language="de", by=builders.actor(weber), now=timezone.now())
    again = decides(browser, form)
    assert again.status_code == 409
    assert "hat sich geändert, seit Sie es gesehen haben" in text_of(again)
    assert not Consent.objects.exists()
    assert "code" in answer_of(decides(browser, form_of(again)))
    assert Consent.objects.get().shown["language"] == "de"


def test_a_no_counts_in_every_language(weber: User, discharge_client: Client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    people.edit_own_facts(weber, language="de", by=builders.actor(weber), now=timezone.now())
    back = answer_of(decides(browser, form, "refuse"))
    assert (back["error"], back["error_description"]) == ("access_denied", "The person refused.")


def test_another_language_alone_is_no_reason_to_ask_again(weber: User, discharge_client: Client):
    allows(weber, discharge_client, scope="calendar:read")
    people.edit_own_facts(weber, language="de", by=builders.actor(weber), now=timezone.now())
    assert "code" in answer_of(opens(builders.browser(weber), discharge_client, scope="calendar:read"))


@pytest.mark.parametrize(
    ("until", "until_at", "said"),
    [
        ("custom", "2020-01-01T10:00", "That moment has passed."),
        ("custom", "2999-01-01T10:00", "That is longer than one of the ticked permissions may be given for."),
        ("custom", "", "Give the date and the time of the end."),
        ("custom", "tomorrow", "Give the date and the time of the end."),
        ("custom", "2027-01-01T10:00+02:00", "Give the date and the time of the end."),
        ("1h", "2027-01-01T10:00", "You gave a date but chose another end."),
        ("", "", "Choose until when."),
    ],
)
def test_an_end_that_may_not_be_is_said_beside_the_choices(weber, discharge_client, until, until_at, said):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read")
    response = decides(browser, form, until=until, until_at=until_at)
    assert response.status_code == 400
    assert said in text_of(response)
    assert not Consent.objects.exists()
    assert form_of(response)["scope"] == form["scope"]  # nothing that was chosen is lost
    assert "code" in answer_of(decides(browser, form_of(response), until="1h", until_at=""))


def test_an_end_of_ones_own_within_the_limit_counts(weber: User, discharge_client: Client, see_appointments: Scope):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read")
    end = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    said = end.strftime("%Y-%m-%dT%H:%M")
    answer_of(decides(browser, form, scope=ticked(see_appointments), until="custom", until_at=said))
    assert Consent.objects.get().ends_at == end
