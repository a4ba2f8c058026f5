"""S34: whatever takes access away counts at the very next use, in every flow.

One row for each way to take access away, one column for each flow that exists: introspection of an opaque token and of a
JWT, refresh, redemption of a code that is out already, and a fresh token of the agent itself. Exchange, and
what was exchanged before, in a table of their own. Device and CIBA polls come with those flows. While eight clients issue and refresh: ``tests/oauth/test_races.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from agents import clients, credentials, lifecycle, people, resources
from agents import scopes as scope_rules
from agents.actors import Actor
from consent import mandate
from tests import grants
from tests.exchanging import asks_to_pass, passes
from tests.grants import keeps
from tests.security.expected import INACTIVE

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
GONE = "gone"
SMALLER = "smaller"


@dataclass
class Stage:
    """Everything that one agent for a person, and one for the organisation, hold when the cut comes."""

    cast: dict[str, Any]
    pair: dict[str, Any]
    code: str
    alone: dict[str, Any]
    signed: str

    def __getattr__(self, name):
        return self.cast[name]

    def by(self, name):
        return Actor.person(self.cast[name])


@pytest.fixture
def stage(
    request, discharge, claims, discharge_assistant, claims_filer, weber, mara, ada, weber_allows, clinic_allows, pkce, records,
    records_api, directory_api, look_up_staff, discharge_key, claims_key, read_records, write_letters, see_appointments,
    directory,
):  # fmt: skip
    """The cast, with a pair, a code that is not used yet, an opaque token and a JWT of each agent."""
    keys = grants.consent(
        claims.client, scopes=[look_up_staff, see_appointments], user=None, by=mara, purpose="Look up"
    )
    cast = {**locals()}
    return Stage(
        cast,
        pair=discharge.redeem(grants.code(weber_allows, pkce), pkce).json(),
        code=grants.code(weber_allows, pkce),
        alone=claims.act_alone(resource=records.uri, purpose="File claims").json(),
        signed=claims.act_alone(resource=directory.uri, purpose="Look up").json()["access_token"],
    )


def everything_works(stage):
    assert stage.records_api.introspects(stage.pair["access_token"])["scope"] == "letters:write records:read"
    assert stage.records_api.introspects(stage.alone["access_token"])["active"] is True
    assert stage.directory_api.introspects(stage.signed)["active"] is True


def flows_of_the_person(stage, after, refused):
    """Ask in each flow of the assistant. refused: the error that refresh and code get."""
    introspected = stage.records_api.introspects(stage.pair["access_token"])
    refreshed = stage.discharge.refresh(stage.pair["refresh_token"])
    redeemed = stage.discharge.redeem(stage.code, stage.pkce)
    if after == SMALLER:
        assert introspected["scope"] == refreshed.json()["scope"] == redeemed.json()["scope"] == "records:read"
        return
    assert introspected == INACTIVE
    assert {refreshed.json().get("error"), redeemed.json().get("error")} == {refused}
    assert "access_token" not in refreshed.json()


def flows_of_the_organisation(stage, after, refused):
    """Ask in each flow of the autonomous agent."""
    opaque = stage.records_api.introspects(stage.alone["access_token"])
    signed = stage.directory_api.introspects(stage.signed)
    fresh = stage.claims.act_alone(resource=stage.records.uri, purpose="File claims")
    assert opaque == INACTIVE
    assert signed == INACTIVE
    assert fresh.json().get("error") == refused


def of_the_person(cut, after, refused):
    return pytest.param(cut, flows_of_the_person, after, refused)


def of_the_organisation(cut, after, refused):
    return pytest.param(cut, flows_of_the_organisation, after, refused)


def narrow(stage, now):
    keeps(stage.weber_allows, stage.read_records, by=stage.weber)


def revoke(stage, now):
    mandate.revoke(stage.weber_allows.pk, reason="Over.", by=stage.by("weber"), now=now)


def supersede(stage, now):
    grants.consent(stage.discharge.client, scopes=[stage.see_appointments], user=stage.weber)


def suspend(stage, now):
    lifecycle.suspend(stage.discharge_assistant, reason="Odd.", by=stage.by("mara"), now=now)


def retire(stage, now):
    lifecycle.retire(stage.discharge_assistant, reason="Over.", by=stage.by("mara"), now=now)


def owner_gone(stage, now):
    people.deactivate(stage.ada, reason="Left.", by=stage.by("mara"), now=now)


def person_deactivated(stage, now):
    people.deactivate(stage.weber, reason="Left.", by=stage.by("mara"), now=now)


def client_removed(stage, now):
    clients.end(stage.discharge.client, reason="Over.", by=stage.by("mara"), now=now)


def credential_revoked(stage, now):
    credentials.revoke(stage.discharge_key.credential, reason="Leaked.", by=stage.by("mara"), now=now)


def resource_removed(stage, now):
    resources.end(stage.records, reason="Over.", by=stage.by("mara"), now=now)


def scope_no_longer_offered(stage, now):
    scope_rules.end_scope(stage.write_letters, reason="Over.", by=stage.by("mara"), now=now)


def revoke_all_of_it(stage, now):
    mandate.revoke_all(stage.weber, reason="Stop.", by=stage.by("weber"), now=now)


def revoke_organisation(stage, now):
    for given in (stage.clinic_allows, stage.keys):
        mandate.revoke(given.pk, reason="Over.", by=stage.by("mara"), now=now)


def suspend_alone(stage, now):
    lifecycle.suspend(stage.claims_filer, reason="Odd.", by=stage.by("mara"), now=now)


def retire_alone(stage, now):
    lifecycle.retire(stage.claims_filer, reason="Over.", by=stage.by("mara"), now=now)


def client_removed_alone(stage, now):
    clients.end(stage.claims.client, reason="Over.", by=stage.by("mara"), now=now)


def credential_revoked_alone(stage, now):
    credentials.revoke(stage.claims_key.credential, reason="Leaked.", by=stage.by("mara"), now=now)


def resources_removed(stage, now):
    for resource in (stage.records, stage.directory):
        resources.end(resource, reason="Over.", by=stage.by("mara"), now=now)


CUTS = [
    of_the_person(narrow, SMALLER, None),
    of_the_person(scope_no_longer_offered, SMALLER, None),
    of_the_person(revoke, GONE, "invalid_grant"),
    of_the_person(revoke_all_of_it, GONE, "invalid_grant"),
    of_the_person(supersede, GONE, "invalid_grant"),
    of_the_person(suspend, GONE, "invalid_client"),
    of_the_person(retire, GONE, "invalid_client"),
    of_the_person(owner_gone, GONE, "invalid_client"),
    of_the_person(person_deactivated, GONE, "invalid_grant"),
    of_the_person(client_removed, GONE, "invalid_client"),
    of_the_person(credential_revoked, GONE, "invalid_client"),
    of_the_organisation(revoke_organisation, GONE, "unauthorized_client"),
    of_the_organisation(suspend_alone, GONE, "invalid_client"),
    of_the_organisation(retire_alone, GONE, "invalid_client"),
    of_the_organisation(owner_gone, GONE, "invalid_client"),
    of_the_organisation(client_removed_alone, GONE, "invalid_client"),
    of_the_organisation(credential_revoked_alone, GONE, "invalid_client"),
]


@pytest.mark.parametrize(("cut", "flows", "after", "refused"), CUTS)
def test_s34_a_cut_counts_at_the_very_next_use_in_every_flow(stage, cut, flows, after, refused):
    everything_works(stage)
    cut(stage, timezone.now())
    flows(stage, after, refused)


PASSED_CUTS = [
    (narrow, SMALLER), (scope_no_longer_offered, SMALLER), (revoke, GONE), (revoke_all_of_it, GONE), (supersede, GONE),
    (suspend, GONE), (retire, GONE), (owner_gone, GONE), (person_deactivated, GONE), (client_removed, GONE),
]  # fmt: skip


@pytest.mark.parametrize(("cut", "after"), PASSED_CUTS)
def test_s34_a_cut_counts_for_work_that_was_passed_on(stage, planner, cut, after):
    """By exchange: of what was taken over before, and for whoever wants to take it over now. The planner's own key is good."""
    asks_to_pass(stage.discharge_assistant, planner.agent)
    stage.weber_allows.passing = passes(planner.agent).as_kept()
    stage.weber_allows.save(update_fields=["passing"])
    taken = planner.takes(stage.pair["access_token"])
    assert stage.records_api.introspects(taken)["scope"] == "letters:write records:read"
    cut(stage, timezone.now())
    seen, again = stage.records_api.introspects(taken), planner.exchange(stage.pair["access_token"])
    if after == SMALLER:
        assert seen["scope"] == again.json()["scope"] == "records:read"
        return
    assert seen == INACTIVE
    assert again.status_code in {400, 401}
    assert again.json()["error"] in {"invalid_request", "invalid_client"}


