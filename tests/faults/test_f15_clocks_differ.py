"""F15: two web processes whose clocks are half a minute apart, on one database. Only the documented leeways count.

Both are this process, at its own time for each request: nothing that decides is kept in the memory of one.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import AuthMethod
from tests import builders, grants
from tests.proofs import BoundClient, proof
from tests.signing import SigningClient, gives_key

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db]
APART = timedelta(seconds=30)
SKEW = timedelta(seconds=10)
CODE_LIVES = timedelta(seconds=60)
INACTIVE = {"active": False}


class TwoProcesses:
    """``behind`` and ``ahead``: one moment, as each of the two sees it."""

    def __init__(self):
        self.moment = timezone.now().replace(microsecond=0)

    def behind(self):
        return time_machine.travel(self.moment, tick=False)

    def ahead(self):
        return time_machine.travel(self.moment + APART, tick=False)

    def wait(self, delta):
        self.moment += delta


@pytest.fixture
def processes():
    return TwoProcesses()


@pytest.fixture(params=["ahead", "behind"])
def first_and_second(request, processes):
    """The process that begins, and the one that goes on."""
    pair = (processes.behind, processes.ahead)
    return pair if request.param == "behind" else pair[::-1]


def test_f15_what_one_process_begins_the_other_goes_on_with(
    first_and_second, processes, discharge, weber_allows, pkce, records_api
):
    processes.wait(APART)  # what the cast was given is in the past of both
    one, other = first_and_second
    with one():
        code = grants.code(weber_allows, pkce)
    with other():
        pair = discharge.redeem(code, pkce).json()
    with one():
        assert records_api.introspects(pair["access_token"])["active"] is True
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"
    with other():
        assert records_api.introspects(pair["access_token"]) == INACTIVE


def test_f15_a_code_lives_no_longer_on_one_of_them_than_they_are_apart(processes, discharge, weber_allows, pkce):
    processes.wait(APART)
    with processes.ahead():
        made_ahead = grants.code(weber_allows, pkce)
    with processes.behind():
        made_behind = grants.code(weber_allows, pkce)
    processes.wait(CODE_LIVES)
    with processes.behind():
        assert discharge.redeem(made_behind, pkce).json()["error"] == "invalid_grant"
    processes.wait(APART)
    with processes.behind():
        assert discharge.redeem(made_ahead, pkce).json()["error"] == "invalid_grant"


def test_f15_a_consent_ends_on_both(processes, discharge_client, discharge, weber, read_records, pkce, records_api):
    processes.wait(APART)
    with processes.ahead():
        consent = grants.consent(discharge_client, scopes=[read_records], user=weber, life=timedelta(minutes=2))
        pair = discharge.redeem(grants.code(consent, pkce), pkce).json()
    processes.wait(timedelta(minutes=2))
    with processes.ahead():
        assert records_api.introspects(pair["access_token"]) == INACTIVE
        assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    processes.wait(APART)
    with processes.behind():
        assert records_api.introspects(pair["access_token"]) == INACTIVE
        assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_f15_an_assertion_signed_by_either_clock_passes_once(
    first_and_second, processes, claims_filer, mara, see_appointments
):
    client = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    signing = SigningClient(client)
    gives_key(client, signing.key)
    processes.wait(APART)
    one, other = first_and_second
    with one():
        assertion = signing.assertion()
    with other():
        assert signing.act_alone(assertion).status_code == 200
    with one():
        assert signing.act_alone(assertion).status_code == 401


def test_f15_a_proof_from_ahead_counts_once_it_is_at_most_ten_seconds_early(processes, claims, clinic_allows):
    filer = BoundClient(claims.client, claims.key)
    processes.wait(APART)
    with processes.ahead():
        proven = proof(filer.key)
        assert filer.act_alone(proof(filer.key)).status_code == 200
    with processes.behind():
        assert filer.act_alone(proven).json()["error"] == "invalid_dpop_proof"
    processes.wait(APART - SKEW)
    with processes.behind():
        assert filer.act_alone(proven).status_code == 200
    with processes.ahead():
        assert filer.act_alone(proven).json()["error"] == "invalid_dpop_proof"
