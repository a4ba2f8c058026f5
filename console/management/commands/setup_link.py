"""``manage.py setup_link``: a new link for the first administrator, in place of the one that was printed at start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.errors import LinkRefused
from console.management.commands.up import setup_address


class Command(BaseCommand):
    help = "Print a new one-time set-up link; the former one ends. Refused while there is an administrator."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(setup_address())
        except LinkRefused as error:
            raise CommandError(str(error)) from error
