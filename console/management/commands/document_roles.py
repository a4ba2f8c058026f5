"""``manage.py document_roles``: write ``docs/reference/roles.md`` from the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from console.roles_reference import reference

PAGE = Path("docs") / "reference" / "roles.md"


class Command(BaseCommand):
    help = "Write docs/reference/roles.md from console/roles.py."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write the page."""
        (settings.BASE_DIR / PAGE).write_text(reference(), encoding="utf-8")
        self.stdout.write(f"{PAGE} is written.")
