"""``manage.py up``: everything that a Mandate on one machine needs, started and ended together."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.utils import timezone

from agents.errors import LinkRefused
from agents.links import issue_setup_link
from console.serving import CannotServe, answers, is_loopback, must_be_free, only_one, programs
from console.supervisor import Supervisor

NAME_WIDTH = len("mandate")


class Command(BaseCommand):
    help = "Migrate, then run web, worker and scheduler until Ctrl-C. Settings: docs/reference/settings.md"
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # whatever the programs write into the data folder is for this user alone
        try:
            with only_one(settings.DATA_DIR):
                must_be_free(settings.HOST, settings.PORT)
                code = self._run()
        except CannotServe as error:
            raise CommandError(str(error)) from error
        sys.exit(code)

    def _run(self) -> int:
        self.check()
        say("mandate", f"Data folder: {settings.DATA_DIR}")
        call_command("migrate", interactive=False, verbosity=0)
        supervisor = Supervisor(
            programs(
                settings.HOST,
                settings.PORT,
                settings.WORKERS,
                engine=connection.vendor,
                base_dir=settings.BASE_DIR,
            ),
            say=say,
            is_up=lambda: answers(settings.HOST, settings.PORT),
            once_up=announce,
        )
        connections.close_all()
        return supervisor.run()


def say(name: str, text: str) -> None:
    """Print one line of the common log. A log that nobody can write to any more stops nothing."""
    line = f"{name.ljust(NAME_WIDTH)} | {text}\n".encode("utf-8", "replace")
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), line)


def announce() -> None:
    """Say where Mandate is, and while nobody administers it, how to become the first who does."""
    try:
        link = setup_address()
    except LinkRefused:
        link = ""  # there is an administrator
    finally:
        connections.close_all()
    rule = "─" * 78
    for line in (rule, *announcement(link, host=settings.HOST), rule):
        say("mandate", line)


def announcement(link: str, *, host: str) -> list[str]:
    """Return the lines that are printed once Mandate answers. link: empty when there is an administrator."""
    lines = [f"Mandate is running at {settings.ISSUER}", ""]
    if link:
        lines += [
            "There is no administrator yet. Open this link once, within an hour, to become the first:",
            "",
            f"    {link}",
            "",
        ]
    if link and not is_loopback(host):
        lines += [
            f"WARNING: HOST is {host}, so other machines can reach this Mandate before you have set it up.",
            "Whoever holds the link becomes the administrator. Open it now, and keep this log to yourself.",
            "",
        ]
    return [*lines, "Ctrl-C stops it; the data stays."]


def setup_address() -> str:
    """Return a new set-up link. From now on every earlier one is refused."""
    return f"{settings.ISSUER}/setup/{issue_setup_link(now=timezone.now())}"
