"""An administrator says in plain fields for what an autonomous agent gets a permission that is given in detail only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from agents.detail_types import change_detail_type
from agents.models import Agent, Client, Scope, User
from consent.models import Consent
from consent.oauth.authorization_details import as_answer
from tests import builders, detailing
from tests.consent.asking import ticked
from tests.detailing import transfer
from tests.forms import form_of, text_of
from tests.grants import TokenClient

pytestmark = pytest.mark.django_db

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount", "currency", "creditor"],
    "properties": {
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 5000, "multipleOf": 0.01},
        "currency": {"type": "string", "enum": ["EUR", "CHF"]},
        "creditor": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "bank": {"type": "string"}},
        },
        "accounts": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "title": "From accounts"},
        "until": {"type": "string", "format": "date"},
        "urgent": {"type": "boolean"},
        "runs": {"type": "integer", "minimum": 1},
        "weekdays": {"type": "array", "items": {"type": "string", "enum": ["Monday", "Friday"]}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"cost": {"type": "string"}}}},
    },
}
FILLED = {
    "member-amount": "250.50",
    "member-currency": "0",
    "member-creditor.name": "Acme",
}


@pytest.fixture
def transfers(mara: User) -> Scope:
    scope = builders.scope(detailing.bank_of(mara), "transfers:write", "Transfer money", data_class="financial")
    detailing.add_type(scope, schema=SCHEMA)
    return scope


@pytest.fixture
def payer(ada: User, transfers: Scope, look_up_staff: Scope) -> Agent:
    return builders.agent("Bill Payer", owner=ada, kind="autonomous", scopes=[transfers, look_up_staff])


@pytest.fixture
def paying(payer: Agent) -> Client:
    return builders.client(payer)


def screen_path(client: Client) -> str:
    return f"/agents/{client.agent_id}/consent/?client={client.pk}"


def path(client: Client, scope: Scope) -> str:
    return f"/agents/{client.agent_id}/consent/details/{scope.pk}/?client={client.pk}"


def fills_in(browser: Any, client: Client, scope: Scope, **changed: Any) -> Any:
    fields = {**FILLED, **{f"member-{name}": value for name, value in changed.items()}}
    return browser.post(path(client, scope), {name: value for name, value in fields.items() if value is not None})


def allows(browser: Any, client: Client, *scopes: Scope) -> Any:
    form = {**form_of(browser.get(screen_path(client))), "decision": ["allow"], "purpose_ok": ["on"]}
    details = [name for name in form_keys(browser, client) if name]
    return browser.post(
        screen_path(client), {**form, "scope": ticked(*scopes), **({"detail": details} if details else {})}
    )


def form_keys(browser: Any, client: Client) -> list[str]:
    page = text_of(browser.get(screen_path(client)))
    return [part.split('"', 1)[0] for part in page.split('name="detail" value="')[1:]]


def test_what_is_filled_in_is_on_the_screen_and_in_the_token(mara, payer, paying, transfers):
    browser = builders.browser(mara)
    page = text_of(browser.get(screen_path(paying)))
    assert "Only in detail" in page
    assert f'value="{transfers.pk}"' not in page  # nothing of it can be ticked yet
    answer = fills_in(browser, paying, transfers, accounts="AT61 1904\nDE02 1203\n", until="2030-05-03")
    assert (answer.status_code, answer.headers["Location"]) == (302, screen_path(paying))
    assert "Acme" not in answer.headers["Location"]
    assert "Acme" in text_of(browser.get(screen_path(paying)))
    assert allows(browser, paying, transfers).status_code == 302
    told = transfer(250.5, accounts=["AT61 1904", "DE02 1203"], until="2030-05-03")
    given = Consent.objects.get()
    assert as_answer(given.consent_scopes.get().details) == [told]
    assert "Acme" in json.dumps(given.shown)
    token = TokenClient(paying, builders.key(paying).key).act_alone(scope="transfers:write").json()
    assert token["authorization_details"] == [told]
    assert "Acme" not in text_of(browser.get(path(paying, transfers)))  # decided: nothing is kept


def test_every_kind_of_member_has_its_field(mara, paying, transfers):
    browser = builders.browser(mara)
    more = {
        "creditor.bank": "Erste",
        "urgent": "false",
        "runs": "3",
        "weekdays": ["1"],
        "lines": '[{"cost": "4711"}]',
        "until": "2030-05-03",
    }
    assert fills_in(browser, paying, transfers, **more).status_code == 302
    assert allows(browser, paying, transfers).status_code == 302
    assert as_answer(Consent.objects.get().consent_scopes.get().details) == [
        {
            "type": "bank-transfer",
            "amount": 250.5,
            "currency": "EUR",
            "creditor": {"name": "Acme", "bank": "Erste"},
            "urgent": False,
            "runs": 3,
            "weekdays": ["Friday"],
            "lines": [{"cost": "4711"}],
            "until": "2030-05-03",
        }
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "0"}, "more than 0"),
        ({"amount": "5000.01"}, "less than or equal to 5000"),
        ({"amount": "0.001"}, "multiple of 0.01"),
        ({"amount": "1e999999999"}, "digits"),
        ({"amount": "NaN"}, "Enter a number"),
        ({"amount": None}, "required"),
        ({"currency": "7"}, "not one of the available choices"),
        ({"creditor.name": ""}, "required"),
        ({"accounts": "a\na"}, "only once"),
        ({"until": "soon"}, "valid date"),
        ({"runs": "0"}, "greater than or equal to 1"),
        ({"lines": "[{"}, "not JSON"),
        ({"lines": '[{"other": 1}]'}, "not what the type allows"),
        ({"creditor.name": "x" * 201}, "at most 200"),
    ],
)
def test_what_the_type_does_not_allow_is_not_taken(mara, paying, transfers, changed, said):
    browser = builders.browser(mara)
    answer = fills_in(browser, paying, transfers, **changed)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert "autofocus" in text_of(answer)
    assert "Acme" not in text_of(browser.get(screen_path(paying)))


def test_one_is_changed_and_another_taken_away(mara, paying, transfers):
    browser = builders.browser(mara)
    for creditor in ("Acme", "Globex"):
        fills_in(browser, paying, transfers, **{"creditor.name": creditor})
    page = browser.get(f"{path(paying, transfers)}&place=1")
    assert form_of(page, path(paying, transfers))
    assert 'value="Globex"' in text_of(page)
    answer = browser.post(path(paying, transfers), {**FILLED, "member-creditor.name": "Initech", "place": "1"})
    assert answer.status_code == 302
    screen = text_of(browser.get(screen_path(paying)))
    assert ("Acme" in screen, "Globex" in screen, "Initech" in screen) == (True, False, True)
    assert browser.post(path(paying, transfers), {"remove": "0"}).status_code == 302
    assert browser.post(path(paying, transfers), {"remove": "9"}).status_code == 302
    screen = text_of(browser.get(screen_path(paying)))
    assert ("Acme" in screen, "Initech" in screen) == (False, True)


def test_filled_in_anew_between_reading_and_deciding_nothing_is_allowed(mara, paying, transfers):
    browser = builders.browser(mara)
    fills_in(browser, paying, transfers)
    form = {**form_of(browser.get(screen_path(paying))), "decision": ["allow"], "purpose_ok": ["on"]}
    fills_in(browser, paying, transfers, amount="4000")
    answer = browser.post(screen_path(paying), {**form, "scope": ticked(transfers)})
    assert answer.status_code == 409
    assert not Consent.objects.exists()


def test_a_type_that_was_changed_meanwhile_forgets_what_was_filled_in(mara, paying, transfers):
    browser = builders.browser(mara)
    fills_in(browser, paying, transfers, amount="4000")
    less = {**SCHEMA, "properties": {**SCHEMA["properties"], "amount": {"type": "number", "maximum": 100}}}
    change_detail_type(
        transfers,
        schema=json.dumps(less),
        words=detailing.WORDS,
        narrowing={},
        by=builders.actor(mara),
        now=timezone.now(),
    )
    assert "Acme" not in text_of(browser.get(screen_path(paying)))


def test_where_all_is_in_detail_the_screen_leads_to_it_first(mara, ada, transfers):
    alone = builders.client(builders.agent("Only Payer", owner=ada, kind="autonomous", scopes=[transfers]))
    assert builders.browser(mara).get(screen_path(alone)).headers["Location"] == path(alone, transfers)


def test_it_waits_for_the_person_who_filled_it_in_alone(mara, paying, transfers):
    fills_in(builders.browser(mara), paying, transfers)
    other = builders.browser(builders.person("Nora Second", "administrator"))
    assert "Acme" not in text_of(other.get(screen_path(paying)))


def test_everybody_else_is_refused(ada, omar, weber, mallory, mara, paying, transfers, look_up_staff):
    for person, status in ((ada, 403), (omar, 403), (weber, 404), (mallory, 404)):
        assert fills_in(builders.browser(person), paying, transfers).status_code == status
    assert builders.browser(mara).get(path(paying, look_up_staff)).status_code == 404  # it has no type
