"""Every text that people read, found in the code and templates without GNU gettext, and the catalogues as they are kept.

Python is read as a syntax tree, so that a text inside an f-string is found too, which xgettext walks past. Templates are
turned into calls by Django itself and read from these.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

FUNCTIONS = {"gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
WITH_CONTEXT = {"pgettext": 1, "pgettext_lazy": 1, "npgettext": 2, "npgettext_lazy": 2}
IN_TEMPLATE = re.compile(
    r"""\s(?P<name>n?p?gettext|_)\((?P<arguments>(?:u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\s*,?\s*)+)"""
)
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}")


@dataclass(frozen=True, order=True)
class Message:
    """One text, as a catalogue names it."""

    text: str
    plural: str = ""
    context: str = ""


@dataclass
class Entry:
    """One text of a catalogue with what it is in that language: one form, or one for each plural."""

    message: Message
    forms: list[str] = field(default_factory=list)
    flags: str = ""


def messages() -> set[Message]:
    """Return every text that is marked in Mandate's own code and templates."""
    found = set[Message]()
    for app in ("agents", "consent", "console"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            found.update(in_python(path.read_text("utf-8")))
    for path in (settings.BASE_DIR / "templates").rglob("*.*"):
        found.update(in_template(path.read_text("utf-8")))
    return found


def in_python(source: str) -> Iterator[Message]:
    """Yield the texts of a module, by whatever name it imports gettext's functions."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if found := _message(names.get(node.func.id, ""), texts):
                yield found


def in_template(source: str) -> Iterator[Message]:
    """Yield the texts of a template."""
    for call in IN_TEMPLATE.finditer(templatize(source)):
        arguments = ast.literal_eval(f"({call['arguments'].rstrip().rstrip(',')},)")
        if found := _message("gettext" if call["name"] == "_" else call["name"], arguments):
            yield found


def _message(function: str, texts: Iterable[str]) -> Message | None:
    texts = list(texts)
    context = texts.pop(0) if function in WITH_CONTEXT and texts else ""
    wanted = FUNCTIONS.get(function) or WITH_CONTEXT.get(function) or 0
    if not wanted or len(texts) < wanted:
        return None
    return Message(texts[0], texts[1] if wanted == 2 else "", context)


def catalogue(language: str) -> list[Entry]:
    """Read ``locale/<language>/LC_MESSAGES/django.po``, its head left out."""
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"
    return [entry for block in path.read_text("utf-8").split("\n\n") if (entry := _entry(block)) and entry.message.text]


def _entry(block: str) -> Entry | None:
    parts: dict[str, str] = {}
    flags, key = "", ""
    for line in block.splitlines():
        if line.startswith("#,"):
            flags += line
        elif match := re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line):
            key = match[1]
            parts[key] = ast.literal_eval(match[2])
        elif line.startswith('"'):
            parts[key] += ast.literal_eval(line)
    if "msgid" not in parts:
        return None
    message = Message(parts["msgid"], parts.get("msgid_plural", ""), parts.get("msgctxt", ""))
    return Entry(message, [parts[name] for name in sorted(parts) if name.startswith("msgstr")], flags)


def placeholders(text: str) -> list[str]:
    """Return what is filled in, each once."""
    return sorted(set(PLACEHOLDER.findall(text)))
