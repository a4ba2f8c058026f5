"""S36: exchanging a token gets nobody more scope, another audience, a longer life or a weaker binding. RFC 8693 §2.1, §5."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import GrantType
from tests import builders, detailing, grants
from tests.builders import one_refusal
from tests.exchanging import Taker, asks_to_pass, passes
from tests.proofs import BoundClient
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_s36_the_positive_twin(planner, subject, records_api):
    seen = records_api.introspects(planner.takes(subject))
    assert set(seen["scope"].split()) == {"records:read", "letters:write"}


def test_s36_more_scope_than_the_subject_token(discharge_exchanges, planner, subject):
    narrow = discharge_exchanges.takes(subject, scope="records:read")
    for scope in (
        "letters:write",
        "records:read letters:write",
        "records:read admin",
        "*",
        "records:read\tcalendar:read",
    ):
        with one_refusal("token.refused", "invalid_scope"):
            assert is_oauth_error(planner.exchange(narrow, scope=scope), "invalid_scope")


def test_s36_more_scope_than_the_consent(planner, subject, weber, passed_twice, read_records):
    grants.keeps(passed_twice, read_records, by=weber)
    with one_refusal("token.refused", "invalid_scope"):
        assert is_oauth_error(planner.exchange(subject, scope="letters:write"), "invalid_scope")


def test_s36_scopes_do_not_add_up_over_several_hops(planner, reader, subject):
    """What the reader holds comes from what the planner took over, however much the first consent holds."""
    narrow = planner.takes(subject, scope="letters:write")
    with one_refusal("token.refused", "invalid_scope"):
        assert is_oauth_error(reader.exchange(narrow, scope="records:read"), "invalid_scope")


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_s36_another_audience(planner, subject, records, name):
    other = builders.resource("Billing", "https://billing.st-anna.example")
    builders.scope(other, "records:read", "Read bills")
    for asked in (other.uri, other.identifier, records.uri + "/", records.uri.upper(), records.uri[:-1], "*"):
        with one_refusal("token.refused", "invalid_target"):
            assert is_oauth_error(planner.exchange(subject, **{name: asked}), "invalid_target")


def test_s36_a_resource_that_the_hop_before_did_not_take_over(planner, reader, subject, directory):
    """The assistant's consent holds the directory too; what the planner took over does not."""
    narrow = planner.takes(subject, scope="records:read")
    with one_refusal("token.refused", "invalid_target"):
        assert is_oauth_error(reader.exchange(narrow, resource=directory.uri), "invalid_target")


def test_s36_twenty_exchanges_in_a_row_never_move_the_end(discharge_exchanges, subject, records_api):
    end = records_api.introspects(subject)["exp"]
    token, now = subject, timezone.now()
    for number in range(20):
        with time_machine.travel(now + timedelta(seconds=10 * number)):
            token = discharge_exchanges.takes(token)
            assert records_api.introspects(token)["exp"] <= end
    with time_machine.travel(end + 1):
        assert records_api.introspects(token) == {"active": False}
        with one_refusal("token.refused"):
            assert is_oauth_error(discharge_exchanges.exchange(token), "invalid_request")


def test_s36_a_life_that_is_asked_for_changes_nothing(planner, subject, records_api):
    end = records_api.introspects(subject)["exp"]
    for form in ({"expires_in": "86400"}, {"exp": "9999999999"}, {"requested_expiry": "86400"}):
        assert records_api.introspects(planner.takes(subject, **form))["exp"] <= end


def test_s36_weaker_binding(discharge, passed_twice, records, planner):
    mine = BoundClient(discharge.client, discharge.key)
    pkce = grants.Pkce()
    form = {"code": grants.code(passed_twice, pkce), "code_verifier": pkce.verifier, "redirect_uri": grants.REDIRECT}
    token = mine.ask(grant_type="authorization_code", resource=records.uri, **form).json()["access_token"]
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(planner.exchange(token), "invalid_dpop_proof")
    assert BoundClient(planner.client, planner.key).ask(**planner.form(token)).status_code == 200


def test_s36_a_resource_that_demands_bound_tokens_gets_no_other(planner, subject, records):
    records.require_dpop = True
    records.save(update_fields=["require_dpop"])
    assert is_oauth_error(
        planner.exchange(subject), "invalid_request"
    )  # the subject token is worth nothing there itself


def test_s36_a_way_over_another_resource_leads_back_to_no_more(
    discharge_exchanges, planner, subject, records, directory, records_api
):
    """The planner held all of it once. What it is handed now is less, and stays so wherever it takes it in between."""
    planner.takes(subject)
    narrow = discharge_exchanges.takes(subject, scope="records:read")
    over = planner.takes(narrow, resource=directory.uri)
    with one_refusal("token.refused", "invalid_scope"):
        wider = planner.exchange(over, resource=records.uri, scope="records:read letters:write")
        assert is_oauth_error(wider, "invalid_scope")
    back = planner.takes(over, resource=records.uri)
    assert records_api.introspects(back)["scope"] == "records:read"
    round_again = planner.takes(planner.takes(back, resource=directory.uri), resource=records.uri)
    assert records_api.introspects(round_again)["scope"] == "records:read"


def test_s36_the_same_of_ones_own_token(discharge_exchanges, subject, records, directory):
    narrow = discharge_exchanges.takes(subject, scope="records:read")
    over = discharge_exchanges.takes(narrow, resource=directory.uri)
    assert discharge_exchanges.exchange(over, resource=records.uri).json()["scope"] == "records:read"
    whole = discharge_exchanges.takes(subject, resource=directory.uri)
    assert discharge_exchanges.exchange(whole, resource=records.uri).json()["scope"] == "letters:write records:read"


def test_s36_a_way_over_another_resource_leads_back_to_no_more_in_detail(
    ada, mara, weber, planner, look_up_staff, pkce
):
    """What it was narrowed to (RFC 9396 §6) holds as its scopes do."""
    bank = detailing.bank_of(mara)
    transfers = detailing.transfers_at(bank)
    payer = builders.agent("Payment Assistant", owner=ada, scopes=[transfers, look_up_staff])
    asks_to_pass(payer, planner.agent)
    client = builders.client(payer, grant_types={GrantType.AUTHORIZATION_CODE, GrantType.EXCHANGE})
    pays = Taker(client, builders.key(client).key)
    given = detailing.consent_to(
        client, transfers, [detailing.transfer(1000)], user=weber, scopes=[look_up_staff], passing=passes(planner.agent)
    )
    token = pays.redeem(grants.code(given, pkce), pkce, resource=bank.uri).json()["access_token"]
    less = pays.takes(token, authorization_details=detailing.sent(detailing.transfer(10)))
    over = pays.takes(less, resource=look_up_staff.resource.uri)
    with one_refusal("token.refused", "invalid_authorization_details"):
        more = pays.exchange(over, resource=bank.uri, authorization_details=detailing.sent(detailing.transfer(11)))
        assert is_oauth_error(more, "invalid_authorization_details")
    assert pays.exchange(over, resource=bank.uri).json()["authorization_details"] == [detailing.transfer(10)]
