"""Step-up: an agent that may do something already asks for more, naming only what is new (RFC 6750 §3.1, RFC 9728)."""

from __future__ import annotations

import pytest

from consent.models import Consent
from tests import builders
from tests.consent.asking import VERIFIER, answer_of, opens, screen
from tests.consent.asking import decides as decides_on_screen
from tests.forms import text_of
from tests.grants import Pkce, TokenClient
from tests.out_of_band import asked_id, asking_client, decides, joins_circle, polls, request_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]

PURPOSE = "Plan the ward round"
AT_RECORDS = "https://records.st-anna.example"


@pytest.fixture
def robot(discharge_assistant, weber, mara, see_appointments):
    """A client of the assistant that Weber lets see his appointments."""
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    builders.consent(weber, robot.client, [see_appointments], purpose=PURPOSE)
    return robot


def scopes_of(consent: Consent) -> set[str]:
    return set(consent.consent_scopes.values_list("scope__name", flat=True))


def test_by_asking_out_of_band_what_was_held_stays(robot: TokenClient, weber, records_api, look_up_staff):
    secret = asked_id(robot, weber, scope="letters:write", purpose=PURPOSE)
    request = request_of(secret)
    assert request.kind == "step_up"
    page = text_of(builders.browser(weber).get(request.get_absolute_url()))
    assert "See your appointments" in page
    assert page.count("Write draft letters") == 1
    assert "Look up staff" not in page

    ticked = request.agent.agent_scopes.filter(scope__name__in=["calendar:read", "letters:write"])
    assert decides(weber, request, scopes=[row.scope for row in ticked]).status_code == 302
    token = polls(robot, secret).json()
    assert set(token["scope"].split()) == {"calendar:read", "letters:write"}
    assert records_api.introspects(token["access_token"])["scope"] == token["scope"]
    old, new = Consent.objects.order_by("starts_at")
    assert (old.superseded_by, scopes_of(new)) == (new, {"calendar:read", "letters:write"})
    again = robot.refresh(token["refresh_token"], scope="calendar:read letters:write").json()
    assert set(again["scope"].split()) == {"calendar:read", "letters:write"}


def test_by_the_authorization_endpoint_too(robot: TokenClient, weber, see_appointments, write_letters):
    browser = builders.browser(weber)
    form = screen(browser, robot.client, scope="letters:write", purpose=PURPOSE, resource=AT_RECORDS)
    assert form["scope"] == [str(see_appointments.pk)]  # held: ticked; new and sensitive: not
    both = [str(see_appointments.pk), str(write_letters.pk)]
    assert "code" in answer_of(decides_on_screen(browser, form, scope=both, purpose_ok=["on"]))
    assert scopes_of(Consent.objects.latest("starts_at")) == {"calendar:read", "letters:write"}


def test_what_is_unticked_ends_with_the_old_consent(robot: TokenClient, weber, look_up_staff):
    secret = asked_id(robot, weber, scope="staff:read", purpose=PURPOSE)
    decides(weber, request_of(secret), scopes=[look_up_staff])
    assert polls(robot, secret).json()["scope"] == "staff:read"
    assert scopes_of(Consent.objects.latest("starts_at")) == {"staff:read"}


def test_under_a_remembered_consent_a_token_still_gets_only_what_was_asked(discharge, weber, records_api):
    """Only a decision on a screen carries over what was held. Where nobody was asked, nothing more is given."""
    client = discharge.client
    both = "calendar:read records:read"
    browser = builders.browser(weber)
    form = screen(browser, client, scope=both, purpose=PURPOSE)
    everything = [row.scope for row in client.agent.agent_scopes.filter(scope__name__in=both.split())]
    decides_on_screen(browser, form, scope=[str(scope.pk) for scope in everything], purpose_ok=["on"])
    back = answer_of(opens(browser, client, scope="calendar:read", purpose=PURPOSE))
    token = discharge.redeem(back["code"], Pkce(VERIFIER)).json()
    assert token["scope"] == "calendar:read"


def test_a_narrower_consent_of_another_purpose_is_left_alone(robot: TokenClient, weber):
    secret = asked_id(robot, weber, scope="staff:read", purpose="Something else")
    assert request_of(secret).kind == "ciba"
    decides(weber, request_of(secret))
    assert polls(robot, secret).json()["scope"] == "staff:read"
    assert Consent.objects.standing().count() == 2
