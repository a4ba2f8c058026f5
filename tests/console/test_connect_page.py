"""The page on connecting an agent and the *Connect* tab say the same. The programs of the tab run in ``tests/clients``."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.pages.snippets import LANGUAGES, Connection, snippet

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "connect-an-agent.md").read_text()


@pytest.mark.parametrize("file", ["agent.py", "agent.sh"])
def test_the_examples_of_one_key_have_twenty_lines(file):
    code = (DOCS / "examples" / "one_key" / file).read_text()
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_the_example_in_python_is_that_of_the_tab():
    about = Connection(
        "https://mandate.example.org", "any", "client_secret_basic", "https://records.example.org", ("records:read",)
    )
    _, _, example = (DOCS / "examples" / "one_key" / "agent.py").read_text().partition('"""\n\n')
    assert example == snippet("key", about)


def test_every_language_of_the_tab_has_its_place_on_the_page():
    for language in LANGUAGES:
        assert f"## {language.label.split()[0]}" in PAGE
