"""What htmx replaces: the words of a search are read out, and nobody loses the place at which they were typing."""

from __future__ import annotations

import re

import pytest

from tests import builders
from tests.builders import browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]
LISTS = ("/agents/", "/people/", "/consents/", "/trail/")


@pytest.mark.parametrize("path", LISTS)
def test_the_field_of_a_search_stands_outside_of_what_the_search_replaces(mara, discharge_assistant, path):
    whole = browser(mara).get(path).content.decode()
    target = re.search(r'role="search"[^>]*hx-target="#([^"]+)"', whole).group(1)
    assert whole.count(f'id="{target}"') == 1
    assert whole.index('id="filter-q"') < whole.index(f'id="{target}"')
    part = browser(mara).get(path, {"q": "a"}, HTTP_HX_REQUEST="true").content.decode()
    assert f'id="{target}"' not in part
    assert 'role="search"' not in part


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("words", ["", "nobody and nothing is called so"])
def test_how_much_was_found_is_read_out_and_not_the_whole_list(mara, discharge_assistant, path, words):
    whole = browser(mara).get(path).content.decode()
    assert whole.count('<p id="found-count" class="visually-hidden" role="status"></p>') == 1
    part = browser(mara).get(path, {"q": words}, HTTP_HX_REQUEST="true").content.decode()
    assert re.search(r'<p id="found-count" hx-swap-oob="innerHTML">[^<]+</p>', part)
    assert "aria-live" not in part


def test_the_ways_to_other_pages_keep_the_focus(mara, ada):
    for number in range(60):
        builders.agent(f"Agent {number:02}", owner=ada, active=False)
    part = browser(mara).get("/agents/", {"page": 2}, HTTP_HX_REQUEST="true").content.decode()
    for name in ("pager-back", "pager-on", "sort-name"):
        assert part.count(f'id="{name}"') == 1


def test_the_activity_of_an_agent_is_replaced_where_it_stands(mara, discharge_assistant):
    url = f"{discharge_assistant.get_absolute_url()}activity/"
    assert browser(mara).get(url).content.decode().count('id="events"') == 1
    assert 'id="events"' not in browser(mara).get(url, HTTP_HX_REQUEST="true").content.decode()
