"""F4: four workers, and each task that the schedule knows delivered three times, in any order. Each fact is told once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import OutgoingMail, State
from agents.trail.kinds import Kind
from consent.models import AccessToken, Consent
from console.celery import app
from tests import builders, grants
from tests.services.processes import stop

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
WORKERS, TIMES = 4, 3
CONSENTS, AGENTS = 150, 12


@pytest.fixture
def over(ada, discharge_client, read_records):
    """Agents whose time is over, and as many consents as make several batches."""
    now = timezone.now()
    then, guest = now - timedelta(days=2), builders.person("Guest")
    for number in range(CONSENTS):
        purpose, life = f"Task {number}", timedelta(hours=1)
        grants.consent(discharge_client, scopes=[read_records], user=guest, purpose=purpose, life=life, now=then)
    return [builders.agent(f"Over {n}", owner=ada, ends_at=now - timedelta(hours=1), now=then) for n in range(AGENTS)]


@pytest.fixture
def soon(ada, mara):
    """Agents of whose end their owner is to hear."""
    now = timezone.now()
    then, ends = now - timedelta(days=2), now + timedelta(hours=20)
    return [builders.agent(f"Soon {number}", owner=ada, ends_at=ends, now=then) for number in range(AGENTS)]


@pytest.fixture
def workers(running_mandate, tmp_path):
    """Workers of the running Mandate. They write mails into a folder."""
    settings = {"EMAIL_URL": f"filemail://{tmp_path / 'mails'}"}
    own = replace(running_mandate, settings=settings, web=None, workers_of_the_queue=[], log_name="workers.txt")
    own.log_file.unlink(missing_ok=True)
    yield own
    own.stop()


SEND = """
import time
from console.celery import app
for name in {tasks!r}:
    app.send_task(name)
with app.connection_for_read() as connection:
    while connection.default_channel.queue_declare(queue="mandate").message_count:
        time.sleep(0.1)
"""


def deliver_everything(workers) -> None:
    """Send each task of the schedule several times, shuffled. Returns once the last one is done."""
    tasks = [entry["task"] for entry in app.conf.beat_schedule.values()] * TIMES
    random.shuffle(tasks)
    workers.manage("shell", "--verbosity=0", "--command", SEND.format(tasks=tasks), within=200)
    for process in workers.workers_of_the_queue:
        assert stop(process, within=60) == 0  # a worker finishes what it has begun


def told_of(kind: Kind) -> Counter[object]:
    return Counter(event.agent_id for event in builders.events(kind))


def test_f04_whatever_comes_twice_is_told_once(workers, over, soon, tmp_path):
    for _ in range(WORKERS):
        workers.start_worker()
    deliver_everything(workers)
    ended = Counter(event.consent_id for event in builders.events(Kind.CONSENT_ENDED))
    assert ended == Counter(Consent.objects.values_list("pk", flat=True))
    assert told_of(Kind.AGENT_RETIRED) == Counter(agent.pk for agent in over)
    assert told_of(Kind.OWNER_WARNED) == Counter(agent.pk for agent in soon)
    for agent in over:
        agent.refresh_from_db()
        assert agent.state == State.RETIRED
    assert not OutgoingMail.objects.exists()
    mails = "".join(path.read_text() for path in (tmp_path / "mails").iterdir())
    subjects = [line for line in mails.splitlines() if line.startswith("Subject: ")]
    assert len(subjects) == 1, "one mail tells of all of them"
    assert not AccessToken.objects.exists()
