"""Texts that people enter: trimmed, short enough, and without characters that hide or break something."""

from __future__ import annotations

import unicodedata

from django.utils.translation import gettext as _

from agents.errors import InvalidInput

LONGEST_REASON = 500
_INVISIBLE = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
_TURNS_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def one_line(field: str, text: str, *, longest: int, needed: bool = True) -> str:
    """Return the text in NFC with its blanks folded. Raises InvalidInput for what may not stand in a line.

    Control characters and those that turn the direction of the text around them are refused: a name is read next to
    others, on consent screens too. longest: in characters, as the column keeps them.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if needed and not text:
        raise InvalidInput(field, _("Fill this in."))
    if len(text) > longest:
        raise InvalidInput(
            field,
            _("Use at most %(longest)s characters; these are %(length)s.") % {"longest": longest, "length": len(text)},
        )
    if any(unicodedata.category(character) in _INVISIBLE or character in _TURNS_DIRECTION for character in text):
        raise InvalidInput(field, _("Leave out characters that cannot be seen."))
    return text


def reason_of(text: str) -> str:
    """Return the reason that somebody gave. Raises InvalidInput when there is none."""
    if not text.strip():
        raise InvalidInput("reason", _("Say why, in a few words. It is kept with the event."))
    return one_line("reason", text, longest=LONGEST_REASON)


def without_hidden(text: str) -> str:
    """Return a text that somebody else's program wrote, as one line without what hides or turns anything.

    What parts two words, a new line as well, goes on parting them.
    """
    kept = (
        character
        for character in text
        if character.isspace()
        or (unicodedata.category(character) not in _INVISIBLE and character not in _TURNS_DIRECTION)
    )
    return " ".join("".join(kept).split())
