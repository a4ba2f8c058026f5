"""What people read can be translated: sentences of refusals and labels go through gettext."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import TextChoices
from django.utils import translation
from django.utils.functional import Promise

from agents.errors import Forbidden
from agents.lifecycle import MOVES
from agents.models import Access, DataClass, Role, State
from agents.permissions import May

BASE_DIR = Path(__file__).parents[2]
REFUSALS = {"BadRedirectUri", "DecisionRefused", "Ended", "InvalidInput", "LinkRefused", "NotReady", "OfferChanged"}
FOR_PROGRAMS = {"consent/oauth", "consent/receipts.py", "console/api", "agents/programs/registration_management.py"}
"""Errors that programs read stay English."""


def _untranslated(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in REFUSALS:
            for said in node.args:
                words = isinstance(said, ast.Constant) and isinstance(said.value, str) and " " in said.value
                if words or (isinstance(said, ast.JoinedStr) and any(" " in str(part) for part in _literals(said))):
                    yield f"{path.relative_to(BASE_DIR)}:{said.lineno}"


def _literals(said: ast.JoinedStr) -> list[object]:
    return [part.value for part in said.values if isinstance(part, ast.Constant) and len(str(part.value)) > 2]


def test_every_sentence_of_a_refusal_can_be_translated():
    paths = [path for floor in ("agents", "consent", "console") for path in (BASE_DIR / floor).rglob("*.py")]
    read = [path for path in paths if not any(str(path.relative_to(BASE_DIR)).startswith(f) for f in FOR_PROGRAMS)]
    assert len(read) > 100
    assert [found for path in read for found in _untranslated(path)] == []


@pytest.mark.parametrize("choices", [Access, DataClass, Role, State])
def test_labels_wait_for_the_language_of_whoever_reads_them(choices: type[TextChoices]):
    assert all(isinstance(member._label_, Promise) for member in choices)


def test_without_a_catalogue_the_english_stays():
    with translation.override("fr"):
        assert Forbidden(May.EDIT_AGENT).sentence.startswith("You may not do this")
        assert str(MOVES["submit"].verb) == "be submitted"


def test_there_is_a_place_for_catalogues(settings):
    assert all(Path(folder).is_dir() for folder in settings.LOCALE_PATHS)
