"""The revocation clock: what a change took away, when that counts, and the first refusal, kept with the event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle, resources
from agents.models import Agent, Resource, Scope, User
from agents.models import Kind as AgentKind
from agents.trail.kinds import Kind
from consent import mandate
from consent.clock import clock_of_agent, clock_of_consent
from consent.models import Consent
from tests import builders, grants
from tests.consent.clock.steps import observed, revoke
from tests.forms import text_of
from tests.grants import ResourceServer, TokenClient
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_the_first_refused_use_is_written_down_once_with_its_seconds(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, discharge: TokenClient
) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        revoke(weber_allows, weber)
    with time_machine.travel(start + timedelta(seconds=1.87), tick=False):
        records_api.introspects(pair["access_token"])
        records_api.introspects(pair["access_token"])
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    (revoked,) = builders.events(Kind.CONSENT_REVOKED)
    assert (event.detail["of"], event.detail["change"], event.detail["seconds"]) == (
        revoked.pk,
        "consent.revoked",
        1.87,
    )
    assert (event.consent_id, event.user_id, event.resource_id) == (
        weber_allows.pk,
        weber.pk,
        records_api.resource.pk,
    )
    clock = clock_of_consent(weber_allows, timezone.now())
    assert clock is not None
    assert (clock.refused_after, clock.tokens, clock.settled) == (1.87, 1, True)
    told = text_of(builders.browser(weber).get(f"/trail/{revoked.pk}/"))
    assert "Tokens that were out" in told
    assert f'<a href="/trail/{event.pk}/">after 1.87 s</a>' in told


def test_a_refused_refresh_is_a_first_refusal_too(
    weber: User, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    revoke(weber_allows, weber)
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    assert (event.consent_id, event.detail["refusal"]) == (weber_allows.pk, "invalid_grant")
    assert builders.events(Kind.TOKEN_REFUSED)[-1].consent_id == weber_allows.pk


def test_a_token_that_ran_out_proves_no_revocation(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    revoke(weber_allows, weber)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        records_api.introspects(pair["access_token"])
    assert not observed()


def test_narrowing_is_seen_when_nothing_is_left_for_a_token(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    look_up_staff: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, look_up_staff], user=weber)
    code = grants.code(given, pkce)
    token = discharge.redeem(code, pkce, resource=records_api.resource.uri).json()["access_token"]
    grants.keeps(given, look_up_staff, by=weber)
    records_api.introspects(token)
    (event,) = observed()
    assert (event.detail["change"], event.detail["refusal"]) == ("consent.narrowed", "nothing_left")
    clock = clock_of_consent(given, timezone.now())
    assert clock is not None
    assert [place.resource for place in clock.places] == [records_api.resource]


def test_a_pause_is_seen_too(
    mara: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, read_records: Scope
) -> None:
    resources.reword_scope(read_records, title="Read all files", detail="", by=builders.actor(mara), now=timezone.now())
    records_api.introspects(pair["access_token"])
    (event,) = observed()
    assert event.detail["change"] == "consent.paused"


def test_suspending_is_seen_at_the_token_endpoint_and_forgotten_when_it_goes_on(
    mara: User, discharge_assistant: Agent, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    by, now = builders.actor(mara), timezone.now()
    lifecycle.suspend(discharge_assistant, reason="A look.", by=by, now=now)
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    assert (event.agent_id, event.detail["change"]) == (discharge_assistant.pk, "agent.suspended")
    clock = clock_of_agent(discharge_assistant, timezone.now())
    assert clock is not None
    assert clock.refused == event
    assert clock.tokens == 1
    lifecycle.resume(discharge_assistant, reason="Fine.", by=by, now=timezone.now())
    lifecycle.suspend(discharge_assistant, reason="Again.", by=by, now=timezone.now())
    lifecycle.resume(discharge_assistant, reason="Fine.", by=by, now=timezone.now())
    discharge.refresh(pair["refresh_token"])
    assert len(observed()) == 1


def test_a_wrong_secret_proves_nothing_about_a_suspended_agent(
    mara: User, discharge_assistant: Agent, discharge: TokenClient
) -> None:
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=timezone.now())
    TokenClient(discharge.client, "wrong").act_alone()
    assert not observed()


def test_an_organisations_consent_is_seen_to_be_revoked(
    mara: User, clinic_allows: Consent, claims: TokenClient
) -> None:
    mandate.revoke(clinic_allows.pk, reason="Enough.", by=builders.actor(mara), now=timezone.now())
    claims.act_alone()
    (event,) = observed()
    assert (event.consent_id, event.user_id, event.detail["refusal"]) == (clinic_allows.pk, None, "unauthorized_client")


@pytest.mark.django_db(transaction=True)
def test_of_many_refusals_at_once_one_is_the_first(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, discharge: TokenClient
) -> None:
    revoke(weber_allows, weber)
    at_once(6, lambda _: records_api.introspects(pair["access_token"]))
    assert len(observed()) == 1


# ---------------------------------------------------------------------------------- what a change did not lead to


def test_a_token_that_is_worth_less_shows_that_narrowing_counts(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    see_appointments: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    token = discharge.redeem(grants.code(given, pkce), pkce).json()["access_token"]
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        grants.keeps(given, see_appointments, by=weber)
    with time_machine.travel(start + timedelta(seconds=0.42), tick=False):
        assert records_api.introspects(token)["scope"] == "calendar:read"
        records_api.introspects(token)
    (event,) = observed()
    assert (event.detail["change"], event.detail["refusal"], event.detail["seconds"]) == (
        "consent.narrowed",
        "worth_less",
        0.42,
    )
    text = text_of(builders.browser(weber).get(f"/consents/{given.pk}/stopped/"))
    assert "first use with less, at" in text
    assert "hx-trigger" not in text


def test_a_token_that_never_held_what_was_taken_away_shows_nothing(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    see_appointments: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    first = discharge.redeem(grants.code(given, pkce), pkce).json()
    token = discharge.refresh(first["refresh_token"], scope="calendar:read").json()["access_token"]
    grants.keeps(given, see_appointments, by=weber)
    assert records_api.introspects(token)["scope"] == "calendar:read"
    assert not observed()


def test_a_token_that_was_refused_before_for_something_else_shows_the_change_too(
    mara: User, weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    by, agent = builders.actor(mara), weber_allows.agent
    for _ in range(2):
        lifecycle.suspend(agent, reason="A look.", by=by, now=timezone.now())
        assert records_api.introspects(pair["access_token"]) == {"active": False}
        lifecycle.resume(agent, reason="Fine.", by=by, now=timezone.now())
    revoke(weber_allows, weber)
    for _ in range(2):
        assert records_api.introspects(pair["access_token"]) == {"active": False}
    changes = [event.detail["change"] for event in observed()]
    assert changes == ["agent.suspended", "agent.suspended", "consent.revoked"]
    assert len(builders.events(Kind.INTROSPECTION_INACTIVE)) == 1


def test_what_ran_out_after_a_narrowing_is_no_proof_of_it(
    weber: User, discharge: TokenClient, read_records: Scope, see_appointments: Scope, pkce: Any
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    refresh = discharge.redeem(grants.code(given, pkce), pkce).json()["refresh_token"]
    grants.keeps(given, see_appointments, by=weber)
    with time_machine.travel(timezone.now() + timedelta(hours=9)):
        assert discharge.refresh(refresh).json()["error"] == "invalid_grant"
    assert not observed()


def test_an_agent_that_asks_for_what_was_taken_from_the_organisation_meets_the_change(
    mara: User, ada: User, records: Resource, see_appointments: Scope
) -> None:
    beds = builders.scope(records, "beds:read", "See free beds")
    client = builders.client(
        builders.agent("Beds", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=[beds, see_appointments])
    )
    claims = TokenClient(client, builders.key(client).key)
    given = grants.consent(client, scopes=[beds, see_appointments], user=None, by=mara)
    grants.keeps(given, beds, by=mara)
    assert claims.act_alone(scope="never:offered").status_code == 400
    assert not observed()
    assert claims.act_alone(scope="calendar:read").json()["error"] == "invalid_scope"
    (event,) = observed()
    assert (event.consent_id, event.detail["change"]) == (given.pk, "consent.narrowed")
