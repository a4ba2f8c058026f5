"""``manage.py document_events``: write ``docs/reference/events.md`` from the closed list of kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from console.events_reference import reference

PAGE = Path("docs") / "reference" / "events.md"


class Command(BaseCommand):
    help = "Write docs/reference/events.md from agents/trail/kinds.py."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--print`` shows the page and writes nothing."""
        parser.add_argument("--print", action="store_true", dest="show")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the page."""
        if options["show"]:
            self.stdout.write(reference(), ending="")
            return
        page = settings.BASE_DIR / PAGE
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(reference(), encoding="utf-8")
        self.stdout.write(f"{PAGE} is written.")
