"""The language of pages and mails: a person's choice, this browser's, what it asks for; machines always read English."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.utils import timezone, translation

from agents import invitations, people
from agents.errors import InvalidInput
from agents.languages import language_at
from agents.mail import deliver, send_later
from agents.models import Client, User
from agents.trail.kinds import Kind
from tests import builders
from tests.consent.asking import opens
from tests.forms import text_of

pytestmark = pytest.mark.django_db

now = timezone.now
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}


def test_a_stranger_reads_what_the_browser_asks_for():
    page = builders.browser().get("/account/login/", **GERMAN)
    assert 'lang="de"' in text_of(page)
    assert ">Anmelden</h1>" in text_of(page)
    assert page.headers["Content-Language"] == "de"
    assert "Accept-Language" in page.headers["Vary"]


@pytest.mark.parametrize("asked", ["", "fr-FR,fr;q=0.9", "xx", "de;q=nonsense", "*", "," * 4_000])
def test_a_language_that_is_not_spoken_is_english_and_never_half_of_another(asked):
    page = builders.browser().get("/account/login/", HTTP_ACCEPT_LANGUAGE=asked)
    assert page.status_code == 200
    assert 'lang="en"' in text_of(page)
    assert ">Sign in</h1>" in text_of(page)


def test_a_strangers_choice_stands_in_a_cookie_and_before_what_the_browser_asks_for():
    browser = builders.browser()
    chosen = browser.post("/language/", {"language": "de", "next": "/account/password/reset/"})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/account/password/reset/")
    cookie = chosen.cookies["mandate-language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert 'lang="de"' in text_of(browser.get("/account/login/", HTTP_ACCEPT_LANGUAGE="en"))


def test_the_choice_of_a_person_goes_with_them_to_every_browser(weber: User):
    builders.browser(weber).post("/language/", {"language": "de", "next": "/my-agents/"})
    weber.refresh_from_db()
    assert weber.language == "de"
    assert 'lang="de"' in text_of(builders.browser(weber).get("/my-agents/", HTTP_ACCEPT_LANGUAGE="en"))
    (event,) = builders.events(Kind.PERSON_EDITED)
    assert event.detail == {"changed": ["language"]}


def test_the_account_keeps_the_choice_and_gives_it_back(weber: User):
    browser = builders.browser(weber)
    facts = {"name": weber.name, "time_zone": weber.time_zone}
    page = browser.post("/account/", {**facts, "language": "de"}, follow=True)
    assert "Gespeichert." in text_of(page)
    assert browser.cookies["mandate-language"].value == "de"
    assert "Konto" in text_of(page)
    page = browser.post("/account/", {**facts, "language": ""}, follow=True)
    assert 'lang="en"' in text_of(page)
    assert browser.cookies["mandate-language"].value == ""


def test_a_get_changes_no_language_and_an_unknown_one_is_refused(weber: User):
    browser = builders.browser(weber)
    assert browser.get("/language/", {"language": "de"}).status_code == 405
    assert browser.post("/language/", {"language": "tlh", "next": "/"}).status_code == 400
    weber.refresh_from_db()
    assert weber.language == ""


def test_a_choice_needs_the_form_of_our_own_page(weber: User):
    assert Browser(enforce_csrf_checks=True).post("/language/", {"language": "de"}).status_code == 403


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil", "", "x" * 9_000],
)
def test_choosing_never_leads_to_another_site(back):
    chosen = builders.browser().post("/language/", {"language": "de", "next": back})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/")


def test_whoever_joins_reads_on_in_the_language_of_the_invitation(mara: User):
    by = builders.actor(mara)
    _, token = invitations.invite(email="new@st-anna.example", name="", role="user", by=by, now=now())
    browser = builders.browser()
    browser.get(f"/invitation/{token}", **GERMAN)
    form = {"name": "Neu Hier", "password": builders.PASSWORD, "time_zone": "Europe/Vienna"}
    assert browser.post("/invitation/", form, **GERMAN).status_code == 303
    assert User.objects.get(email="new@st-anna.example").language == "de"


def test_a_language_is_checked_where_it_is_kept(weber: User):
    with pytest.raises(InvalidInput):
        people.edit_own_facts(weber, language="../../x", by=builders.actor(weber), now=now())


def test_a_choice_that_a_later_version_does_not_know_is_no_fault(weber: User):
    User.objects.filter(pk=weber.pk).update(language="eo")
    assert 'lang="en"' in text_of(builders.browser(weber).get("/my-agents/"))
    assert language_at(weber.email, otherwise="de") == "de"


def test_a_mail_speaks_the_language_of_its_reader_not_of_whoever_caused_it(weber: User, mailoutbox, settings):
    settings.MAIL_IS_SENT = True
    people.edit_own_facts(weber, language="de", by=builders.actor(weber), now=now())
    context = {"name": "x", "count": 1, "endings": [], "more": 0, "zone": "UTC"}
    with translation.override("en"):
        send_later("owner_warned", weber.email, context, now=now())
    with translation.override("de"):
        send_later("owner_warned", "stranger@st-anna.example", context, now=now())
    deliver(now=now())
    said = {mail.to[0]: mail.subject for mail in mailoutbox}
    assert said[weber.email] == "Etwas, das Sie in Mandate verantworten, endet bald"
    assert said["stranger@st-anna.example"] == "One thing that you answer for in Mandate ends soon"


def test_programs_read_english_whatever_was_asked_for_and_whatever_was_served_before(discharge_client: Client):
    browser = builders.browser()
    german = browser.get("/account/login/", **GERMAN)
    assert 'lang="de"' in text_of(german)
    assert translation.get_language() == "en"  # nothing stays behind in the thread
    body = "grant_type=authorization_code&client_id=nobody&code=x&code_verifier=y"
    refused = browser.post("/oauth/token", body, content_type="application/x-www-form-urlencoded", **GERMAN)
    assert refused.json()["error_description"] == "The client is unknown, or it did not prove itself."
    nowhere = browser.get("/api/v1/nothing", **GERMAN)
    assert nowhere.json()["detail"] == "There is nothing at this address."
    assert "Content-Language" not in nowhere.headers
    back = opens(builders.browser(), discharge_client, prompt="none", **GERMAN)
    assert "error_description=The+person+is+not+signed+in" in back.headers["Location"]
