"""S43: details are what their type allows and what was granted, at every door; what defines a type stays harmless.

How schemas, words and limits are read: ``tests/agents/test_details_read_strictly.py``. Here: over HTTP.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Checks, Event, EventText
from consent.models import AccessToken, Consent
from tests import builders, detailing, grants
from tests.consent.asking import answer_of, opens
from tests.detailing import TYPE, sent, transfer
from tests.grants import ResourceServer, TokenClient

pytestmark = pytest.mark.django_db

WRONG = "invalid_authorization_details"
BAD: dict[str, str] = {
    "unknown type": sent({**transfer(), "type": "no-such-type"}),
    "no type": sent({"amount": 1}),
    "type is no text": sent({**transfer(), "type": ["bank-transfer"]}),
    "type in another case": sent({**transfer(), "type": TYPE.upper()}),
    "extra member": sent({**transfer(), "sudo": True}),
    "extra inner member": sent({**transfer(), "creditor": {"name": "Acme", "iban": "x"}}),
    "missing member": sent({"type": TYPE, "amount": 1}),
    "amount as text": sent({**transfer(), "amount": "1000"}),
    "amount as truth": sent({**transfer(), "amount": True}),
    "amount below nothing": sent(transfer(-1)),
    "a tenth of a cent": sent(transfer(1.001)),
    "amount out of range": sent(transfer()).replace("1000", "1e999"),
    "amount of many digits": sent(transfer()).replace("1000", "9" * 5000),
    "whole number too large": sent(transfer()).replace("1000", "9" * 17),
    "NaN": sent(transfer()).replace("1000", "NaN"),
    "creditor as text": sent({**transfer(), "creditor": "Acme"}),
    "creditor as null": sent({**transfer(), "creditor": None}),
    "member twice": sent(transfer()).replace('"amount": 1000', '"amount": 1, "amount": 1000'),
    "another place": sent({**transfer(), "locations": ["https://evil.example"]}),
    "one place too many": sent({**transfer(), "locations": ["https://bank.st-anna.example", "https://evil.example"]}),
    "NUL inside": sent(transfer()).replace("Acme", "Ac\\u0000me"),
    "NUL in a list": sent({**transfer(), "accounts": ["a"]}).replace('"a"', '"a\\u0000"'),
    "half a surrogate": sent(transfer()).replace("Acme", "\\ud800"),
    "deep lists": "[" * 900 + "]" * 900,
    "deep member": sent({**transfer(), "x": 1}).replace('"x": 1', '"x": ' + '{"x":' * 300 + "1" + "}" * 300),
    "an object": json.dumps(transfer()),
    "a text": '"bank-transfer"',
    "empty": "[]",
    "no JSON": "[{",
    "too many": sent(*[transfer(amount) for amount in range(1, 40)]),
    "too long": sent(transfer(creditor="A" * 20_000)),
    "long name": sent(transfer(creditor="A" * 500)),
    "many accounts": sent({**transfer(), "accounts": [""] * 2_000}),
}


@pytest.fixture
def bank(mara):
    return detailing.bank_of(mara)


@pytest.fixture
def transfers(bank):
    return detailing.transfers_at(bank)


@pytest.fixture
def payer(ada, mara, transfers, see_appointments):
    """An agent that may transfer money, and see appointments."""
    return builders.agent("Payment Assistant", owner=ada, scopes=[transfers, see_appointments])


@pytest.fixture
def paying(payer) -> TokenClient:
    client = builders.client(payer)
    return TokenClient(client, builders.key(client).key)


@pytest.fixture
def ledger(bank) -> ResourceServer:
    return ResourceServer(bank, builders.key(bank).key)


@pytest.fixture
def pair(paying, transfers, weber, pkce) -> dict[str, Any]:
    """Weber allowed one transfer of up to 1,000 to Acme, from two accounts; the first tokens are out."""
    held = [transfer(1000, accounts=["a", "b"])]
    given = detailing.consent_to(paying.client, transfers, held, user=weber)
    answer = paying.redeem(grants.code(given, pkce), pkce)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_s43_what_its_type_does_not_allow_is_not_asked_of_anybody(paying, transfers, weber, bad: str):
    answer = opens(builders.browser(weber), paying.client, authorization_details=bad)
    if answer.status_code == 400:  # too long for any parameter: told on a page
        assert len(bad) > 10_000
        return
    back = answer_of(answer)
    assert (back["error"], back["state"]) == (WRONG, "a state")
    assert back["error_description"]
    assert not Consent.objects.exists()


def test_s43_sent_twice_is_refused(paying, transfers, weber):
    answer = opens(builders.browser(weber), paying.client, authorization_details=[sent(transfer()), sent(transfer(5))])
    assert answer_of(answer)["error"] == "invalid_request"


def test_s43_a_type_of_an_agent_that_may_not_ask_for_it_is_unknown(ada, see_appointments, transfers, weber):
    other = builders.client(builders.agent("Other", owner=ada, scopes=[see_appointments]))
    back = answer_of(opens(builders.browser(weber), other, authorization_details=sent(transfer())))
    assert back["error"] == WRONG


def test_s43_a_passer_by_learns_no_types(paying, transfers):
    for bad in (sent({**transfer(), "type": "guess"}), sent({"type": TYPE})):
        back = answer_of(opens(builders.browser(), paying.client, authorization_details=bad))
        assert back["error"] == WRONG
        assert TYPE not in back["error_description"]
        assert "creditor" not in back["error_description"]


@pytest.mark.engine
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_s43_a_refresh_takes_nothing_its_type_does_not_allow(paying, pair, bad: str):
    answer = paying.refresh(pair["refresh_token"], authorization_details=bad)
    assert answer.status_code == 400
    assert answer.json()["error"] in {WRONG, "invalid_request"}
    assert paying.refresh(pair["refresh_token"]).status_code == 200  # what was refused used nothing up


MORE = {
    "a higher amount": [transfer(1000.01, accounts=["a", "b"])],
    "the other way round": [transfer(-1000, accounts=["a", "b"])],
    "another creditor": [transfer(1, "Acme Ltd", accounts=["a"])],
    "another account": [transfer(1, accounts=["c"])],
    "an account twice": [transfer(1, accounts=["a", "a"])],
    "no accounts named": [transfer(1)],
    "no account at all": [transfer(1, accounts=[])],
    "a member more": [transfer(1, accounts=["a"], until="2026-12-31")],
    "twice what was granted once": [transfer(1000, accounts=["a"]), transfer(1000, accounts=["b"])],
    "one beside": [transfer(1, accounts=["a"]), transfer(1, "Me", accounts=["a"])],
    "at another place": [{**transfer(1, accounts=["a"]), "locations": ["https://evil.example"]}],
}


@pytest.mark.parametrize("details", MORE.values(), ids=MORE.keys())
def test_s43_a_refresh_gives_no_more_than_was_granted(paying, pair, details):
    answer = paying.refresh(pair["refresh_token"], authorization_details=sent(*details))
    assert (answer.status_code, answer.json()["error"]) == (400, WRONG)
    assert AccessToken.objects.count() == 1


def test_s43_a_code_gives_no_more_than_was_granted(paying, transfers, weber, pkce):
    given = detailing.consent_to(paying.client, transfers, [transfer(1000)], user=weber)
    code = grants.code(given, pkce)
    for details in ([transfer(1001)], [transfer(1, "Me")], [transfer(1000), transfer(1000)]):
        answer = paying.redeem(code, pkce, authorization_details=sent(*details))
        assert (answer.status_code, answer.json()["error"]) == (400, WRONG)
    assert not AccessToken.objects.exists()
    less = paying.redeem(code, pkce, authorization_details=sent(transfer(10.5)))
    assert less.json()["authorization_details"] == [transfer(10.5)]


def test_s43_token_and_introspection_say_what_was_granted_and_no_more(paying, pair, ledger):
    granted = [transfer(1000, accounts=["a", "b"])]
    assert pair["authorization_details"] == granted
    assert ledger.introspects(pair["access_token"])["authorization_details"] == granted
    lower = paying.refresh(pair["refresh_token"], authorization_details=sent(transfer(10, accounts=["b"]))).json()
    assert lower["authorization_details"] == [transfer(10, accounts=["b"])]
    assert ledger.introspects(lower["access_token"])["authorization_details"] == [transfer(10, accounts=["b"])]
    again = paying.refresh(lower["refresh_token"]).json()  # the grant is as it was, only that token was less
    assert again["authorization_details"] == granted


def test_s43_without_details_there_is_no_such_scope(paying, transfers, weber):
    back = answer_of(opens(builders.browser(weber), paying.client, scope="transfers:write"))
    assert back["error"] == "invalid_scope"


def test_s43_details_say_nothing_in_the_part_of_the_trail_that_stays(paying, transfers, weber, pkce, ledger):
    given = detailing.consent_to(paying.client, transfers, [transfer(1, "Frau Lindner")], user=weber)
    token = paying.redeem(grants.code(given, pkce), pkce).json()["access_token"]
    ledger.introspects(token)
    refused = sent(transfer("Frau Lindner", "Frau Lindner"))
    opens(builders.browser(weber), paying.client, authorization_details=refused)
    for event in Event.objects.all():
        assert "Lindner" not in json.dumps(event.detail, default=str)
    assert not EventText.objects.filter(text__contains="Lindner").exists()


@pytest.fixture
def alone(ada, mara, bank):
    """An autonomous agent whose organisation allowed one transfer; what is harmless, so that Mara may allow it."""
    scope = detailing.transfers_at(bank, data_class="none", name="orders:write")
    from agents.models.agent import Kind

    agent = builders.agent("Order Robot", owner=ada, kind=Kind.AUTONOMOUS, scopes=[scope])
    client = builders.client(agent)
    detailing.consent_to(client, scope, [transfer(1000)], user=None, by=mara)
    return TokenClient(client, builders.key(client).key)


def test_s43_an_agent_on_its_own_gets_what_the_organisation_allowed(alone, ledger):
    answer = alone.act_alone().json()
    assert answer["authorization_details"] == [transfer(1000)]
    assert ledger.introspects(answer["access_token"])["authorization_details"] == [transfer(1000)]
    less = alone.act_alone(authorization_details=sent(transfer(5))).json()
    assert less["authorization_details"] == [transfer(5)]
    assert ledger.introspects(less["access_token"])["authorization_details"] == [transfer(5)]
    for details in ([transfer(1001)], [transfer(1), transfer(2)], [transfer(1, "Me")]):
        answer = alone.act_alone(authorization_details=sent(*details))
        assert (answer.status_code, answer.json()["error"]) == (400, WRONG)


amounts = st.floats(-10, 2000) | st.integers(-10, 2000)
asked_for = st.lists(
    st.builds(
        transfer,
        amounts,
        st.sampled_from(["Acme", "Me"]),
        accounts=st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked_for)
def test_s43_no_refresh_ever_gives_more(paying, pair, ledger, asked):
    """Whatever is asked: refused, or one transfer within the one that was granted."""
    answer = paying.refresh(pair["refresh_token"], authorization_details=sent(*asked) if asked else "")
    if answer.status_code != 200:
        assert answer.json()["error"] == WRONG
        return
    body = answer.json()
    pair["refresh_token"] = body["refresh_token"]
    (got,) = ledger.introspects(body["access_token"])["authorization_details"]
    assert got == body["authorization_details"][0]
    assert got["type"] == TYPE
    assert got["creditor"] == {"name": "Acme"}
    assert 0 <= got["amount"] <= 1000
    assert set(got["accounts"]) <= {"a", "b"}
    assert len(set(got["accounts"])) == len(got["accounts"])


def test_s43_a_consent_that_ended_ends_its_details(paying, pair, ledger, weber):
    from consent import mandate

    given = Consent.objects.get()
    mandate.revoke(given.pk, reason="Done.", by=builders.actor(weber), now=timezone.now())
    assert ledger.introspects(pair["access_token"]) == {"active": False}
    assert paying.refresh(pair["refresh_token"]).status_code == 400


def test_s43_no_token_is_issued_that_we_would_not_know_again(ada, weber, pkce):
    """Where details stand in the token itself, only as many as fit: it could be neither revoked nor exchanged."""
    orders = builders.resource("Orders", "https://orders.st-anna.example", checks=Checks.OFFLINE)
    scope = detailing.transfers_at(orders, data_class="none", name="orders:write")
    client = builders.client(builders.agent("Order Assistant", owner=ada, scopes=[scope]))
    buys, server = TokenClient(client, builders.key(client).key), ResourceServer(orders, builders.key(orders).key)
    many = [transfer(number + 1, "\u00fc" * 199) for number in range(20)]
    code = grants.code(detailing.consent_to(client, scope, many, user=weber), pkce)
    answer = buys.redeem(code, pkce)
    assert (answer.status_code, answer.json()["error"]) == (400, WRONG)
    token = buys.redeem(code, pkce, authorization_details=sent(*many[:4])).json()["access_token"]
    assert server.introspects(token)["authorization_details"] == many[:4]
    assert buys.revoke(token).status_code == 200
    assert server.introspects(token) == {"active": False}
