"""What a consent is for: one sentence, which people read and which must not be a disguise (security.md S50)."""

from __future__ import annotations

import unicodedata

from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.texts import one_line

LONGEST_PURPOSE = 500
_JOINERS = "\u200c\u200d"
"""Zero-width characters that Persian, Indic scripts and emoji are written with."""
_EMPTY_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_MOST_MARKS = 3


def clean_purpose(text: str) -> str:
    """Return the purpose in NFC with its blanks (line breaks too) folded, 1 to 500 characters.

    Raises InvalidInput for an empty or longer one, and for characters that cannot be seen, turn the direction of the
    text around them or pile up on one letter: it is read as a sentence of the agent, next to what Mandate says itself.
    """
    purpose = one_line("purpose", text, longest=LONGEST_PURPOSE)
    marks = 0
    for character in purpose:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        hidden = (kind == "Cf" and character not in _JOINERS) or character in _EMPTY_LETTERS
        if hidden or marks > _MOST_MARKS:
            raise InvalidInput("purpose", _("Leave out characters that cannot be seen."))
    return purpose