def test_s34_a_removed_resource_asks_no_more_and_gets_no_token(stage):
    everything_works(stage)
    resources_removed(stage, timezone.now())
    header = stage.records_api.header
    assert grants.post("/oauth/introspect", {"token": stage.pair["access_token"]}, **header).status_code == 401
    for answer in (
        stage.discharge.refresh(stage.pair["refresh_token"]),
        stage.discharge.redeem(stage.code, stage.pkce),
        stage.claims.act_alone(resource=stage.records.uri),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"] in {"invalid_scope", "invalid_grant", "unauthorized_client"}


@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=1), timedelta(days=7)], ids=str)
def test_s34_the_end_of_a_consent_counts_with_every_worker_dead(stage, after):
    everything_works(stage)
    with time_machine.travel(stage.weber_allows.ends_at + after, tick=False):
        flows_of_the_person(stage, GONE, "invalid_grant")
    with time_machine.travel(max(stage.clinic_allows.ends_at, stage.keys.ends_at) + after, tick=False):
        flows_of_the_organisation(stage, GONE, "unauthorized_client")


@pytest.mark.parametrize("cut", [suspend_alone, revoke_organisation], ids=lambda cut: cut.__name__)
def test_s34_what_comes_back_is_only_what_was_not_ended(stage, cut):
    """Resuming an agent brings its consents back, since nobody ended them; a revoked consent stays dead."""
    cut(stage, timezone.now())
    if cut is suspend_alone:
        lifecycle.resume(stage.claims_filer, reason="Looked.", by=stage.by("mara"), now=timezone.now())
        assert stage.records_api.introspects(stage.alone["access_token"])["active"] is True
    else:
        flows_of_the_organisation(stage, GONE, "unauthorized_client")
