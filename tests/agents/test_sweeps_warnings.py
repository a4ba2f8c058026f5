"""Owners hear 14, 3 and 1 days before something of theirs ends, each time once (issue 3 §6)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import lifecycle, registry
from agents.encryption import decrypt
from agents.models import OutgoingMail
from agents.trail.kinds import Kind
from agents.warnings import warn_of_agents, warn_of_credentials
from tests import builders
from tests.services.parallel import at_once

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.MAIL_IS_SENT = True


@pytest.fixture
def ends_in_a_month(ada, mara, now):
    return builders.agent("Night Helper", owner=ada, ends_at=now + 30 * DAY, now=now)


def mails() -> list[tuple[str, str]]:
    """To whom, and what."""
    waiting = OutgoingMail.objects.order_by("pk")
    return [(mail.to, " ".join(json.loads(decrypt(mail.sealed)).values())) for mail in waiting]


def warned() -> list[int]:
    return [event.detail["days"] for event in builders.events(Kind.OWNER_WARNED)]


def test_an_owner_hears_of_an_end_three_times(ends_in_a_month, ada, now):
    for day in range(31):
        warn_of_agents(now=now + day * DAY)
    assert warned() == [14, 3, 1]
    assert {(event.agent_id, event.user_id) for event in builders.events(Kind.OWNER_WARNED)} == {
        (ends_in_a_month.pk, ada.pk)
    }


def test_the_mail_names_the_agent_and_where_to_look(ends_in_a_month, ada, now):
    warn_of_agents(now=now + 20 * DAY)
    ((to, text),) = mails()
    assert to == ada.email
    assert "Night Helper" in text
    assert f"/agents/{ends_in_a_month.pk}/" in text


def test_who_comes_late_gives_the_nearest_warning_only(ends_in_a_month, now):
    assert warn_of_agents(now=now + 28 * DAY) == 1
    assert warned() == [3]


def test_what_was_never_to_last_longer_is_not_warned_of(ada, mara, now):
    builders.agent("Brief Helper", owner=ada, ends_at=now + 2 * DAY, now=now)
    assert warn_of_agents(now=now) == 0
    assert warn_of_agents(now=now + DAY) == 1
    assert warned() == [1]


def test_a_new_end_is_warned_of_anew(ends_in_a_month, ada, now):
    warn_of_agents(now=now + 29 * DAY)
    registry.edit(ends_in_a_month, ends_at=now + 60 * DAY, by=builders.actor(ada), now=now + 29 * DAY)
    assert warn_of_agents(now=now + 29 * DAY) == 0
    assert warn_of_agents(now=now + 59 * DAY) == 1


def test_nobody_is_warned_of_a_retired_agent(ends_in_a_month, ada, now):
    lifecycle.retire(ends_in_a_month, reason="Not needed.", by=builders.actor(ada), now=now)
    assert warn_of_agents(now=now + 29 * DAY) == 0


def test_a_key_of_an_agent_is_its_owners_business(discharge_client, ada, now):
    issued = builders.key(discharge_client, ends_at=now + 30 * DAY, now=now)
    assert warn_of_credentials(now=now + 28 * DAY) == 1
    (event,) = builders.events(Kind.OWNER_WARNED)
    assert (event.credential_id, event.user_id) == (issued.credential.pk, ada.pk)
    ((to, text),) = mails()
    assert to == ada.email
    assert issued.credential.handle in text
    assert issued.key not in text


def test_a_key_of_a_resource_is_the_administrators_business(records, mara, now):
    builders.key(records, by=mara, ends_at=now + 30 * DAY, now=now)
    assert warn_of_credentials(now=now + 28 * DAY) == 1
    assert [to for to, _ in mails()] == [mara.email]


def test_an_agent_whose_owner_left_is_the_administrators_business(ends_in_a_month, ada, mara, now):
    ada.is_active = False
    ada.save()
    warn_of_agents(now=now + 28 * DAY)
    assert [to for to, _ in mails()] == [mara.email]


def test_one_sweep_writes_one_mail_however_much_ends(ada, mara, now):
    for number in range(30):
        builders.agent(f"Helper {number}", owner=ada, ends_at=now + 20 * DAY, now=now)
    assert warn_of_agents(now=now + 18 * DAY) == 30
    ((_, text),) = mails()
    assert "30 things" in text
    assert "10 more" in text


def test_a_page_of_warnings_fetches_its_owners_at_once(ada, mara, now):
    def statements(of: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            warn_of_agents(now=now + 18 * DAY)
        return len([query for query in queries if f'FROM "{of}"' in str(query["sql"])])

    for number in range(5):
        builders.agent(f"Helper {number}", owner=ada, ends_at=now + 20 * DAY, now=now)
    assert statements("agents_ownership") == 1


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_warn_once(ada, mara):
    now = timezone.now()
    for number in range(6):
        builders.agent(f"Helper {number}", owner=ada, ends_at=now + 20 * DAY, now=now)
    outcome = at_once(2, lambda _: warn_of_agents(now=now + 18 * DAY, batch=2))
    assert outcome.raised == []
    assert sum(outcome.returned) == 6
    assert warned() == [3] * 6
