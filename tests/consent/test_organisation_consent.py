"""An administrator allows an autonomous agent something, for the organisation, on the same screen."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from agents import agent_scopes
from agents.models import Agent, Client, Role, Scope, User
from agents.trail.kinds import Kind
from consent.models import Consent, Origin
from tests import builders
from tests.consent.asking import ticked
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db


def path(agent: Agent, client: Client | None = None) -> str:
    return f"/agents/{agent.pk}/consent/" + (f"?client={client.pk}" if client else "")


def allow(browser: Any, agent: Agent, client: Client, **changed: Any) -> Any:
    form = form_of(browser.get(path(agent, client)))
    fields = {**form, "decision": ["allow"], **changed}
    return browser.post(path(agent, client), {name: value for name, value in fields.items() if value is not None})


def test_it_is_the_same_screen_and_makes_a_consent_of_the_organisation(
    mara: User, claims_filer: Agent, claims_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    browser = builders.browser(mara)
    page = text_of(browser.get(path(claims_filer)))
    assert "asks to act for St. Anna" in page
    response = allow(browser, claims_filer, claims_client, until="1h")
    assert response.status_code == 302
    consent = Consent.objects.get()
    assert (consent.user, consent.approved_by, consent.origin) == (None, mara, Origin.ORGANISATION)
    assert consent.purpose == "File insurance claims after discharge"
    assert consent.scopes(timezone.now()) == {see_appointments, look_up_staff}
    assert consent.shown["agent"] == "Claims Filer"
    assert not builders.events(Kind.CODE_ISSUED)


def test_refusing_makes_nothing(mara: User, claims_filer: Agent, claims_client: Client) -> None:
    response = allow(builders.browser(mara), claims_filer, claims_client, decision=["refuse"])
    assert response.status_code == 302
    assert not Consent.objects.exists()
    assert len(builders.events(Kind.CONSENT_REFUSED)) == 1


def test_of_several_clients_one_is_chosen_first(mara: User, claims_filer: Agent, claims_client: Client) -> None:
    other = builders.client(claims_filer, "claims test")
    browser = builders.browser(mara)
    page = text_of(browser.get(path(claims_filer)))
    assert "Which of its clients?" in page
    assert allow(browser, claims_filer, other).status_code == 302
    assert Consent.objects.get().client == other


@pytest.mark.parametrize(
    "tampering",
    [{"scope": ["x"]}, {"until": "10y"}, {"shown": ["x"]}, {"client": "x"}, {"decision": None}, {"until_at": None}],
)
def test_s47_a_tampered_form_makes_nothing(
    mara: User, claims_filer: Agent, claims_client: Client, tampering: dict[str, Any]
) -> None:
    browser = builders.browser(mara)
    form = form_of(browser.get(path(claims_filer, claims_client)))
    fields = {**form, "decision": ["allow"], **tampering}
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        response = browser.post(
            path(claims_filer), {name: value for name, value in fields.items() if value is not None}
        )
    assert response.status_code == 400
    assert not Consent.objects.exists()


def test_a_form_of_one_client_does_not_count_for_another(
    mara: User, claims_filer: Agent, claims_client: Client
) -> None:
    other = builders.client(claims_filer, "claims test")
    browser = builders.browser(mara)
    form = form_of(browser.get(path(claims_filer, claims_client)))
    assert browser.post(path(claims_filer, other), {**form, "decision": "allow"}).status_code == 400
    assert not Consent.objects.exists()


def test_a_form_counts_once(mara: User, claims_filer: Agent, claims_client: Client) -> None:
    browser = builders.browser(mara)
    form = {**form_of(browser.get(path(claims_filer, claims_client))), "decision": "allow"}
    assert browser.post(path(claims_filer, claims_client), form).status_code == 302
    assert browser.post(path(claims_filer, claims_client), form).status_code == 409
    assert Consent.objects.count() == 1


def test_the_owner_cannot_allow_their_own_agent_what_is_sensitive(
    ada: User, mara: User, claims_filer: Agent, claims_client: Client, read_records: Scope, look_up_staff: Scope
) -> None:
    agent_scopes.set_scopes(
        claims_filer,
        scopes=frozenset({read_records, look_up_staff}),
        required=frozenset(),
        by=builders.actor(ada),
        now=timezone.now(),
    )
    ada.role = Role.ADMINISTRATOR
    ada.save()
    browser = builders.browser(ada)
    assert "You are responsible for this agent." in text_of(browser.get(path(claims_filer, claims_client)))
    both = ticked(read_records, look_up_staff)
    assert allow(browser, claims_filer, claims_client, scope=both, purpose_ok="on").status_code == 409
    assert not Consent.objects.exists()
    assert allow(browser, claims_filer, claims_client, scope=ticked(look_up_staff)).status_code == 302
    done = allow(builders.browser(mara), claims_filer, claims_client, scope=both, purpose_ok="on")
    assert done.status_code == 302
    assert read_records in Consent.objects.latest("starts_at").scopes(timezone.now())


def test_everybody_else_is_refused(
    ada: User, omar: User, weber: User, mallory: User, claims_filer: Agent, claims_client: Client
) -> None:
    for person, status in ((ada, 403), (omar, 403), (weber, 404), (mallory, 404)):
        browser = builders.browser(person)
        assert browser.get(path(claims_filer, claims_client)).status_code == status
        assert browser.post(path(claims_filer, claims_client), {"decision": "allow"}).status_code == status
    assert not Consent.objects.exists()


def test_an_assistant_is_not_allowed_for_the_organisation(
    mara: User, discharge_assistant: Agent, discharge_client: Client
) -> None:
    assert builders.browser(mara).get(path(discharge_assistant)).status_code == 409


def test_an_agent_without_client_scope_or_life_is_told_so(ada: User, mara: User, claims_filer: Agent) -> None:
    browser = builders.browser(mara)
    assert "no client" in text_of(browser.get(path(claims_filer)))
    empty = builders.agent("Empty", owner=ada, kind="autonomous", active=False)
    builders.client(empty)
    assert "not active" in text_of(browser.get(path(empty)))


def test_a_no_to_something_that_has_changed_since_is_still_a_no(
    mara: User, ada: User, claims_filer: Agent, claims_client: Client, look_up_staff: Scope
) -> None:
    browser = builders.browser(mara)
    form = form_of(browser.get(path(claims_filer, claims_client)))
    fewer = {"scopes": frozenset([look_up_staff]), "required": frozenset()}
    agent_scopes.set_scopes(claims_filer, **fewer, by=builders.actor(ada), now=timezone.now())
    assert browser.post(path(claims_filer), {**form, "decision": ["allow"]}).status_code == 409
    assert browser.post(path(claims_filer), {**form, "decision": ["refuse"]}).status_code == 302
    assert len(builders.events(Kind.CONSENT_REFUSED)) == 1
