"""Set-up over HTTP: a link printed in a terminal makes one administrator, and nothing else uses it up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agents import links
from agents.models import Event, OneTimeLink, Organisation, User
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from consent.models import AccessToken
from tests import builders, grants

FORM = {
    "name": "Mara Keller",
    "email": "Mara@St-Anna.example",
    "organisation_name": "St. Anna Hospital",
    "password": "correct horse battery",
    "time_zone": "Europe/Vienna",
}


@pytest.fixture
def token(db, now):
    return links.issue_setup_link(now=now)


def _open(browser, token):
    return browser.get(f"/setup/{token}")


def test_the_link_is_traded_for_a_cookie_and_leaves_the_address(client, token):
    answer = _open(client, token)
    assert (answer.status_code, answer["Location"]) == (302, "/setup/")
    cookie = answer.cookies["mandate-setup"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/setup/", True, "Lax")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    page = client.get("/setup/")
    assert page.status_code == 200
    assert token not in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_previews_and_reloads_use_nothing_up(client, token):
    for _ in range(2):
        Client().head(f"/setup/{token}")
        Client().get(f"/setup/{token}")
    _open(client, token)
    client.head("/setup/")
    client.get("/setup/")
    assert client.post("/setup/", FORM).status_code == 303


def test_finishing_signs_in_and_leads_to_the_first_steps(client, token):
    _open(client, token)
    answer = client.post("/setup/", FORM, follow=True)
    assert answer.redirect_chain == [("/setup/next/", 303)]
    assert "From here to the first token" in answer.content.decode()
    mara = User.objects.get()
    assert (mara.email, mara.role, mara.time_zone) == ("mara@st-anna.example", "administrator", "Europe/Vienna")
    assert Organisation.current().name == "St. Anna Hospital"
    assert client.session["_auth_user_id"] == str(mara.pk)
    assert [e.kind for e in builders.events()] == [Kind.LINK_ISSUED, Kind.ORGANISATION_SET_UP, Kind.SIGNED_IN]
    assert builders.events(Kind.SIGNED_IN)[0].detail == {"methods": ["password"]}
    assert "mandate-setup" not in {name for name, cookie in client.cookies.items() if cookie.value}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"),
        ("password", "mara keller 1"),
        ("email", "mara@st-anna"),
        ("name", "Mara\u202eKeller"),
        ("name", "  "),
        ("time_zone", "Mars/Olympus"),
        ("organisation_name", "x" * 200),
    ],
)
def test_a_field_that_is_wrong_is_said_and_the_link_still_works(client, token, field, value):
    _open(client, token)
    answer = client.post("/setup/", {**FORM, field: value})
    assert answer.status_code == 200
    assert answer.context["form"].errors[field]
    assert not User.objects.exists()
    assert client.post("/setup/", FORM).status_code == 303


@pytest.mark.parametrize("guess", ["", "A" * 43, "%00", "A" * 3000])
def test_a_wrong_link_is_refused_and_told(client, token, guess, now):
    if guess:
        _open(client, guess)
    with builders.one_refusal(Kind.LINK_REFUSED, "link_refused"):
        answer = client.get("/setup/")
    assert answer.status_code == 410
    assert "This link cannot be used" in answer.content.decode()


def test_a_used_link_is_refused(client, token):
    _open(client, token)
    client.post("/setup/", FORM)
    other = Client()
    _open(other, token)
    answer = other.post("/setup/", {**FORM, "email": "mallory@evil.example"})
    assert answer.status_code == 410
    assert User.objects.count() == 1
    refusal = Event.objects.filter(outcome=Outcome.REFUSED).get()
    assert (refusal.kind, refusal.detail) == (Kind.LINK_REFUSED, {"kind": "setup"})


def test_a_link_that_has_ended_is_refused(client, db, now):
    token = links.issue_setup_link(now=now - timedelta(hours=2))
    _open(client, token)
    assert client.get("/setup/").status_code == 410


def test_a_form_from_elsewhere_is_refused(token):
    browser = Client(enforce_csrf_checks=True)
    _open(browser, token)
    assert browser.post("/setup/", FORM).status_code == 403
    assert not User.objects.exists()


def test_the_command_prints_a_new_link_and_ends_the_old(token, now, capsys, settings):
    call_command("setup_link")
    printed = capsys.readouterr().out
    assert f"{settings.ISSUER}/setup/" in printed
    assert token not in printed
    assert OneTimeLink.objects.live(now).count() == 1


def test_the_command_makes_no_link_when_there_is_an_administrator(mara):
    with pytest.raises(CommandError):
        call_command("setup_link")


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_first_steps_are_for_administrators(request, who):
    browser = builders.browser(request.getfixturevalue(who))
    assert browser.get(reverse("first-steps")).status_code == 403


def _done(mara):
    page = builders.browser(mara).get(reverse("first-steps"))
    return [str(step.title) for step in page.context["steps"] if step.done]


def test_a_step_is_ticked_when_it_is_done_and_stays_so_after_the_sweep(
    mara, weber, discharge, read_records, write_letters, pkce, now
):
    assert _done(mara) == ["Register a resource", "Register an agent", "Invite people"]
    consent = builders.consent(weber, discharge.client, [read_records, write_letters])
    assert _done(mara)[-1] == "Let somebody allow it"
    assert discharge.redeem(grants.code(consent, pkce), pkce).status_code == 200
    AccessToken.objects.all().delete()  # as the sweep does once they are over
    assert _done(mara)[-2:] == ["Let somebody allow it", "Get the first token"]


@pytest.mark.parametrize(
    ("page", "words"), [("resources", "Register resource"), ("agents", "Register agent"), ("people", "Invite somebody")]
)
def test_the_steps_say_what_the_pages_say(mara, page, words):
    browser = builders.browser(mara)
    assert words in {str(step.action) for step in browser.get(reverse("first-steps")).context["steps"]}
    assert words in browser.get(reverse(page)).content.decode()
