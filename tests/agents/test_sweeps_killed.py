"""A sweep that is killed anywhere is finished by the next one, and nothing is written down twice (security.md F3)."""

from __future__ import annotations

import random
import signal
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.trail.kinds import Kind
from consent.models import AccessToken, Consent
from tests import builders, grants
from tests.services.mandate import BASE_DIR
from tests.services.processes import start

ROUNDS, CONSENTS = 6, 400


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_killed_sweep_leaves_each_consent_ended_exactly_once(running_mandate, discharge_client, read_records, mara):
    then = timezone.now() - timedelta(days=2)
    somebody = builders.person("Guest")
    for number in range(CONSENTS):
        grants.consent(
            discharge_client,
            scopes=[read_records],
            user=somebody,
            purpose=f"Task {number}",
            life=timedelta(hours=1),
            now=then,
        )
    for _ in range(ROUNDS):
        sweep = start(
            [sys.executable, str(BASE_DIR / "manage.py"), "sweep"],
            log=running_mandate.log_file,
            environment=running_mandate.environment(),
            folder=BASE_DIR,
        )
        _wait_for_some()
        time.sleep(random.random() / 10)
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    running_mandate.manage("sweep")
    ended = builders.events(Kind.CONSENT_ENDED)
    assert len(ended) == CONSENTS
    assert {event.consent_id for event in ended} == set(Consent.objects.values_list("pk", flat=True))
    assert not Consent.objects.filter(ended_recorded_at=None).exists()
    assert not AccessToken.objects.exists()


def _wait_for_some() -> None:
    """Return once this round has begun its work, so that it is killed in the middle of it."""
    before = len(builders.events(Kind.CONSENT_ENDED))
    deadline = time.monotonic() + 20
    while len(builders.events(Kind.CONSENT_ENDED)) == before and before < CONSENTS and time.monotonic() < deadline:
        time.sleep(0.01)
