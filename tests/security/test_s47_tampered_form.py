"""S47: a form that is not the one that was shown makes nothing; what is stored is what was shown.

Field by field, with one event each: ``tests/consent/test_decision.py``. Here: what an attacker would put into them.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent.models import AuthorizationCode, Consent
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import answer_of, decides, screen, ticked

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign(records):
    """A scope that the agent may not ask for."""
    return builders.scope(records, "files:delete", "Delete files", access="delete")


def test_s47_the_screens_of_two_requests_are_not_mixed(weber, discharge_client, discharge_assistant, look_up_staff):
    other = builders.client(discharge_assistant, "other", redirect_uris=["https://other.st-anna.example/cb"])
    browser = builders.browser(weber)
    one, two = screen(browser, discharge_client), screen(browser, other, scope="staff:read")
    with one_refusal("consent.form_refused", "form_tampered"):
        response = decides(browser, two, scope=one["scope"])  # more than the second one asked for
    assert response.status_code == 400
    assert not Consent.objects.exists()
    back = decides(browser, one | {"shown": two["shown"], "scope": ticked(look_up_staff)})
    assert back.headers["Location"].startswith("https://other.st-anna.example/cb?")


def test_s47_nothing_is_added_to_what_was_shown(weber, discharge_client, foreign, read_records):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="staff:read")
    for more in (foreign, read_records):
        with one_refusal("consent.form_refused", "form_tampered"):
            assert decides(browser, form, scope=[*form["scope"], str(more.pk)]).status_code == 400
    for name, value in (("client_id", "x"), ("redirect_uri", "https://evil.example"), ("state", "x"), ("user", "x")):
        assert decides(browser, form, **{name: value}).status_code == 400
    assert not Consent.objects.exists()
    assert not AuthorizationCode.objects.exists()
    assert "code" in answer_of(decides(browser, form))
    assert [row.scope.name for row in Consent.objects.get().consent_scopes.all()] == ["staff:read"]


def test_s47_a_required_one_is_not_taken_out(ada, mara, weber, see_appointments, look_up_staff):
    agent = builders.agent("Needs", owner=ada, scopes=[see_appointments, look_up_staff], required=[see_appointments])
    browser = builders.browser(weber)
    form = screen(browser, builders.client(agent))
    with one_refusal("consent.form_refused"):
        assert decides(browser, form, scope=ticked(look_up_staff)).status_code == 400
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    "until", [{"until": "9999"}, {"until": "custom", "until_at": "2999-01-01T10:00"}, {"until": ""}]
)
def test_s47_no_end_past_the_limit(weber, discharge_client, until):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    assert decides(browser, form, **until).status_code == 400
    assert not Consent.objects.exists()


def test_s47_what_is_stored_is_what_was_shown(weber, discharge_client, look_up_staff, now):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, purpose="Letters of today")
    answer_of(decides(browser, form, scope=ticked(look_up_staff), until="1h"))
    given = Consent.objects.get()
    assert given.purpose == "Letters of today"
    assert given.user == weber
    assert given.redirect_host == "app.st-anna.example"
    assert abs(given.ends_at - now - timedelta(hours=1)) < timedelta(minutes=1)
    assert [row.wording.title for row in given.consent_scopes.all()] == ["Look up staff"]
