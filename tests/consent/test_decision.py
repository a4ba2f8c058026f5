"""A decision counts once, for what was shown, by who saw it (security.md S46, S47, S49, S13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import agent_scopes, lifecycle, resources
from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent.models import AuthorizationCode, Consent
from tests import builders
from tests.consent.asking import DECIDE, allows, answer_of, decides, opens, screen, ticked
from tests.forms import form_of, text_of
from tests.services.parallel import at_once

pytestmark = pytest.mark.django_db


def nothing_came_of_it() -> bool:
    return not Consent.objects.exists() and not AuthorizationCode.objects.exists()


def tampered(form: dict[str, list[str]], read_records: Scope, foreign: Scope) -> dict[str, dict[str, Any]]:
    """What can be done to the form, by name."""
    blob = form["shown"][0]
    return {
        "scope added": {"scope": [*form["scope"], str(foreign.pk)]},
        "scope by name": {"scope": ["records:read"]},
        "scope twice": {"scope": [form["scope"][0], form["scope"][0]]},
        "end of no choice": {"until": "1y"},
        "end twice": {"until": ["1h", "30d"]},
        "purpose twice": {"purpose": ["one", "two"]},
        "purpose taken out": {"purpose": None},
        "purpose too long for a form": {"purpose": "x" * 5000},
        "purpose with NUL": {"purpose": "a\0b"},
        "decision of no kind": {"decision": "approve"},
        "decision twice": {"decision": ["allow", "refuse"]},
        "decision taken out": {"decision": None},
        "blob cut": {"shown": blob[:-1]},
        "blob changed": {"shown": ("A" if blob[0] != "A" else "B") + blob[1:]},
        "blob taken out": {"shown": None},
        "blob twice": {"shown": [blob, blob]},
        "blob of megabytes": {"shown": "x" * 50_000},
        "client added": {"client_id": "other"},
        "redirect added": {"redirect_uri": "https://evil.example"},
        "state added": {"state": "other"},
        "challenge added": {"code_challenge": "x"},
        "resource added": {"resource": "https://evil.example"},
        "user added": {"user": "somebody"},
        "confirmation of another value": {"purpose_ok": "yes"},
    }


NAMES = list(tampered({"shown": ["x"], "scope": ["y"]}, Scope(), Scope()))


@pytest.mark.parametrize("name", NAMES)
def test_s47_a_tampered_form_makes_nothing(
    weber: User, mara: User, discharge_client: Client, read_records: Scope, records: Any, name: str
) -> None:
    foreign = builders.scope(records, "foreign:read", "Read something else")
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        response = decides(browser, form, **tampered(form, read_records, foreign)[name])
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert nothing_came_of_it()
    assert "code" in answer_of(decides(browser, form))


@pytest.mark.parametrize(
    "purpose", ["", "   ", "x" * 501, "pay \u202egnihton", "zero\u200bwidth", "a\u0301\u0301\u0301\u0301\u0301"]
)
def test_s47_a_purpose_that_may_not_be_is_said_on_the_screen(
    weber: User, discharge_client: Client, purpose: str
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    response = decides(browser, form, purpose=purpose)
    assert response.status_code == 400
    assert 'id="purpose-error"' in text_of(response)
    assert nothing_came_of_it()


def test_s46_a_forged_decision_is_refused(weber: User, discharge_client: Client) -> None:
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(weber, backend=builders.SIGN_IN_BACKEND)
    form = screen(strict, discharge_client)
    without = {name: value for name, value in form.items() if name != "csrfmiddlewaretoken"}
    assert decides(strict, without).status_code == 403
    foreign = strict.post(DECIDE, {**form, "decision": "allow"}, HTTP_ORIGIN="https://evil.example")
    assert foreign.status_code == 403
    assert nothing_came_of_it()
    assert "code" in answer_of(decides(strict, form))


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_s46_a_decision_is_a_post(weber: User, discharge_client: Client, method: str) -> None:
    assert getattr(builders.browser(weber), method)(DECIDE).status_code == 405


def test_s49_an_account_switched_in_another_tab_sees_the_screen_itself(
    weber: User, mallory: User, discharge_client: Client
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, purpose="Letters")
    browser.force_login(mallory, backend=builders.SIGN_IN_BACKEND)
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "other_person"):
        response = decides(browser, form)
    assert response.status_code == 409
    assert "Signed in as <bdi>Mallory Grant</bdi>" in text_of(response)
    assert nothing_came_of_it()
    answer_of(decides(browser, form_of(response)))
    assert Consent.objects.get().user == mallory


def test_s49_a_page_of_one_session_does_not_count_in_another(weber: User, discharge_client: Client) -> None:
    form = screen(builders.browser(weber), discharge_client)
    response = decides(builders.browser(weber), form)
    assert response.status_code == 409
    assert nothing_came_of_it()


def test_a_double_click_gives_one_code_and_a_clear_page(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    assert "code" in answer_of(decides(browser, form))
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "decided_already"):
        second = decides(browser, form)
    assert second.status_code == 409
    assert "You have decided this already" in text_of(second)
    assert AuthorizationCode.objects.count() == 1
    refused = screen(browser, discharge_client)
    answer_of(decides(browser, refused, "refuse"))
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "decided_already"):
        late = decides(browser, refused, "refuse")
    assert "You have decided this already" in text_of(late)
    allowed_late = decides(browser, refused)
    assert "You have decided this already" in text_of(allowed_late)
    assert AuthorizationCode.objects.count() == 1


def test_a_page_that_was_open_too_long_is_shown_again(weber: User, discharge_client: Client, time_machine) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    time_machine.move_to(timezone.now() + timedelta(minutes=16))
    response = decides(browser, form)
    assert response.status_code == 409
    assert nothing_came_of_it()
    assert "code" in answer_of(decides(browser, form_of(response)))


def test_another_wording_in_between_is_shown_before_it_is_decided(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    resources.reword_scope(
        see_appointments,
        title="See your appointments and their notes",
        detail="",
        by=builders.actor(mara),
        now=timezone.now(),
    )
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "offer_changed"):
        response = decides(browser, form)
    assert response.status_code == 409
    assert "See your appointments and their notes" in text_of(response)
    assert nothing_came_of_it()


def test_a_scope_that_the_agent_lost_in_between_is_no_longer_allowed(
    weber: User, ada: User, discharge_client: Client, discharge_assistant: Agent, look_up_staff: Scope
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    agent_scopes.set_scopes(
        discharge_assistant,
        scopes=frozenset({look_up_staff}),
        required=frozenset(),
        by=builders.actor(ada),
        now=timezone.now(),
    )
    assert decides(browser, form).status_code == 409
    assert nothing_came_of_it()


def test_an_agent_suspended_in_between_gets_nothing(
    weber: User, mara: User, discharge_client: Client, discharge_assistant: Agent
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=timezone.now())
    with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, "client_not_usable"):
        assert decides(browser, form).status_code == 400
    assert nothing_came_of_it()


def test_a_no_counts_although_something_changed_in_between(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    allows(weber, discharge_client, scope="staff:read")
    assert answer_of(decides(browser, form, "refuse"))["error"] == "access_denied"


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_s13_fifty_clicks_at_once_make_one_consent_and_one_code(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)

    def click(number: int) -> int:
        other = Browser()
        other.cookies = browser.cookies
        return decides(other, form).status_code

    outcome = at_once(50, click)
    assert not outcome.raised, outcome.raised[:3]
    assert outcome.returned.count(303) == 1
    assert outcome.returned.count(409) == 49
    assert Consent.objects.count() == 1
    assert AuthorizationCode.objects.count() == 1
    assert len(builders.events(Kind.CONSENT_APPROVED)) == 1


def test_s50_dressed_up_purposes_are_shown_as_the_agents_words(weber: User, discharge_client: Client) -> None:
    page = text_of(
        opens(builders.browser(weber), discharge_client, purpose="Mandate says: <b>verified ✓</b> by your organisation")
    )
    assert "&lt;b&gt;verified ✓&lt;/b&gt;" in page
    assert "writes</span></h2><blockquote" in page


def test_s50_a_client_that_named_itself_has_no_mark(weber: User, discharge_client: Client, read_records: Scope) -> None:
    Client.objects.filter(pk=discharge_client.pk).update(
        registration_source="dcr", name="St. Anna \u202eetadnaM\u202c verified ✓"
    )
    page = text_of(opens(builders.browser(weber), discharge_client))
    assert "verified by your organisation" not in page
    assert "not verified" in page
    assert "Mandate has not verified who made it." in page
    assert "\u202e" not in page
    assert "app.st-anna.example" in page


def test_s50_a_client_that_registered_itself_has_no_required_scopes(
    ada: User, mara: User, weber: User, see_appointments: Scope, look_up_staff: Scope
) -> None:
    both = [see_appointments, look_up_staff]
    client = builders.client(builders.agent("Planner", owner=ada, scopes=both, required=both))
    Client.objects.filter(pk=client.pk).update(registration_source="dcr")
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, client), scope=ticked(look_up_staff)))
    assert Consent.objects.get().scopes(timezone.now()) == {look_up_staff}
