"""In which language Mandate speaks to somebody: what they chose for themselves, otherwise what is known of them."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.models.user import User, folded_email


def languages() -> dict[str, str]:
    """Return the languages that Mandate speaks, each with its name in itself."""
    return dict(settings.LANGUAGES)


def checked_language(code: str) -> str:
    """Return the code if Mandate speaks it; empty stands for whatever the browser asks for. Raises InvalidInput."""
    if code and code not in languages():
        raise InvalidInput("language", _("Choose one of the languages."))
    return code


def language_at(email: str, *, otherwise: str = "") -> str:
    """Return the language to write to this address in.

    otherwise: what is known of them where they chose none, or where nobody here has this address, such as the language of
    the screen that they decided on.
    """
    chosen = User.objects.filter(email=folded_email(email)).values_list("language", flat=True).first()
    return _spoken(chosen or "") or _spoken(otherwise) or settings.LANGUAGE_CODE


def _spoken(code: str) -> str:
    """Return the code, or nothing for a language that this version has not (a choice outlives an update)."""
    return code if code in languages() else ""
