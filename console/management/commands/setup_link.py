"""``manage.py setup_link``: a new link for the first administrator, in place of the one before."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from agents.errors import LinkRefused
from agents.links import issue_setup_link


class Command(BaseCommand):
    help = "Print a new one-time link for the first administrator. The one printed before ends."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            token = issue_setup_link(now=timezone.now())
        except LinkRefused as error:
            raise CommandError(error.sentence) from error
        self.stdout.write("Open this link once, within an hour:\n")
        self.stdout.write(f"    {settings.ISSUER}{reverse('setup-link', args=[token])}")
