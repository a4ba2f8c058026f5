"""The shell of the pages: what each person may find in it, and what no template may contain."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.http import Http404
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import resolve

from console.navigation import ACCOUNT_PLACES, OWN_PLACES, PLACES, items, navigation
from console.pages.styleguide import styleguide
from tests import builders

BASE = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((BASE / "templates").rglob("*.html"))
SCRIPTS = sorted((BASE / "static").glob("*.js"))


def asked_by(person, path: str = "/"):
    request = RequestFactory().get(path)
    request.user = person
    return request


def places_of(person) -> set[str]:
    seen = PLACES + OWN_PLACES
    return {place.page for place in seen if place.needs is None or person.has_perm(place.needs)}


def test_a_user_sees_only_what_is_theirs(weber):
    assert places_of(weber) == {"trail", "inbox", "my-agents", "account"}


def test_an_owner_sees_everything_but_people_and_the_settings(ada, mara):
    assert places_of(mara) - places_of(ada) == {"people", "settings"}


@pytest.mark.parametrize("name", ["mara", "omar", "ada", "weber"])
def test_every_place_that_somebody_is_shown_opens(name, request):
    person = request.getfixturevalue(name)
    browser = builders.browser(person)
    for item in items(asked_by(person), PLACES + OWN_PLACES):
        assert browser.get(item.url).status_code == 200, item.url


def test_an_auditor_sees_everything_but_the_settings(omar, mara):
    assert places_of(mara) - places_of(omar) == {"settings"}


def test_the_place_one_is_at_is_marked(mara):
    at = [item.url for item in items(asked_by(mara, "/account/2fa/"), ACCOUNT_PLACES) if item.current]
    assert at == ["/account/2fa/"]


def test_the_changes_of_a_program_belong_to_unclaimed_software(mara):
    request = asked_by(mara, "/programs/019b5b7a-0000-7000-8000-000000000000/changes/")
    request.resolver_match = resolve(request.path)
    assert [item.page for item in items(request, PLACES) if item.current] == ["unclaimed"]


def test_the_shell_names_the_organisation(mara):
    assert str(navigation(asked_by(mara))["organisation_name"])


def test_the_gallery_shows_every_part(mara, settings):
    settings.STYLEGUIDE = True
    shown = styleguide(asked_by(mara, "/styleguide/")).content.decode()
    for part in ("chain", "scopes", "events", "plot", "secret", "empty", "facts", "tabs", "crumbs", "pager", "<dialog"):
        assert part in shown
    assert shown.count("<h1") == 1


def test_the_gallery_is_not_there_for_the_public(mara, settings):
    settings.STYLEGUIDE = False
    with pytest.raises(Http404):
        styleguide(asked_by(mara, "/styleguide/"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(BASE)))
def test_a_template_holds_nothing_that_the_policy_forbids(template):
    text = template.read_text()
    text = re.sub(r"{% comment %}.*?{% endcomment %}|{#.*?#}", "", text, flags=re.DOTALL)
    assert not re.search(r"\sstyle=|\son[a-z]+=|hx-on|javascript:|\|safe\b|autoescape off|mark_safe", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_small_and_writes_no_markup(script):
    text = script.read_text()
    assert len(text.splitlines()) < 60
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b", text
    )


def test_the_stylesheet_uses_tokens_only():
    css = (BASE / "static" / "mandate.css").read_text()
    components = css[css.index("@layer components {") :]
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", components)
    assert not re.search(r"(^|[\s,{}])#[a-z]", components)


def test_styles_and_scripts_fit_their_budget():
    sent = [
        *(BASE / "static").glob("*.js"),
        *(BASE / "static").glob("*.css"),
        *(BASE / "static" / "vendor").glob("*.js"),
    ]
    assert sum(len(gzip.compress(path.read_bytes())) for path in sent) < 60_000


def test_a_mail_about_a_change_says_where_it_came_from_and_what_to_do():
    facts = {"ip": "10.20.4.17", "user_agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0", "timestamp": "24 Nov"}
    said = render_to_string("mfa/email/webauthn_added_message.txt", facts)
    assert "10.20.4.17, with Firefox on Linux" in said
    assert "It was not you?" in said
