"""``manage.py rotate_evidence_key``: another key signs evidence from now on. The old ones stay published."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from consent.evidence_keys import make_key


class Command(BaseCommand):
    help = "Make another key that signs evidence from now on. What the old ones signed stays valid."

    def handle(self, *args: Any, **options: Any) -> None:
        key = make_key(now=timezone.now())
        self.stdout.write(f"From now on {key.kid} signs evidence. Old files are checked with the old keys, as before.")
