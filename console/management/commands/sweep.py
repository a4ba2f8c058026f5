"""``manage.py sweep``: every sweep once, for whoever runs them by cron instead of beat and a worker."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from agents import mail
from agents.heartbeat import note_sweep
from agents.sweeps import SWEEPS as SWEEPS_OF_AGENTS
from agents.warnings import warn_of_agents, warn_of_credentials
from consent import pings
from consent.signals.delivery import deliver_all
from consent.sweeps import SWEEPS as SWEEPS_OF_CONSENT
from consent.sweeps import warn_of_consents


class Command(BaseCommand):
    help = "Write down what has ended, warn owners, send what waits to be sent, delete what is dead. Safe at any time, and twice."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        for done, sweep in {**SWEEPS_OF_CONSENT, **SWEEPS_OF_AGENTS}.items():
            self._tell(done, sweep(now=now))
        warned = warn_of_agents(now=now) + warn_of_credentials(now=now) + warn_of_consents(now=now)
        self._tell("warnings given", warned)
        self._tell("mails sent", mail.deliver(now=now))
        self._tell("signals sent", deliver_all(now=now))
        self._tell("clients told", pings.tell(now=now))
        note_sweep(now)

    def _tell(self, done: str, count: int) -> None:
        self.stdout.write(f"{done}: {count}")
