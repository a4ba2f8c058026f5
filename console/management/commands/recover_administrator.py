"""``manage.py recover_administrator EMAIL``: the way back in when no administrator can sign in."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from agents.errors import InvalidInput
from agents.people import recover_administrator
from console.accounts.password_links import password_link


class Command(BaseCommand):
    help = "Make somebody an active administrator and print a one-time link by which they set a new password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address by which they are known here")
        parser.add_argument(
            "--remove-factors",
            action="store_true",
            help="also remove their passkeys, authenticator app and recovery codes, when these are lost too",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                person = recover_administrator(email=options["email"], now=timezone.now())
                if options["remove_factors"]:
                    # Each removal is recorded where it happens (console/accounts/factors.py).
                    Authenticator.objects.filter(user_id=person.pk).delete()
        except InvalidInput as error:
            raise CommandError(error.sentence) from error
        self.stdout.write(f"{person.display_name} is an administrator and can sign in. It is recorded in the trail.")
        self.stdout.write("Open this link once, within an hour, to set a new password:\n")
        self.stdout.write(f"    {password_link(person)}")
