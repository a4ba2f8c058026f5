"""Sweeps of consents, tokens and codes: once each, each table by itself, and nothing that still answers a question."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import heartbeat
from agents import sweeps as sweeps_of_agents
from agents import tasks as tasks_of_agents
from agents.actors import Actor
from agents.models import OutgoingMail
from agents.trail.kinds import Kind
from consent import mandate, sweeps
from consent import tasks as tasks_of_consent
from consent.models import AccessToken, AuthorizationCode, Consent, RefreshToken, TokenFamily, UsedOnce
from consent.once import use_once
from console.celery import app
from console.schedule import SCHEDULE
from tests import builders, grants, out_of_band
from tests.grants import Pkce
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SENDS = {"consent.tell_clients", "consent.send_signals", "agents.deliver_waiting_mails"}
BY_SWEEP_NOW = {entry["task"] for entry in SCHEDULE.values()} - SENDS


@pytest.fixture
def weber_allows(discharge_client, weber, read_records, write_letters):
    """For thirty days."""
    return grants.consent(discharge_client, scopes=[read_records, write_letters], user=weber, life=30 * DAY)


@pytest.fixture
def tokens(discharge, weber_allows):
    """What one code got: access token and refresh token."""
    pkce = Pkce()
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


def counts() -> dict[str, int]:
    tables = (AccessToken, AuthorizationCode, RefreshToken, TokenFamily)
    return {table.__name__: table.objects.count() for table in tables}


def sweep_tokens(now) -> None:
    for sweep in sweeps.SWEEPS.values():
        sweep(now=now, batch=2)


def test_a_consent_past_its_end_is_written_down_once(weber_allows):
    over = weber_allows.ends_at
    assert sweeps.end_consents(now=over - timedelta(seconds=1)) == 0
    assert sweeps.end_consents(now=over) == 1
    assert sweeps.end_consents(now=over + DAY) == 0
    (event,) = builders.events(Kind.CONSENT_ENDED)
    assert (event.consent_id, event.actor_kind) == (weber_allows.pk, "system")


def test_a_revoked_consent_does_not_end_again(weber_allows, weber):
    mandate.revoke(weber_allows.pk, reason="Enough.", by=Actor.person(weber), now=timezone.now())
    assert sweeps.end_consents(now=weber_allows.ends_at) == 0


def test_an_access_token_stays_while_receipts_may_name_it(tokens):
    ends = AccessToken.objects.get().expires
    assert sweeps.delete_dead_access_tokens(now=ends + 24 * HOUR) == 0
    assert sweeps.delete_dead_access_tokens(now=ends + 24 * HOUR + timedelta(seconds=1)) == 1
    assert AccessToken.objects.count() == 0


def test_a_refresh_token_outlives_its_access_token_row(tokens, discharge, records_api):
    later = timezone.now() + 3 * DAY
    sweep_tokens(later)
    assert counts() == {"AccessToken": 0, "AuthorizationCode": 1, "RefreshToken": 1, "TokenFamily": 1}
    with time_machine.travel(later, tick=False):
        answer = discharge.refresh(tokens["refresh_token"])
        assert answer.status_code == 200, answer.content
        assert records_api.introspects(answer.json()["access_token"])["active"] is True


def test_a_used_refresh_token_that_comes_back_after_sweeps_still_ends_the_family(tokens, discharge):
    second = discharge.refresh(tokens["refresh_token"]).json()
    later = timezone.now() + 5 * DAY
    sweep_tokens(later)
    with time_machine.travel(later, tick=False):
        assert discharge.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert discharge.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert len(builders.events(Kind.REFRESH_REPLAYED)) == 1


def test_a_code_that_comes_back_after_sweeps_is_still_told_as_used_twice(discharge, weber_allows, records_api):
    pkce = Pkce()
    code = grants.code(weber_allows, pkce)
    got = discharge.redeem(code, pkce).json()
    later = timezone.now() + 6 * DAY
    sweep_tokens(later)
    with time_machine.travel(later, tick=False):
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"
        assert discharge.refresh(got["refresh_token"]).json()["error"] == "invalid_grant"
    assert len(builders.events(Kind.CODE_USED_TWICE)) == 1


def test_codes_go_after_a_week(tokens):
    ends = AuthorizationCode.objects.get().expires
    assert sweeps.delete_dead_codes(now=ends + 7 * DAY) == 0
    assert sweeps.delete_dead_codes(now=ends + 7 * DAY + HOUR) == 1


def test_everything_goes_once_the_consent_is_long_over(tokens, discharge, weber_allows):
    discharge.refresh(tokens["refresh_token"])
    sweep_tokens(weber_allows.ends_at + 10 * DAY)
    assert set(counts().values()) == {0}
    assert Consent.objects.count() == 1


def test_tokens_of_a_revoked_consent_go_without_waiting_for_its_date(tokens, weber_allows, weber):
    mandate.revoke(weber_allows.pk, reason="Enough.", by=Actor.person(weber), now=timezone.now())
    sweep_tokens(timezone.now() + DAY)
    assert counts()["RefreshToken"] == 1
    sweep_tokens(timezone.now() + 3 * DAY)
    assert (counts()["RefreshToken"], counts()["TokenFamily"]) == (0, 0)


def test_an_ended_family_stays_while_a_token_row_names_it(tokens):
    """Without the family's row its access tokens would look as good as new."""
    family = TokenFamily.objects.get()
    family.ended_at = timezone.now()
    family.save()
    AccessToken.objects.update(expires=timezone.now() + 60 * DAY)
    RefreshToken.objects.all().delete()
    assert sweeps.delete_dead_families(now=timezone.now() + 40 * DAY) == 0
    AccessToken.objects.all().delete()
    assert sweeps.delete_dead_families(now=timezone.now() + 40 * DAY) == 1


