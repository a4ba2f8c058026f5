"""Names that an agent, a client or a person chose for itself, made safe to read.

Escaping stops a name from being markup; this stops it from being a disguise. A character that cannot be seen, that turns the
direction of the text around it, or that only looks like another letter is found here, and shown as what it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 200
"""Characters shown of a name. A longer one is cut with an ellipsis."""

MARKS_ON_ONE_LETTER = 2
STAND_IN = "�"

_JOINERS = "\u200c\u200d"
_EMPTY_LETTERS = "\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5"
_LOOKS_LATIN = {
    "CYRILLIC": frozenset("асеорхуіјѕԁһӏԛԝвнкмтгАВЕКМНОРСТХУІЈЅԌԚԜ"),
    "GREEK": frozenset("οανικρτυχωγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"),
    "ARMENIAN": frozenset("օոսհցՕՍ"),
    "CHEROKEE": frozenset("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᏀᏃᏆᏎᏏᏒᏚᏞᏟᏢᏦ"),
}


@dataclass(frozen=True)
class Piece:
    """A run of characters of a name: plain, or one character that a reader should know about."""

    text: str
    oddity: str = ""
    """What is odd about it, in Unicode's own words; empty for plain text."""
    visible: bool = True


def pieces(name: object) -> list[Piece]:
    """Split a name into plain text and the characters that would mislead a reader. Never longer than ``LONGEST``."""
    text = unicodedata.normalize("NFC", str(name))
    cut = len(text) > LONGEST
    text = text[:LONGEST].rstrip() + "…" if cut else text
    disguised = _letters_in_disguise(text)
    found: list[Piece] = []
    plain: list[str] = []
    marks = 0
    for index, character in enumerate(text):
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if character.isspace() or kind == "Zs":
            if (plain and plain[-1] != " ") or (not plain and found):
                plain.append(" ")
            continue
        if marks > MARKS_ON_ONE_LETTER:
            continue
        hidden = _is_hidden(text, index, kind)
        if not hidden and index not in disguised:
            plain.append(character)
            continue
        if plain:
            found.append(Piece("".join(plain)))
            plain = []
        oddity = f"U+{ord(character):04X} {unicodedata.name(character, 'control character').lower()}"
        found.append(Piece(STAND_IN if hidden else character, oddity, visible=not hidden))
    if rest := "".join(plain).rstrip():
        found.append(Piece(rest))
    return found


def plain_text(name: object) -> str:
    """Return the name as one line of text for a title or a label, with a stand-in for each character that cannot be seen."""
    return "".join(piece.text for piece in pieces(name))


def _is_hidden(text: str, index: int, kind: str) -> bool:
    character = text[index]
    if character in _JOINERS:
        return not (index and _joins(text[index - 1]))
    if "\ufe00" <= character <= "\ufe0f":
        return not (index and unicodedata.category(text[index - 1]) in {"So", "Sm", "Po", "Nd"})
    if "\U000e0100" <= character <= "\U000e01ef":
        return True
    return kind in {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"} or character in _EMPTY_LETTERS


def _joins(before: str) -> bool:
    """Whether a joiner after this character is part of ordinary writing: Arabic and Indic scripts, and emoji."""
    if unicodedata.category(before) in {"So", "Sk", "Mn", "Mc"} or before == "\ufe0f":
        return True
    return unicodedata.bidirectional(before) == "AL" or 0x0900 <= ord(before) <= 0x0DFF


def _letters_in_disguise(text: str) -> frozenset[int]:
    """Find letters that stand for another: written in a second script inside a word, or whole words of Latin look-alikes."""
    found: set[int] = set()
    alike: list[range] = []
    other_words = 0
    for start, word in _words(text):
        scripts = {_script(character) for character in word} - {""}
        mixed = "LATIN" in scripts and len(scripts) > 1
        for offset, character in enumerate(word):
            if _stands_for_ascii(character) or (mixed and _script(character) in _LOOKS_LATIN):
                found.add(start + offset)
        if all(character in _LOOKS_LATIN.get(_script(character), "") for character in word if character.isalpha()):
            alike.append(range(start, start + len(word)))
        elif "LATIN" not in scripts and scripts:
            other_words += 1
    if not other_words:  # beside words that are plainly Greek or Cyrillic, such a word is simply Greek or Cyrillic too
        found.update(place for letters in alike for place in letters if text[place].isalpha())
    return frozenset(found)


def _words(text: str) -> Iterator[tuple[int, str]]:
    start: int | None = None
    for index, character in enumerate(text + " "):
        if character.isalnum() or unicodedata.combining(character):
            start = index if start is None else start
        elif start is not None and unicodedata.category(character) not in {"Cf", "Cc"}:
            yield start, text[start:index]
            start = None


def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").split(" ", 1)[0]
    return first if first in _LOOKS_LATIN or first == "LATIN" else "other"


def _stands_for_ascii(character: str) -> bool:
    """Whether this is a styled copy of an ASCII letter or digit: full-width, mathematical, circled."""
    if character.isascii():
        return False
    base = unicodedata.normalize("NFKC", character)
    return base.isascii() and base.isalnum() and unicodedata.category(character) not in {"No", "Lo"}
