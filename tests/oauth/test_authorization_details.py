"""Rich authorization requests (RFC 9396), from the request to what a resource reads."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from agents.trail.kinds import Kind
from consent.models import Consent, ConsentScope
from tests import builders, grants, out_of_band
from tests.consent.asking import AUTHORIZE, REPORT, VERIFIER, answer_of, asked, decides, opens, opens_pushed
from tests.forms import form_of, text_of
from tests.in_detail import ASKED, SCHEMA, asking, has_type
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture(autouse=True)
def transfers(mara, see_appointments):
    """``calendar:read`` is asked for by transfers: what it is about does not matter here."""
    return has_type(see_appointments, by=mara)


@pytest.fixture
def machine(discharge_client, discharge_key):
    return grants.TokenClient(discharge_client, discharge_key.key)


@pytest.fixture
def resource(records, records_api):
    return records_api


def asks(browser, client, *details, **changed):
    return opens(browser, client, scope="", authorization_details=asking(*details, **changed))


def redeems(machine, code, **form):
    return machine.ask(
        grant_type="authorization_code",
        code=code,
        code_verifier=VERIFIER,
        redirect_uri=next(iter(machine.client.redirect_uris.split())),
        **form,
    )


def tokens(machine, weber, *details, chosen=None, **changed):
    """What the client gets after Weber allowed it, with these fields of the screen changed."""
    browser = builders.browser(weber)
    page = asks(browser, machine.client, *details, **changed)
    code = answer_of(decides(browser, form_of(page), **(chosen or {})))["code"]
    answer = redeems(machine, code)
    assert answer.status_code == 200, answer.content
    return answer.json()


def field_of(page, label):
    """The name of the field under this label."""
    before = text_of(page).split(label, 1)[1]
    return before.split('name="', 1)[1].split('"', 1)[0]


def test_it_is_shown_in_plain_words_and_returned_as_it_was_allowed(machine, weber, resource):
    page = asks(builders.browser(weber), machine.client)
    words = text_of(page).replace("\u2068", "").replace("\u2069", "")
    assert "Transfer up to 1,000 EUR to Acme until May 3, 2030" in words
    assert "DE02, DE03" in words
    body = tokens(machine, weber)
    assert body["scope"] == "calendar:read"
    assert body["authorization_details"] == [ASKED]
    assert resource.introspects(body["access_token"])["authorization_details"] == [ASKED]


def test_a_person_allows_less(machine, weber, resource):
    page = asks(builders.browser(weber), machine.client)
    amount, accounts = field_of(page, "At most: amount"), field_of(page, "Only some: accounts")
    body = tokens(machine, weber, chosen={amount: ["250.50"], accounts: ["1"]})
    assert body["authorization_details"] == [{**ASKED, "amount": 250.5, "accounts": ["DE03"]}]
    consent = Consent.objects.get(user=weber)
    assert "250.5" in json.dumps(consent.shown)


@pytest.mark.parametrize(
    ("language", "text", "amount"), [("en", "250.5", 250.5), ("de", "250,5", 250.5), ("de", "250.5", 250.5)]
)
def test_an_amount_is_written_as_the_reader_writes_it(machine, weber, language, text, amount):
    weber.language = language
    weber.save(update_fields=["language"])
    browser = builders.browser(weber)
    page = asks(browser, machine.client)
    name = text_of(page).split('inputmode="decimal"')[0].rsplit('name="', 1)[1].split('"')[0]
    assert answer_of(decides(browser, form_of(page), **{name: [text]}))["code"]
    assert ConsentScope.objects.get(consent__user=weber).details[0]["value"]["amount"] == amount


@pytest.mark.parametrize("text", ["1.000", "1,000", "1000.01", "-1", "0", "many", "1e999", "NaN"])
def test_more_than_asked_or_no_number_is_said_beside_the_form(machine, weber, text):
    browser = builders.browser(weber)
    page = asks(browser, machine.client)
    again = decides(browser, form_of(page), **{field_of(page, "At most: amount"): [text]})
    assert again.status_code == 400
    assert not Consent.objects.filter(user=weber).exists()


def test_nothing_of_a_list_is_no_allowing(machine, weber):
    browser = builders.browser(weber)
    page = asks(browser, machine.client)
    assert decides(browser, form_of(page), **{field_of(page, "Only some: accounts"): None}).status_code == 400


def test_of_several_some_can_be_left_off(machine, weber):
    other = {**ASKED, "creditor": {"name": "Umbrella"}}
    page = asks(builders.browser(weber), machine.client, ASKED, other)
    first = form_of(page)["detail"][0]
    body = tokens(machine, weber, ASKED, other, chosen={"detail": [first]})
    assert body["authorization_details"] == [ASKED]
    browser = builders.browser(weber)
    page = asks(browser, machine.client, ASKED, other)
    assert decides(browser, form_of(page), detail=None).status_code == 400


def test_another_request_is_a_screen_and_shows_what_is_held_beside_it(machine, weber):
    tokens(machine, weber)
    other = {**ASKED, "creditor": {"name": "Umbrella"}}
    page = text_of(asks(builders.browser(weber), machine.client, other))
    assert "Acme" in page
    assert "Umbrella" in page
    assert asks(builders.browser(weber), machine.client).status_code == 200  # looked at each time


def test_the_scope_alone_is_not_given(machine, weber, discharge_client):
    answer = opens(builders.browser(weber), discharge_client, scope="calendar:read")
    assert answer_of(answer)["error"] == "invalid_scope"
    page = opens(builders.browser(weber), discharge_client)
    assert "See your appointments" not in text_of(page)


def test_a_token_can_be_for_less_and_never_for_more(machine, weber, resource):
    body = tokens(machine, weber)
    less = machine.refresh(body["refresh_token"], authorization_details=asking(amount=10)).json()
    assert less["authorization_details"] == [{**ASKED, "amount": 10}]
    assert resource.introspects(less["access_token"])["authorization_details"] == [{**ASKED, "amount": 10}]
    for more in (asking(amount=1001), asking(currency="CHF"), "[", "[]", '[{"type": "unknown"}]', asking(until=None)):
        refused = machine.refresh(less["refresh_token"], authorization_details=more)
        assert is_oauth_error(refused, "invalid_authorization_details"), more
    assert machine.refresh(less["refresh_token"]).json()["authorization_details"] == [ASKED]


def test_what_a_consent_holds_no_more_is_no_longer_returned(machine, weber, resource):
    body = tokens(machine, weber)
    narrowed = machine.refresh(body["refresh_token"], authorization_details=asking(amount=900)).json()
    row = ConsentScope.objects.get(consent__user=weber)
    row.details[0]["value"]["amount"] = 100
    row.save()
    assert resource.introspects(body["access_token"])["authorization_details"] == [{**ASKED, "amount": 100}]
    # It was for 900, which is more than is held now; without its details it would look like all of it.
    assert resource.introspects(narrowed["access_token"]) == {"active": False}


def test_a_new_version_pauses_until_the_person_has_seen_it(mara, machine, weber, resource, see_appointments):
    from agents import detail_types

    body = tokens(machine, weber)
    detail_types.change_detail_type(
        see_appointments,
        schema=json.dumps(SCHEMA),
        words="Pay {amount}",
        narrowing={},
        by=builders.actor(mara),
        now=timezone.now(),
    )
    assert resource.introspects(body["access_token"]) == {"active": False}
    consent = Consent.objects.get(user=weber)
    browser = builders.browser(weber)
    page = browser.get(f"/consents/{consent.pk}/changes/")
    assert "its details changed" in text_of(page)
    browser.post(f"/consents/{consent.pk}/changes/", {**form_of(page), "decision": "allow"})
    assert (
        Consent.objects.live(timezone.now()).get(user=weber).consent_scopes.get().details[0]["words"].startswith("Pay")
    )


def test_an_inbox_shows_it_too(machine, weber, mara, discharge_assistant, resource):
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    robot = out_of_band.asking_client(discharge_assistant)
    asked = out_of_band.asked_id(robot, weber, scope="openid", authorization_details=asking())
    page = builders.browser(weber).get(out_of_band.request_of(asked).get_absolute_url())
    assert "Acme" in text_of(page)
    out_of_band.decides(weber, out_of_band.request_of(asked))
    assert out_of_band.polls(robot, asked).json()["authorization_details"] == [ASKED]


def test_a_consent_and_its_evidence_say_it(machine, weber):
    tokens(machine, weber)
    consent = Consent.objects.get(user=weber)
    browser = builders.browser(weber)
    for page in (
        f"/my-agents/{consent.pk}/",
        f"/consents/{consent.pk}/",
        f"/consents/{consent.pk}/evidence/",
        "/my-agents/",
    ):
        response = browser.get(page)
        if response.status_code == 200:
            assert "Acme" in text_of(response), page


def test_other_scopes_can_be_asked_beside_it(machine, weber, look_up_staff):
    browser = builders.browser(weber)
    page = opens(browser, machine.client, scope="staff:read", authorization_details=asking())
    text = text_of(page)
    assert "Look up staff" in text
    assert "Acme" in text


def test_metadata_of_the_server_names_no_type_which_is_its_resources_to_name(machine, client):
    document = client.get("/.well-known/oauth-authorization-server").content
    assert b"bank_transfer" not in document


def test_a_screen_of_forty_scopes_and_five_details_costs_few_queries(
    ada, records, see_appointments, weber, django_assert_max_num_queries
):
    many = [builders.scope(records, f"thing:{number}", f"See thing {number}") for number in range(40)]
    client = builders.client(builders.agent("Everything", owner=ada, scopes=[see_appointments, *many]))
    browser = builders.browser(weber)
    five = asking(*[{**ASKED, "amount": amount} for amount in range(1, 6)])
    names = " ".join(scope.name for scope in many)
    answer_of(decides(browser, form_of(opens(browser, client, scope=names, authorization_details=five))))
    sent = asked(client, scope=names, authorization_details=five)
    with django_assert_max_num_queries(12):
        assert browser.get(AUTHORIZE, sent).status_code == 200


def test_ticking_is_kept_when_the_form_comes_back(machine, weber):
    browser = builders.browser(weber)
    page = asks(browser, machine.client)
    amount = field_of(page, "At most: amount")
    again = decides(browser, form_of(page), **{amount: ["5000"]})
    assert 'value="5000"' in text_of(again)


def test_beside_sensitive_scopes_no_address_names_whom_they_are_about(weber, mara, discharge_client, read_records):
    has_type(read_records, by=mara, name="patient-transfer")
    browser = builders.browser(weber)
    about_somebody = asking({**ASKED, "type": "patient-transfer", "creditor": {"name": "Mr. Sommer"}})
    for scope, details in (("", about_somebody), ("letters:write", asking(creditor={"name": "Mr. Sommer"}))):
        sent = asked(discharge_client, scope=scope, authorization_details=details)
        with builders.one_refusal("authorization.refused", "invalid_request"):
            answer = browser.get(AUTHORIZE, sent)
        assert answer_of(answer)["error"] == "invalid_request"
        assert "oauth%2Fpar" in answer.headers["Location"]
        assert "Sommer" not in answer.headers["Location"]
        assert "Mr. Sommer" in text_of(opens_pushed(browser, sent))
    assert browser.get(AUTHORIZE, asked(discharge_client, scope="", authorization_details=asking())).status_code == 200


def test_a_report_names_what_was_asked_for_in_detail(machine, weber):
    browser = builders.browser(weber)
    form = form_of(asks(browser, machine.client))
    browser.post(REPORT, {"shown": form["shown"], "why": "I owe them nothing."})
    (event,) = builders.events(Kind.REQUEST_REPORTED)
    assert event.scopes == "calendar:read"
