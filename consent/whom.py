"""Whom the data of a permission is about, as a sentence behind its own words. Wherever a permission is read."""

from __future__ import annotations

from django.utils.translation import gettext as _


def detail_with_whom(detail: str, concerns: str) -> str:
    """Return the detail of a wording, followed by whom the data is about where that is said."""
    about = _("About: %(whom)s.") % {"whom": concerns} if concerns else ""
    return " ".join(part for part in (detail, about) if part)