def test_what_counts_once_is_remembered_past_a_clock_that_is_set_back(now):
    use_once("form", "one", now=now, life=timedelta(minutes=15))
    assert sweeps.delete_used_once(now=now + DAY) == 0
    assert sweeps.delete_used_once(now=now + 3 * DAY) == 1
    assert not UsedOnce.objects.exists()


def test_a_batch_of_tokens_costs_one_look_and_one_statement(discharge, weber_allows):
    for _ in range(7):
        pkce = Pkce()
        discharge.redeem(grants.code(weber_allows, pkce), pkce)
    with CaptureQueriesContext(connection) as queries:
        assert sweeps.delete_dead_access_tokens(now=timezone.now() + 2 * DAY, batch=3) == 7
    assert len([query for query in queries if str(query["sql"]).startswith("DELETE")]) == 3
    assert len([query for query in queries if str(query["sql"]).startswith("SELECT")]) == 3


def test_the_owner_is_warned_before_a_consent_ends(weber_allows, ada, settings):
    settings.MAIL_IS_SENT = True
    assert sweeps.warn_of_consents(now=weber_allows.ends_at - 13 * DAY) == 1
    assert sweeps.warn_of_consents(now=weber_allows.ends_at - 13 * DAY) == 0
    (event,) = builders.events(Kind.OWNER_WARNED)
    assert (event.consent_id, event.user_id, event.detail["days"]) == (weber_allows.pk, ada.pk, 14)
    assert [mail.to for mail in OutgoingMail.objects.all()] == [ada.email]


def test_nobody_is_warned_of_a_consent_for_a_working_day(discharge_client, weber, read_records, now):
    grants.consent(discharge_client, scopes=[read_records], user=weber, life=8 * HOUR, now=now)
    assert sweeps.warn_of_consents(now=now + HOUR) == 0


def test_one_command_runs_every_sweep(tokens, weber_allows, capsys):
    with time_machine.travel(weber_allows.ends_at + 10 * DAY, tick=False):
        call_command("sweep")
        first = capsys.readouterr().out
        call_command("sweep")
        assert heartbeat.last_sweep() == timezone.now()
    assert "consents ended: 1\n" in first
    assert "access tokens deleted: 1\n" in first
    assert {line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()} == {"0"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_end_each_consent_once(discharge_client, read_records, mara):
    now = timezone.now()
    for number in range(6):
        somebody = builders.person(f"Guest {number}")
        grants.consent(discharge_client, scopes=[read_records], user=somebody, life=HOUR, now=now)
    outcome = at_once(2, lambda _: sweeps.end_consents(now=now + DAY, batch=2))
    assert outcome.raised == []
    assert sum(outcome.returned) == 6
    assert len({event.consent_id for event in builders.events(Kind.CONSENT_ENDED)}) == 6
    assert len(builders.events(Kind.CONSENT_ENDED)) == 6


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_delete_dead_tokens_together(discharge, weber_allows):
    for _ in range(6):
        pkce = Pkce()
        discharge.redeem(grants.code(weber_allows, pkce), pkce)
    later = weber_allows.ends_at + 10 * DAY
    outcome = at_once(2, lambda _: sweep_tokens(later))
    assert outcome.raised == []
    sweep_tokens(later)
    assert set(counts().values()) == {0}


def test_beat_asks_for_every_sweep(monkeypatch):
    """One that nobody asks for is a table that grows for ever, with whatever people wrote into it."""
    asked: set[Any] = set()
    for tasks in (tasks_of_agents, tasks_of_consent):
        monkeypatch.setattr(tasks, "sweep_now", lambda *parts: asked.update(parts))
    for entry in SCHEDULE.values():
        if entry["task"] in BY_SWEEP_NOW:
            app.tasks[entry["task"]].apply(throw=True)
    every = {**sweeps.SWEEPS, **sweeps_of_agents.SWEEPS}
    assert not [name for name, sweep in every.items() if sweep not in asked]


def test_without_a_worker_one_command_does_all_that_beat_asks_for(weber, mara, discharge_assistant):
    robot = out_of_band.told_client(discharge_assistant, "https://robot.st-anna.example/told", by=mara)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    asked = out_of_band.request_of(out_of_band.asked_id(robot, weber, client_notification_token="a-token"))
    out_of_band.decides(weber, asked, "refuse")
    call_command("sweep", stdout=StringIO())
    asked.refresh_from_db()
    assert asked.ping_tries == 1
