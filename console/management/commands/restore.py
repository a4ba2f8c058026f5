"""``manage.py restore``: bring back what ``manage.py backup`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console.backup import CannotBackUp, restore
from console.serving import CannotServe, only_one


class Command(BaseCommand):
    help = "Bring back an archive. Mandate must not run meanwhile, and the keys that were kept apart must be back."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the archive")
        parser.add_argument("--force", action="store_true", help="although there is data already")
        parser.add_argument("--with-other-keys", action="store_true", help="although the keys of the archive are lost")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with only_one(settings.DATA_DIR):
                kept = restore(
                    Path(options["file"]).absolute(),
                    over_data=options["force"],
                    with_other_keys=options["with_other_keys"],
                    now=timezone.now(),
                )
        except (CannotBackUp, CannotServe) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Restored. Start Mandate again with: make run")
        if kept is not None:
            self.stdout.write(f"What was there before is kept in {kept}")
