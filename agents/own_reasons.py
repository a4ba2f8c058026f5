"""Reasons that Mandate gives itself: kept as codes, and said in the language of whoever reads them.

Whatever a person writes is kept as they wrote it; nobody's words are translated.
"""

from __future__ import annotations

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class OwnReason(StrEnum):
    """Why something was done, where no person was asked for a reason."""

    KEY_HAS_SIGNED_LONG = "mandate:key_has_signed_long"
    REGISTERED_IN_ONE_STEP = "mandate:registered_in_one_step"
    END_DATE_PASSED = "mandate:end_date_passed"


WORDS: dict[str, str | Promise] = {
    OwnReason.KEY_HAS_SIGNED_LONG: _("It has signed for 90 days."),
    OwnReason.END_DATE_PASSED: _("Its end date has passed."),
    OwnReason.REGISTERED_IN_ONE_STEP: _("Registered and asked for in one step."),
}


def in_words(reason: str) -> str:
    """Return a kept reason as people read it."""
    return str(WORDS.get(reason, reason))
