"""``manage.py rotate_keys``: change the key that signs access tokens, or give one up that somebody else may hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agents.actors import Actor
from agents.errors import Refused
from consent.key_rotation import give_up, rotate, standings
from consent.models import SigningKey


class Command(BaseCommand):
    help = "Publish the next signing key; it signs ten minutes later, and no token is refused for it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="Changed at the server.", help="why; kept with the event")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--compromised",
            metavar="KID",
            help="give this key up: nothing that it signed counts any more. Write --compromised=KID: it may begin with a minus",
        )
        what.add_argument("--list", action="store_true", help="only say which keys there are")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            if options["compromised"]:
                successor = give_up(options["compromised"], reason=options["reason"], by=Actor.system(), now=now)
                self.stdout.write(f"Nothing that {options['compromised']} signed counts any more.")
                self.stdout.write(f"{successor.kid} signs now, in every process within five seconds.")
            elif not options["list"]:
                made = rotate(reason=options["reason"], by=Actor.system(), now=now)
                self.stdout.write(f"{made.kid} is published and signs from {made.signs_from:%Y-%m-%d %H:%M:%S} UTC.")
        except Refused as error:
            raise CommandError(error.sentence) from error
        except SigningKey.DoesNotExist as error:
            raise CommandError("No such key. manage.py rotate_keys --list says which there are.") from error
        for standing in standings(now):
            self.stdout.write(f"{standing.station:12} {standing.key.kid}")
