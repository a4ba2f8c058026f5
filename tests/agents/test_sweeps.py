"""Sweeps write down what has ended, once. Use refused it before (security.md F3, F4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import credentials, heartbeat, invitations, lifecycle, registry, sweeps
from agents.actors import Actor
from agents.ids import uuid7
from agents.models import EndWarning, OneTimeLink, RefusalCount, Role, Session, State
from agents.trail.kinds import Kind
from agents.trail.refusals import TOLD_SINGLY, record_refusal
from console.accounts.sessions import SessionStore
from tests import builders
from tests.services.parallel import at_once

DAY = timedelta(days=1)


@pytest.fixture
def ends_tomorrow(ada, mara, now):
    """An active agent with one day left."""
    return builders.agent("Night Helper", owner=ada, ends_at=now + DAY, now=now)


def test_an_agent_past_its_date_is_retired_by_mandate_itself(ends_tomorrow, now):
    assert sweeps.retire_ended_agents(now=now + DAY) == 1
    ends_tomorrow.refresh_from_db()
    assert ends_tomorrow.state == State.RETIRED
    (event,) = builders.events(Kind.AGENT_RETIRED)
    assert (event.actor_kind, event.detail, event.agent_id) == ("system", {"automatic": True}, ends_tomorrow.pk)


def test_a_second_sweep_finds_nothing_to_retire(ends_tomorrow, now):
    sweeps.retire_ended_agents(now=now + DAY)
    assert sweeps.retire_ended_agents(now=now + 2 * DAY) == 0
    assert len(builders.events(Kind.AGENT_RETIRED)) == 1


def test_an_agent_with_time_left_is_not_touched(ends_tomorrow, now):
    assert sweeps.retire_ended_agents(now=now + DAY - timedelta(seconds=1)) == 0
    ends_tomorrow.refresh_from_db()
    assert ends_tomorrow.state == State.ACTIVE


def test_an_end_that_its_owner_moved_does_not_count_any_more(ends_tomorrow, ada, now):
    registry.edit(ends_tomorrow, ends_at=now + 30 * DAY, by=builders.actor(ada), now=now)
    assert sweeps.retire_ended_agents(now=now + 2 * DAY) == 0


def test_drafts_and_suspended_agents_are_retired_too(ada, mara, now):
    draft = builders.agent("Draft", owner=ada, ends_at=now + DAY, active=False, now=now)
    resting = builders.agent("Resting", owner=ada, ends_at=now + DAY, now=now)
    lifecycle.suspend(resting, reason="Holidays.", by=builders.actor(ada), now=now)
    assert sweeps.retire_ended_agents(now=now + DAY, batch=1) == 2
    for agent in (draft, resting):
        agent.refresh_from_db()
        assert agent.state == State.RETIRED


def test_a_key_past_its_date_is_written_down_once(discharge_client, now):
    issued = builders.key(discharge_client, ends_at=now + DAY, now=now)
    assert sweeps.end_credentials(now=now + DAY) == 1
    assert sweeps.end_credentials(now=now + DAY) == 0
    (event,) = builders.events(Kind.CREDENTIAL_ENDED)
    assert (event.credential_id, event.client_id) == (issued.credential.pk, discharge_client.pk)
    assert event.agent_id == discharge_client.agent_id
    assert issued.key not in str(event.detail)


def test_a_key_of_a_resource_is_written_down_too(records, mara, now):
    builders.key(records, by=mara, ends_at=now + DAY, now=now)
    assert sweeps.end_credentials(now=now + DAY) == 1
    assert builders.events(Kind.CREDENTIAL_ENDED)[0].resource_id == records.pk


def test_a_revoked_key_does_not_end_again(discharge_client, ada, now):
    issued = builders.key(discharge_client, ends_at=now + DAY, now=now)
    credentials.revoke(issued.credential, reason="Leaked.", by=builders.actor(ada), now=now)
    assert sweeps.end_credentials(now=now + DAY) == 0
    assert builders.events(Kind.CREDENTIAL_ENDED) == []


def test_an_invitation_nobody_took_is_written_down_once(mara, now):
    link, _ = invitations.invite(email="eva@st-anna.example", name="", role=Role.USER, by=builders.actor(mara), now=now)
    assert sweeps.end_links(now=now + 6 * DAY) == 0
    assert sweeps.end_links(now=now + 8 * DAY) == 1
    assert sweeps.end_links(now=now + 9 * DAY) == 0
    (event,) = builders.events(Kind.LINK_ENDED)
    assert event.detail == {"link": str(link.pk), "kind": OneTimeLink.Kind.INVITATION}


def test_a_withdrawn_invitation_does_not_end_again(mara, now):
    by = builders.actor(mara)
    link, _ = invitations.invite(email="eva@st-anna.example", name="", role=Role.USER, by=by, now=now)
    invitations.withdraw_invitation(link.pk, by=by, now=now)
    assert sweeps.end_links(now=now + 8 * DAY) == 0


@pytest.mark.django_db(transaction=True)
def test_a_flood_of_refusals_leaves_one_event_with_its_count(now):
    for _ in range(TOLD_SINGLY + 5):
        record_refusal(Kind.TOKEN_REFUSED, reason_code="invalid_client", by=Actor.system(), now=now)
    assert sweeps.close_refusal_minutes(now=now) == 0
    assert sweeps.close_refusal_minutes(now=now + timedelta(minutes=3)) == 1
    assert sweeps.close_refusal_minutes(now=now + timedelta(minutes=4)) == 0
    (event,) = builders.events(Kind.REFUSALS_COUNTED)
    assert event.detail["count"] == 5
    assert not RefusalCount.objects.exists()


def test_sessions_that_ran_out_are_deleted_and_others_stay(mara, now):
    live, dead = SessionStore(), SessionStore()
    for store, ends in ((live, now + DAY), (dead, now - DAY)):
        store["who"] = "somebody"
        store.set_expiry(ends)
        store.create()
    Session.objects.filter(pk=dead.digest).update(expire_date=now - DAY)
    assert sweeps.delete_dead_sessions(now=now) == 1
    assert list(Session.objects.values_list("pk", flat=True)) == [live.digest]


def test_rows_go_in_batches_by_two_statements_each(db, now):
    EndWarning.objects.bulk_create(
        EndWarning(subject_id=uuid7(), days=1, ends_at=now - 40 * DAY, warned_at=now) for _ in range(25)
    )
    with CaptureQueriesContext(connection) as queries:
        assert sweeps.delete_old_warnings(now=now, batch=10) == 25
    deletes = [query["sql"] for query in queries if str(query["sql"]).startswith("DELETE")]
    assert len(deletes) == 3
    assert len([query for query in queries if str(query["sql"]).startswith("SELECT")]) == 3


def test_health_can_tell_when_a_sweep_last_ran(db, now):
    assert heartbeat.last_sweep() is None
    heartbeat.note_sweep(now)
    heartbeat.note_sweep(now - DAY)
    assert heartbeat.last_sweep() == now


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_retire_each_agent_once(ada, mara):
    now = timezone.now()
    agents = [builders.agent(f"Helper {number}", owner=ada, ends_at=now + DAY, now=now) for number in range(6)]
    outcome = at_once(2, lambda _: sweeps.retire_ended_agents(now=now + DAY, batch=2))
    assert outcome.raised == []
    assert sweeps.retire_ended_agents(now=now + DAY) + sum(outcome.returned) == 6
    assert {event.agent_id for event in builders.events(Kind.AGENT_RETIRED)} == {agent.pk for agent in agents}
    assert len(builders.events(Kind.AGENT_RETIRED)) == 6


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_down_each_key_and_link_once(discharge_client, mara):
    now = timezone.now()
    for number in range(6):
        builders.key(discharge_client, ends_at=now + DAY, now=now)
        invitations.invite(
            email=f"guest{number}@st-anna.example", name="", role=Role.USER, by=builders.actor(mara), now=now
        )
    later = now + 8 * DAY
    outcome = at_once(4, lambda n: (sweeps.end_credentials if n % 2 else sweeps.end_links)(now=later, batch=2))
    assert outcome.raised == []
    assert len(builders.events(Kind.CREDENTIAL_ENDED)) == 6
    assert len(builders.events(Kind.LINK_ENDED)) == 6
