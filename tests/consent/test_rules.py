"""What sensitivity rules do to decisions: the purpose confirmed, the longest time, and whether a consent is remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agents.errors import InvalidInput
from agents.models import Client, Scope, User
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.consent.asking import allows, answer_of, decides, opens, screen, ticked
from tests.forms import form_of, text_of
from tests.ruling import rule

pytestmark = pytest.mark.django_db


def test_a_rule_lets_the_purpose_of_personal_data_be_confirmed_too(weber: User, discharge_client: Client) -> None:
    rule("personal", purpose_required=True)
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read")
    refused = decides(browser, form)
    assert refused.status_code == 400
    assert "Confirm what it is for" in text_of(refused)
    assert "code" in answer_of(decides(browser, form_of(refused), purpose_ok=["on"]))


def test_a_rule_can_let_health_data_go_without_the_tick(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    rule("health", purpose_required=False)
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="records:read")
    assert "purpose_ok" not in text_of(page)
    assert "code" in answer_of(decides(browser, form_of(page), scope=ticked(read_records)))


def test_a_permission_of_two_classes_is_under_both_rules(weber: User, mara: User, ada: User) -> None:
    at = builders.resource("Archive")
    shred = builders.scope(at, "files:delete", "Delete files", access="delete", data_class="personal")
    client = builders.client(builders.agent("Shredder", owner=ada, scopes=[shred]))
    rule("personal", longest_life=timedelta(days=30))
    rule("delete", longest_life=timedelta(hours=2))
    with pytest.raises(InvalidInput) as problem:
        builders.consent(weber, client, life=timedelta(hours=3))
    assert problem.value.field == "until"
    builders.consent(weber, client, life=timedelta(hours=2))


def test_the_screen_offers_no_end_beyond_the_rule(weber: User, discharge_client: Client) -> None:
    rule("personal", longest_life=timedelta(hours=8))
    page = text_of(opens(builders.browser(weber), discharge_client, scope="calendar:read staff:read"))
    assert "At most 8 hours." not in page  # it limits all of it, and is said at the choices
    assert "30 days: too long for what it asks" in page


def test_a_permission_limited_more_than_the_rest_says_so(weber: User, discharge_client: Client) -> None:
    rule("health", longest_life=timedelta(hours=8))
    page = text_of(opens(builders.browser(weber), discharge_client))
    assert page.count("At most 8 hours.") == 2


def test_a_rule_that_changes_between_showing_and_deciding_brings_the_screen_again(
    weber: User, discharge_client: Client
) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="calendar:read")
    rule("personal", longest_life=timedelta(hours=1))
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "offer_changed"):
        assert decides(browser, form).status_code == 409
    assert not Consent.objects.exists()


def test_a_consent_is_not_remembered_where_a_rule_says_so(weber: User, discharge_client: Client) -> None:
    allows(weber, discharge_client, scope="calendar:read staff:read")
    browser = builders.browser(weber)
    assert "code" in answer_of(opens(browser, discharge_client, scope="calendar:read"))
    rule("personal", remember_allowed=False)
    assert opens(browser, discharge_client, scope="calendar:read").status_code == 200
    silent = answer_of(opens(browser, discharge_client, scope="calendar:read", prompt="none"))
    assert silent["error"] == "consent_required"
    assert "code" in answer_of(opens(browser, discharge_client, scope="staff:read"))  # a class that may be


def test_a_shorter_longest_time_brings_the_screen_back(weber: User, discharge_client: Client) -> None:
    allows(weber, discharge_client, scope="calendar:read")
    rule("personal", longest_life=timedelta(hours=1))
    assert opens(builders.browser(weber), discharge_client, scope="calendar:read").status_code == 200


def test_what_stands_is_left_unless_it_is_to_pause(
    weber: User, discharge_client: Client, see_appointments: Scope, now: datetime
) -> None:
    given = builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    rule("personal", longest_life=timedelta(days=7))
    given.refresh_from_db()
    assert given.status(now) == "live"
    (event,) = builders.events(Kind.RULE_CHANGED)
    assert event.detail["paused"] == 0


def test_what_goes_beyond_the_rule_pauses_and_says_why(
    weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope, mara: User
) -> None:
    longer = builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    within = builders.consent(
        weber, discharge_client, [see_appointments], life=timedelta(days=5), purpose="Something short"
    )
    other = builders.consent(weber, discharge_client, [look_up_staff], life=timedelta(days=30), purpose="Staff only")
    rule("personal", longest_life=timedelta(days=7), pause_beyond=True)

    assert set(Consent.objects.filter(paused_at__isnull=False)) == {longer}
    assert {within, other} <= set(Consent.objects.filter(paused_at=None))
    (event,) = builders.events(Kind.RULE_CHANGED)
    assert event.detail["paused"] == 1
    (paused,) = builders.events(Kind.CONSENT_PAUSED)
    assert (paused.consent_id, paused.actor_id) == (longer.pk, mara.pk)
    page = text_of(builders.browser(weber).get(f"/consents/{longer.pk}/changes/"))
    assert "Personal data" in page
    assert "as each permission says" in page
    assert "7 days" in page


def test_who_decides_again_gets_no_more_than_the_rule(
    weber: User, discharge_client: Client, see_appointments: Scope, now: datetime
) -> None:
    longer = builders.consent(weber, discharge_client, [see_appointments], life=timedelta(days=30))
    rule("personal", longest_life=timedelta(days=7), pause_beyond=True)
    browser = builders.browser(weber)
    form = form_of(browser.get(f"/consents/{longer.pk}/changes/"))
    response = browser.post(f"/consents/{longer.pk}/changes/", {**form, "decision": "allow"})
    assert response.status_code == 302, text_of(response)
    new = Consent.objects.get(superseded_at=None)
    assert new.ends_at - new.starts_at <= timedelta(days=7)
    assert new.status(now + timedelta(minutes=1)) == "live"


def test_consents_of_the_organisation_are_under_the_same_rule(
    claims_client: Client, mara: User, see_appointments: Scope
) -> None:
    given = builders.consent(None, claims_client, life=timedelta(days=30))
    rule("personal", longest_life=timedelta(days=7), pause_beyond=True)
    given.refresh_from_db()
    assert given.paused_at is not None
    assert "Look at the change" in text_of(builders.browser(mara).get("/"))
