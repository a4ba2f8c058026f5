"""The consent screen: what it shows, and what comes of a decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from agents.models import Client, Resource, Scope, User
from agents.trail.kinds import Kind
from consent.models import AuthorizationCode, Consent
from consent.models.token import digest_of
from tests import builders
from tests.consent.asking import AUTHORIZE, CHALLENGE, allows, answer_of, asked, decides, opens, screen, ticked
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db


def test_allowing_makes_the_consent_that_was_shown_and_a_code_for_it(
    weber: User, discharge_client: Client, read_records: Scope, see_appointments: Scope
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="records:read calendar:read", purpose="Letters of ward 3B")
    back = answer_of(decides(browser, form, scope=ticked(read_records, see_appointments), purpose_ok="on"))

    consent = Consent.objects.get()
    assert (consent.user, consent.approved_by, consent.client) == (weber, weber, discharge_client)
    assert consent.purpose == "Letters of ward 3B"
    assert consent.scopes(timezone.now()) == {read_records, see_appointments}
    assert back.keys() == {"code", "state", "iss"}
    code = AuthorizationCode.objects.get()
    assert code.code == digest_of(back["code"])
    assert (code.consent, code.code_challenge, code.redirect_uri) == (
        consent,
        CHALLENGE,
        "https://app.st-anna.example/callback",
    )
    assert sorted(code.requested) == sorted(
        [[str(read_records.resource_id), "records:read"], [str(read_records.resource_id), "calendar:read"]]
    )
    assert code.expires - timezone.now() < timedelta(seconds=61)
    kinds = [event.kind for event in builders.events(consent_id=consent.pk)]
    assert kinds == [Kind.CONSENT_APPROVED, Kind.CODE_ISSUED]


def test_what_was_read_is_kept_word_for_word(weber: User, discharge_client: Client, see_appointments: Scope) -> None:
    consent = allows(weber, discharge_client, scope="calendar:read", purpose="Plan the next visit")

    shown = consent.shown
    assert shown["agent"] == "Discharge Assistant"
    assert shown["owner"] == "Ada Duarte"
    assert shown["purpose"] == "Plan the next visit"
    assert shown["registered_purpose"] == "Draft discharge letters for the ward doctor"
    assert shown["redirect_host"] == "app.st-anna.example"
    (resource,) = shown["resources"]
    assert (resource["name"], resource["uri"]) == ("Patient records", "https://records.st-anna.example")
    assert resource["promise"] == "from its next request"
    (scope,) = resource["scopes"]
    assert (scope["id"], scope["title"], scope["version"]) == (str(see_appointments.pk), "See your appointments", 1)
    assert (scope["required"], scope["ticked"], scope["new"]) == (False, True, False)


def test_refusing_tells_the_client_and_makes_nothing(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    before = len(builders.events())
    back = answer_of(decides(browser, form, "refuse"))

    assert back["error"] == "access_denied"
    assert (back["state"], back["iss"]) == ("a state", settings.ISSUER)
    assert not Consent.objects.exists()
    (event,) = builders.events()[before:]
    assert (event.kind, event.outcome, event.user_id) == (Kind.CONSENT_REFUSED, "refused", weber.pk)


def test_optional_scopes_start_ticked_and_sensitive_ones_do_not(
    weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    form = screen(builders.browser(weber), discharge_client)
    assert sorted(form["scope"]) == sorted(ticked(see_appointments, look_up_staff))


def test_an_unticked_scope_is_not_in_the_consent(weber: User, discharge_client: Client, look_up_staff: Scope) -> None:
    consent = allows(weber, discharge_client, [look_up_staff], scope="calendar:read staff:read")
    assert consent.scopes(timezone.now()) == {look_up_staff}
    ticks = {s["name"]: s["ticked"] for r in consent.shown["resources"] for s in r["scopes"]}
    assert ticks == {"staff:read": True, "calendar:read": False}


def test_a_required_scope_cannot_be_unticked(ada: User, mara: User, weber: User, see_appointments: Scope) -> None:
    agent = builders.agent("Visit Planner", owner=ada, scopes=[see_appointments], required=[see_appointments])
    client = builders.client(agent)
    browser = builders.browser(weber)
    form = screen(browser, client)
    assert form["scope"] == ticked(see_appointments)
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        assert decides(browser, form, scope=[]).status_code == 400
    answer_of(decides(browser, form))
    assert Consent.objects.get().consent_scopes.get().required


def test_a_required_sensitive_scope_that_nobody_confirmed_can_be_left_off(
    ada: User, mara: User, weber: User, read_records: Scope, see_appointments: Scope
) -> None:
    agent = builders.agent("Reader", owner=ada, scopes=[read_records, see_appointments], required=[read_records])
    form = screen(builders.browser(weber), builders.client(agent))
    assert form["scope"] == ticked(see_appointments)


def test_without_any_tick_nothing_is_allowed(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    response = decides(browser, form, scope=[])
    assert response.status_code == 400
    assert "Leave at least one permission ticked" in text_of(response)
    assert not Consent.objects.exists()


def test_the_purpose_of_sensitive_data_must_be_confirmed(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="records:read")
    response = decides(browser, form, scope=ticked(read_records))
    assert response.status_code == 400
    assert not Consent.objects.exists()
    again = form_of(response)
    assert again["scope"] == ticked(read_records)
    answer_of(decides(browser, again, purpose_ok="on"))
    assert Consent.objects.get().purpose == "Draft discharge letters for the ward doctor"


def test_saying_it_in_own_words_confirms_it_and_the_agents_sentence_stays_on_record(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="records:read", purpose="Read everything")
    answer_of(decides(browser, form, scope=ticked(read_records), purpose="Only\r\n my  patients"))
    consent = Consent.objects.get()
    assert consent.purpose == "Only my patients"
    assert consent.shown["purpose"] == "Read everything"


def test_a_purpose_that_the_agent_wrote_stands_beside_the_registered_one(weber: User, discharge_client: Client) -> None:
    page = text_of(opens(builders.browser(weber), discharge_client, purpose="Letters of ward 3B"))
    assert "Discharge Assistant</bdi> writes" in page
    assert "Letters of ward 3B" in page
    assert "Draft discharge letters for the ward doctor" in page


def test_what_is_new_is_marked_and_what_is_held_stays_ticked(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    allows(weber, discharge_client, [read_records], scope="records:read")
    response = opens(builders.browser(weber), discharge_client)
    form = form_of(response)
    assert str(read_records.pk) in form["scope"]
    assert text_of(response).count("sparkles") == 3  # two scopes, and a resource with nothing but new ones


def test_a_new_consent_of_the_same_purpose_supersedes_and_holds_exactly_what_was_ticked(
    weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    first = allows(weber, discharge_client, scope="calendar:read")
    second = allows(weber, discharge_client, [look_up_staff], scope="calendar:read staff:read")
    first.refresh_from_db()
    assert first.superseded_by == second
    assert second.scopes(timezone.now()) == {look_up_staff}


def test_another_purpose_makes_a_second_consent_beside_it(weber: User, discharge_client: Client) -> None:
    allows(weber, discharge_client, scope="calendar:read", purpose="One thing")
    allows(weber, discharge_client, scope="calendar:read", purpose="Another thing")
    assert Consent.objects.live(timezone.now()).count() == 2


def test_somebody_who_is_not_signed_in_signs_in_first_and_comes_back(weber: User, discharge_client: Client) -> None:
    browser = builders.browser()
    response = opens(browser, discharge_client, purpose="Letters & more")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/account/login/?next=%2Foauth%2Fauthorize%3F")
    signed_in = browser.post(response.headers["Location"], {"login": weber.email, "password": builders.PASSWORD})
    assert signed_in.status_code == 303, text_of(signed_in)  # never 307: the password would go on (S9)
    page = browser.get(signed_in.headers["Location"])
    assert page.status_code == 200
    assert "Letters &amp; more" in text_of(page)


def test_a_link_checker_uses_nothing_up(weber: User, discharge_client: Client) -> None:
    for _ in range(3):
        assert opens(builders.browser(), discharge_client).status_code == 302
    browser = builders.browser(weber)
    opens(browser, discharge_client)
    form = screen(browser, discharge_client)
    assert "code" in answer_of(decides(browser, form))


def test_a_sign_out_in_the_middle_of_the_form_loses_nothing(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read", purpose="Letters")
    browser.logout()
    response = decides(browser, form)
    assert response.status_code == 302
    assert "purpose%3DLetters" in response.headers["Location"]
    assert not Consent.objects.exists()


def test_an_auditor_reads_the_screen_and_cannot_allow(omar: User, discharge_client: Client) -> None:
    browser = builders.browser(omar)
    response = opens(browser, discharge_client)
    assert 'value="allow"' not in text_of(response)
    with builders.one_refusal(Kind.PAGE_REFUSED, "forbidden"):
        assert decides(browser, form_of(response)).status_code == 403
    assert not Consent.objects.exists()


def test_the_screen_takes_few_queries_however_many_scopes(
    ada: User, mara: User, weber: User, records: Resource, django_assert_max_num_queries
) -> None:
    many = [builders.scope(records, f"thing:{n}", f"See thing {n}") for n in range(40)]
    client = builders.client(builders.agent("Everything", owner=ada, scopes=many))
    browser = builders.browser(weber)
    allows(weber, client, many[:20], purpose="Much")
    with django_assert_max_num_queries(13):
        assert browser.get(AUTHORIZE, asked(client, purpose="Much")).status_code == 200


def test_loopback_redirects_are_warned_of_and_keep_their_port(weber: User, discharge_assistant) -> None:
    client = builders.client(
        discharge_assistant, "laptop", auth_method="none", redirect_uris=["http://127.0.0.1/callback"]
    )
    browser = builders.browser(weber)
    response = opens(browser, client, redirect_uri="http://127.0.0.1:43123/callback")
    assert "It answers on this computer only." in text_of(response)
    assert "127.0.0.1:43123" in text_of(response)
    back = decides(browser, form_of(response))
    assert back.headers["Location"].startswith("http://127.0.0.1:43123/callback?")
