"""``manage.py words``: gather what people read from code and templates, bring every catalogue up to it, and compile them.

A developer's tool: Mandate itself needs only the compiled catalogues, which are committed. Nothing is guessed (no fuzzy
entries) and nothing that changes by itself is written (no dates, no line numbers), so that a difference is a difference.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import makemessages

NEEDED = ("xgettext", "msguniq", "msgmerge", "msgattrib", "msgfmt")
NOT_READ = ("tests/*", "docs/*", "requirements/*", "var*", ".venv/*", "node_modules/*")
DATE = re.compile(r'^"(?:POT-Creation-Date|PO-Revision-Date|Report-Msgid-Bugs-To): .*\n', re.MULTILINE)
SOURCE = settings.LANGUAGE_CODE


class Gather(makemessages.Command):
    """Django's own extraction, in the order of the words and without guesses."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching", "--sort-output"]
    msgattrib_options = [*makemessages.Command.msgattrib_options, "--sort-output"]


class Command(BaseCommand):
    help = "Bring locale/*/LC_MESSAGES/django.po up to what people read, and compile it. Needs GNU gettext."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Gather, merge, compile, and say what is not translated yet."""
        if missing := [tool for tool in NEEDED if shutil.which(tool) is None]:
            raise CommandError(
                f"This needs GNU gettext, and {missing[0]} is not on this machine. Install the package gettext "
                "(apt-get install gettext, brew install gettext), then run make words again."
            )
        codes = [code for code, _ in settings.LANGUAGES if code != SOURCE]
        call_command(
            Gather(), locale=codes, no_obsolete=True, add_location="never", ignore_patterns=list(NOT_READ), verbosity=0
        )
        for code in codes:
            catalogue = Path(settings.LOCALE_PATHS[0]) / code / "LC_MESSAGES" / "django.po"
            catalogue.write_text(DATE.sub("", catalogue.read_text(encoding="utf-8")), encoding="utf-8")
        call_command("compilemessages", locale=codes, ignore_patterns=list(NOT_READ), verbosity=0)
        for code in codes:
            self.stdout.write(f"{code}: {self._untranslated(code)} not translated yet.")

    def _untranslated(self, code: str) -> int:
        catalogue = Path(settings.LOCALE_PATHS[0]) / code / "LC_MESSAGES" / "django.po"
        entries = catalogue.read_text(encoding="utf-8").split("\n\n")[1:]
        return sum(bool(re.search(r'^msgstr(?:\[\d\])? ""$(?!\n")', entry, re.MULTILINE)) for entry in entries)
