"""What pages show is escaped, undisguised and exact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django import forms
from django.template import engines
from django.template.loader import get_template, render_to_string

from agents.models.agent import State
from console.templatetags.bar_plot import bar_plot
from console.templatetags.browsers import browser_name
from console.templatetags.chips import CHIPS
from console.templatetags.mandate import bdi_name, initials, plain_name, thin

NOW = datetime(2026, 11, 24, 10, 42, 7, tzinfo=UTC)


def rendered(source: str, **context: object) -> str:
    return engines["django"].from_string(source).render({"now": NOW, **context})


# ------------------------------------------------------------------------------------------------- names of one's choice


def test_an_ordinary_name_is_only_isolated():
    assert bdi_name("Discharge Assistant") == "<bdi>Discharge Assistant</bdi>"


def test_a_name_cannot_become_markup():
    shown = bdi_name('<img src=x onerror="alert(1)">')
    assert "<img" not in shown
    assert "&lt;img" in shown


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",
        "\u202d",
        "\u2066",
        "\u2069",
        "\u200f",
        "\u061c",
        "\u200b",
        "\u2060",
        "\ufeff",
        "\u00ad",
        "\x00",
        "\x1b",
        "\x7f",
        "\u3164",
        "\u2800",
        "\u115f",
        "\U000e0041",
        "\U000e0101",
        "\ue000",
    ],
)
def test_a_character_that_cannot_be_seen_is_marked_and_never_emitted(hidden):
    for shown in (bdi_name(f"Pay{hidden}pal"), plain_name(f"Pay{hidden}pal")):
        assert hidden not in shown
        assert "�" in shown
    assert f"U+{ord(hidden):04X}" in bdi_name(f"Pay{hidden}pal")
    assert "look-alike" in bdi_name(f"Pay{hidden}pal")


@pytest.mark.parametrize(
    ("name", "disguised"),
    [
        ("Clаims Filer", "а"),  # a Cyrillic a inside a Latin word
        ("Gοogle", "ο"),  # a Greek omicron
        ("Сору", "С"),  # wholly Cyrillic, and every letter looks Latin
        ("Сору Bot", "С"),
        ("𝐂laims", "𝐂"),
        ("Ｃlaims", "Ｃ"),
    ],
)
def test_a_letter_that_only_looks_like_another_is_marked(name, disguised):
    assert f">{disguised}</mark>" in bdi_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Žofie Müller",
        "José",
        "مساعد الخروج",
        "می‌خواهم",
        "क्‍ष",
        "Помощник врача",
        "Он тоже помощник",
        "Βοηθός γιατρού",
        "患者助手",
        "👩\u200d⚕\ufe0f helper",
        "Bot №2",
        "Agent ½",
        "O’Brien",
        "R2-D2",
    ],
)
def test_honest_names_in_any_script_are_left_alone(name):
    assert "<mark" not in bdi_name(name)


def test_a_name_stays_on_one_line_and_within_its_length():
    assert plain_name("Lab\n\n\tMonitor  \u3000x") == "Lab Monitor x"
    assert len(plain_name("a" * 5000)) == 201
    assert len(plain_name("Z" + "\u0301" * 500)) < 5


def test_initials_stand_for_the_name():
    assert [initials(name) for name in ("Mara Keller", "Dr. Jonas Weber", "Inbox", "", "\u202e", "a b c")] == [
        "MK",
        "JW",
        "IN",
        "?",
        "?",
        "AC",
    ]


# --------------------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-3), "3 min ago"),
        (timedelta(hours=-5), "5 h ago"),
        (timedelta(minutes=20), "in 20 min"),
        (timedelta(hours=23), "in 23 h"),
        (timedelta(days=-3), "21 Nov"),
        (timedelta(days=-400), "20 Oct 2025"),
    ],
)
def test_a_time_is_relative_within_a_day_and_a_date_beyond(away, said):
    shown = rendered("{% when moment %}", moment=NOW + away)
    assert f">{said}</time>" in shown


def test_a_time_always_carries_the_exact_one_with_its_zone():
    shown = rendered("{% when moment %}", moment=NOW - timedelta(minutes=3))
    assert 'datetime="2026-11-24T10:39:07Z"' in shown
    assert 'title="24 November 2026, 10:39:07 UTC"' in shown


def test_other_ways_to_say_a_time():
    assert ">10:42:07<" in rendered('{% when moment "clock" %}', moment=NOW)
    assert ">23 Nov, 10:42<" in rendered('{% when moment "clock" %}', moment=NOW - timedelta(days=1))
    assert ">today, 18:00<" in rendered('{% when moment "until" %}', moment=NOW.replace(hour=18, minute=0, second=0))
    assert ">24 November 2026, 10:42:07 UTC<" in rendered('{% when moment "exact" %}', moment=NOW)
    assert ">today<" in rendered("{% when moment %}", moment=date(2026, 11, 24))
    assert rendered('{% when moment none="never" %}', moment=None) == "never"


# --------------------------------------------------------------------------------------------------- chips and numbers


def test_a_chip_says_in_a_word_what_its_colour_means():
    shown = rendered("{% chip kind %}", kind=State.SUSPENDED)
    assert 'class="chip warn"' in shown
    assert shown.endswith("suspended</span>")


def test_a_kind_that_nobody_knows_is_shown_as_it_is_and_escaped():
    assert "&lt;b&gt;" in rendered("{% chip kind %}", kind="<b>")
    assert rendered("{% chip kind %}", kind=None) == ""


def test_every_chip_has_an_icon_that_exists(settings):
    symbols = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    for chip in CHIPS.values():
        assert f'id="{chip.icon}"' in symbols


def test_every_icon_named_in_a_template_exists(settings):
    symbols = set(re.findall(r'symbol id="([^"]+)"', (settings.BASE_DIR / "static" / "icons.svg").read_text()))
    named = {
        (icon, path.name)
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        for icon in re.findall(r'{% icon "([^"]+)"', path.read_text())
    }
    assert len(named) > 20
    assert not [(icon, where) for icon, where in named if icon not in symbols]


def test_long_numbers_have_thin_groups():
    assert thin(10418233) == "10\u202f418\u202f233"
    assert thin(999) == "999"
    assert thin("many") == "many"


def test_a_browser_is_named_by_what_it_claims():
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0"
    assert browser_name(edge) == "Edge on Windows"
    assert browser_name("<script>") == "<script>"
    assert rendered("{{ claim|browser }}", claim="<script>") == "&lt;script&gt;"


# ------------------------------------------------------------------------------------------------------------- drawing


@dataclass(frozen=True)
class Day:
    date: date
    issued: int
    refused: int


def test_the_plot_shows_each_day_as_bars_and_as_a_table():
    days = [Day(date(2026, 11, 23), 1160, 38), Day(date(2026, 11, 24), 0, 0)]
    shown = rendered("{% plot days %}", days=days)
    assert "<title" in shown
    assert shown.count("<rect") == 2
    assert "1\u202f160" in shown
    assert "<caption" in shown
    assert "style=" not in shown


def test_bars_stay_inside_the_plot():
    for issued, refused in [(0, 0), (1, 0), (0, 1), (1, 1), (7, 3), (999, 1), (1_000_000, 1), (3, 4_000_000)]:
        plot = bar_plot([Day(date(2026, 11, 24), issued, refused)])
        bar = plot.bars[0]
        assert plot.top >= issued + refused
        assert plot.half * 2 == plot.top
        assert 0 <= float(bar.refused_y) <= float(bar.issued_y) <= 120


def test_a_qr_code_is_drawn_in_the_page():
    shown = rendered('{% qr_code text "Scan me" %}', text="otpauth://totp/x")
    assert shown.startswith("<svg")
    assert "data:" not in shown
    assert "style=" not in shown


# --------------------------------------------------------------------------------------------------------- form fields


class Ask(forms.Form):
    name = forms.CharField(label="Name", help_text="People read it.")


def test_help_and_error_are_tied_to_their_control():
    shown = render_to_string("components/field.html", {"field": Ask({"name": ""})["name"]})
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown
    assert 'id="id_name_error"' in shown
    assert 'class="input"' in shown


def test_errors_are_summed_up_at_the_top_with_focus_and_lead_to_their_fields():
    shown = render_to_string("components/form_errors.html", {"form": Ask({"name": ""})})
    assert "autofocus" in shown
    assert 'href="#id_name"' in shown
    assert render_to_string("components/form_errors.html", {"form": Ask()}).strip() == ""


def test_the_chain_draws_only_the_links_there_are():
    chain = SimpleNamespace(
        human=SimpleNamespace(title="Dr. Jonas Weber", url="/people/1/"),
        consent=SimpleNamespace(title="<b>letters</b>", broken=True, detail="revoked"),
    )
    shown = render_to_string("components/chain.html", {"chain": chain})
    assert shown.count("<li") == 2
    assert 'class="broken"' in shown
    assert "<b>" not in shown


@pytest.mark.parametrize("page", ["400", "403", "403_csrf", "404", "429", "500"])
def test_an_error_page_needs_neither_context_nor_database(page):
    shown = get_template(f"{page}.html").render()
    assert shown.count("<h1>") == 1
    assert "style=" not in shown
