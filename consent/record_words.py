"""Record types as words: they are registered by resources as ``patient-file``, and read by people as "patient files"."""

from __future__ import annotations


def record_type_in_words(record_type: str, count: int) -> str:
    """Return a record type as a word of a sentence: ``patient-file`` and 3 give "patient files".

    Types are registered in the resource's own language; only English ones get a plural.
    """
    words = record_type.replace("-", " ").replace("_", " ")
    if count == 1 or not words.isascii() or words.endswith("s"):
        return words
    if words.endswith("y") and words[-2:-1] not in set("aeiou"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "ch", "sh")) else "s")
