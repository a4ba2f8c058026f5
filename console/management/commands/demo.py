"""``manage.py demo``: fill an empty Mandate with one believable organisation, and say how to look around in it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from agents.models import Agent, Event, Organisation, User
from consent.models import Consent
from console.demo.estate import RECORDS, RECORDS_URI
from console.demo.people import ORGANISATION, PEOPLE
from console.demo.story import fill
from console.demo.world import World

IN_USE = (
    "This Mandate is in use already: it belongs to {name}. The demonstration only fills an empty one, and changes nothing "
    "here.\nTo look around in it, give it a data folder of its own, and start Mandate there:\n\n"
    "    make demo DATA_DIR=var-demo\n    make run DATA_DIR=var-demo\n\n"
    "If an earlier `make demo` was stopped half-way, delete the data folder that it was filling and begin again."
)


class Command(BaseCommand):
    help = "Fill an empty Mandate with one organisation, its people, agents, consents and two weeks of events."

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # the file with keys is for this user alone
        call_command("migrate", interactive=False, verbosity=0)
        self._must_be_empty()
        self.stdout.write(f"Filling {settings.DATA_DIR} with {ORGANISATION}. This takes up to a minute …")
        if connection.vendor == "sqlite":
            # What a power failure would take is made again by the same command.
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=OFF")
        world = fill(now=timezone.now())
        variables = write_variables(world, settings.DATA_DIR / "demo")
        self.stdout.write(
            f"{Agent.objects.count()} agents, {len(world.resources)} resources, {len(world.scopes)} scopes, "
            f"{Consent.objects.count()} consents, {Event.objects.count()} events.\n\n"
        )
        self._tell_sign_ins(world)
        self._tell_what_next(world, variables)

    def _must_be_empty(self) -> None:
        if settings.MAIL_IS_SENT:
            raise CommandError(
                "EMAIL_URL is set, and the people of the demonstration do not exist. Leave it out: EMAIL_URL= make demo"
            )
        organisation = Organisation.current()
        if organisation or User.objects.exists() or Agent.objects.exists():
            raise CommandError(IN_USE.format(name=organisation.name if organisation else "somebody"))

    def _tell_sign_ins(self, world: World) -> None:
        rows = [(person.name, str(person.role.label), person.email, world.passwords[person.key]) for person in PEOPLE]
        rows = [row if row[0] != "Peter Hahn" else (*row[:3], "(has left)") for row in rows]
        rows.insert(0, ("name", "role", "e-mail", "password"))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            self.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def _tell_what_next(self, world: World, variables: Path) -> None:
        quoted = shlex.quote(str(variables))
        self.stdout.write(
            f"\nStart Mandate with `make run` and sign in at {settings.ISSUER}\n\n"
            f"The resource “{world.resources[RECORDS].name}” can be started too, as a program of its own at {RECORDS_URI}\n"
            "(docs/examples/records_api/README.md):\n\n"
            "    python3 -m venv records-venv && records-venv/bin/pip install -r docs/examples/records_api/requirements.txt\n"
            f"    ( set -a; . {quoted}; cd docs/examples && exec ../../records-venv/bin/python -m records_api )\n\n"
            "Then, in another terminal, Lab Monitor gets a token and is refused patient files, which were taken from it:\n\n"
            f"    . {quoted}\n"
            '    TOKEN=$(curl -s -u "$LAB_MONITOR_CLIENT:$LAB_MONITOR_KEY" -d grant_type=client_credentials \\\n'
            '        -d resource="$RECORDS_URI" "$MANDATE_ISSUER/oauth/token" | sed \'s/.*"access_token": "\\([^"]*\\)".*/\\1/\')\n'
            '    curl -i -H "Authorization: Bearer $TOKEN" "$RECORDS_URI/patients"\n'
        )


def write_variables(world: World, folder: Path) -> Path:
    """Write what the example resource and a first agent need, for this user alone. Returns the file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wards = {"weber": "3B", "okafor": "3B,ICU", "peeters": "3B"}
    said = {
        "MANDATE_ISSUER": settings.ISSUER,
        "RECORDS_URI": RECORDS_URI,
        "RECORDS_IDENTIFIER": world.resources[RECORDS].identifier,
        "RECORDS_KEY": world.resource_keys[RECORDS],
        "RECORDS_WARDS": ";".join(f"{world.people[key].pk}={names}" for key, names in wards.items()),
        "LAB_MONITOR_CLIENT": world.clients["labs"].client_id,
        "LAB_MONITOR_KEY": world.keys["labs"],
    }
    path = folder / "records_api.env"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in said.items()), "utf-8")
    return path
