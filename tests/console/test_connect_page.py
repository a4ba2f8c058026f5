"""The page on connecting an agent shows the code of the *Connect* tab, letter for letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.pages.snippets import LANGUAGES, Connection, snippet

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "connect-an-agent.md").read_text()


@pytest.mark.parametrize(
    ("client_id", "redirect_uri"),
    [("claims-filer-7q3x", ""), ("discharge-assistant-4k2m", "https://app.example.org/callback")],
)
def test_the_typescript_of_the_page_is_that_of_the_tab(client_id, redirect_uri):
    about = Connection(
        "https://mandate.example.org",
        client_id,
        "client_secret_basic",
        "https://records.example.org",
        ("records:read",),
        redirect_uri,
    )
    assert f"```ts\n{snippet('typescript', about)}```\n" in PAGE


def test_every_language_of_the_tab_has_its_place_on_the_page():
    for language in LANGUAGES:
        assert f"## {language.label.split()[0]}" in PAGE
