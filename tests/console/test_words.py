"""What people read is there in every language, whole, and is what the compiled catalogues say."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from django.conf import settings

from tests.console.words import Message, catalogue, in_python, in_template, messages, placeholders

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
pytestmark = pytest.mark.parametrize("language", LANGUAGES)


def test_every_text_is_in_the_catalogue_and_nothing_else(language):
    kept = {entry.message for entry in catalogue(language)}
    missing = sorted(messages() - kept)
    assert not missing, f"run make words, and translate: {missing[:20]}"
    assert not kept - messages(), "run make words: these are said nowhere any more"


def test_every_text_is_translated_with_everything_that_is_filled_in(language):
    for entry in catalogue(language):
        message = entry.message
        assert "fuzzy" not in entry.flags, message
        assert all(entry.forms), message
        assert len(entry.forms) == (2 if message.plural else 1), message
        for number, form in enumerate(entry.forms):
            said = message.plural if number else message.text
            assert placeholders(form) == placeholders(said), (said, form)
            assert (form[:1].isspace(), form[-1:].isspace()) == (said[:1].isspace(), said[-1:].isspace()), (said, form)


def test_markup_of_a_text_is_the_same_in_every_language(language):
    for entry in catalogue(language):
        for form in entry.forms:
            assert form.count("<") == entry.message.text.count("<"), entry.message


def test_the_compiled_catalogue_is_the_one_that_people_read(language):
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    said = {}
    for entry in catalogue(language):
        message = entry.message
        name = f"{message.context}\x04{message.text}" if message.context else message.text
        said |= {(name, number) if message.plural else name: form for number, form in enumerate(entry.forms)}
    assert {name: form for name, form in compiled.items() if name} == said, "run make words"


def test_the_reader_of_code_and_templates_finds_what_people_read(language):
    code = """
from django.utils.translation import gettext as _, ngettext, pgettext_lazy
said = f"{_('inside')} {ngettext('one', 'many', 3)}"
other = pgettext_lazy("done", "read"), _(said)
"""
    assert set(in_python(code)) == {Message("inside"), Message("one", "many"), Message("read", context="done")}
    page = (
        '{% load i18n %}{% translate "It\'s here" %}'
        '{% chip "x" _("a chip") %}{{ day|date:_("j M") }}'
        '{% blocktranslate count n=2 with a=b|date:_("j F") %}{{ n }} {{ a }}{% plural %}{{ n }} × {{ a }}{% endblocktranslate %}'
        '{% translate "read" context "done" %}{# {% translate "left out" %} #}'
    )
    assert set(in_template(page)) == {
        Message("It's here"),
        Message("a chip"),
        Message("j M"),
        Message("j F"),
        Message("%(n)s %(a)s", "%(n)s × %(a)s"),
        Message("read", context="done"),
    }
