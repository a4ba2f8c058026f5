"""S50: a name or purpose that tries to look like something else is refused, or shown for what it is."""

from __future__ import annotations

import pytest
from django.utils.html import escape

from agents.errors import InvalidInput
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import opens
from tests.forms import text_of
from tests.security.expected import error_sent_back, is_page_400

pytestmark = pytest.mark.django_db
BACK = "https://app.st-anna.example/callback"
TOO_LONG = "x" * 10_000
DISGUISES = (
    "pay \u202egnihton",
    "zero\u200bwidth",
    "bell\x07",
    "a\x1b[31m",
    "\u2066left",
    TOO_LONG,
    "a\u0301" * 2 + "\u0301" * 9,
)


@pytest.mark.parametrize("purpose", DISGUISES, ids=["bidi", "zero width", "bell", "escape", "isolate", "long", "marks"])
def test_s50_such_a_purpose_is_refused(weber, discharge_client, purpose):
    browser = builders.browser(weber)
    with one_refusal("authorization.refused", "invalid_request"):
        refused = opens(browser, discharge_client, purpose=purpose)
    # What is longer than any parameter is not read at all, so that nothing says where it could be sent back to.
    assert is_page_400(refused) if purpose == TOO_LONG else error_sent_back(refused, to=BACK) == "invalid_request"
    assert opens(browser, discharge_client, purpose="Pay nothing").status_code == 200


@pytest.mark.parametrize("name", ["Mandate\u202eecruos", "bell\x07", "x" * 10_000, ""])
def test_s50_such_a_name_is_not_registered(ada, discharge_assistant, name):
    with pytest.raises(InvalidInput):
        builders.agent(name, owner=ada, active=False)
    with pytest.raises(InvalidInput):
        builders.client(discharge_assistant, name or "\t")


@pytest.mark.parametrize("name", ["A\u200bB", "line\nbreak", "two\u2028lines", "Mandate \u2713"])
def test_s50_other_odd_names_are_refused_or_shown_for_what_they_are(ada, mara, weber, look_up_staff, name):
    try:
        agent = builders.agent(name, owner=ada, scopes=[look_up_staff])
    except InvalidInput:
        return
    assert "\n" not in agent.name
    client = builders.client(agent, "plain")
    for page in (builders.browser(mara).get(f"/agents/{agent.pk}/"), opens(builders.browser(weber), client)):
        assert "\u2028" not in text_of(page)
        # It is marked where the name stands as a name; see tests/console/test_template_tags.py for what is marked.
        assert ("U+200B" in text_of(page)) == ("\u200b" in agent.name)


@pytest.mark.parametrize(
    "purpose", ["<script>alert(1)</script>", "{{ 7*7 }}{% now 'Y' %}", "verified \u2713 by Mandate", "%(x)s {0}"]
)
def test_s50_markup_and_templates_stay_text_and_stand_as_the_agents_words(weber, discharge_client, purpose):
    page = text_of(opens(builders.browser(weber), discharge_client, purpose=purpose))
    assert "<script>alert" not in page
    assert escape(purpose) in page
    assert "app.st-anna.example" in page
    assert "writes" in page  # introduced as the agent's own sentence, beside the registered one
