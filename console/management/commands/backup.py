"""``manage.py backup``: one archive of the data, without the keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console.backup import CannotBackUp, back_up


class Command(BaseCommand):
    help = "Write one archive of the data. The keys are not in it: keep them apart, as it tells you."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="where to write it; a dated file in this folder when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        target = Path(options["file"] or f"mandate-backup-{now:%Y%m%d-%H%M%S}.tar.gz").absolute()
        try:
            back_up(target, now=now)
        except CannotBackUp as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Written: {target}")
        self.stdout.write(
            "\nThe keys are not in it, and without them it cannot be used again. Keep them in another place:"
        )
        for variable, file in (
            ("MANDATE_SECRET_KEY", "secret-key"),
            ("MANDATE_ENCRYPTION_KEY", "encryption-key"),
            ("MANDATE_TRAIL_KEY", "trail-key"),
        ):
            path = settings.DATA_DIR / "keys" / file
            self.stdout.write(f"  {path if path.exists() else f'{variable} (set in the environment)'}")
