"""S26, and who decides (decisions.md): no token and no key opens a page on which people decide, whomever it acts for.

An agent that could send its token where its person sends a form would approve its own requests. Each try is an event.
"""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from agents.models import Event
from agents.trail.models import Outcome
from consent.models import AccessRequest, Consent
from tests import builders, grants
from tests.builders import one_refusal
from tests.out_of_band import asked_id, decides, polls, request_of
from tests.security.expected import is_oauth_error
from tests.security.routes import every_route
from tests.security.test_s55_wrong_person import NOBODY, TABLE
from tests.undone import undone

pytestmark = pytest.mark.django_db
SIGNS_OUT = "account_logout"  # which decides nothing, and is no secret
FOR_PEOPLE = [
    route
    for route in every_route()
    if TABLE[route.name].send and NOBODY not in TABLE[route.name].send and route.name != SIGNS_OUT
]
TOKEN_OF_A_FORM = "csrfmiddlewaretoken"


@pytest.fixture
def agent_of_mara(discharge, discharge_client, mara, see_appointments, pkce):
    """The strongest token there is: of an agent that acts for an administrator."""
    given = grants.consent(discharge_client, scopes=[see_appointments], user=mara)
    return discharge.redeem(grants.code(given, pkce), pkce).json()["access_token"]


@pytest.fixture
def program():
    """An agent's program that reads pages as a browser does, so that it has the token of a form too."""
    browser = Browser(enforce_csrf_checks=True)
    page = browser.get("/account/login/").content.decode()
    _, _, rest = page.partition(f'name="{TOKEN_OF_A_FORM}" value="')
    return browser, {TOKEN_OF_A_FORM: rest.partition('"')[0]}


def tries(browser, address, form, header):
    """Send it, undo it, and return the answer and the events that it left."""
    with undone():
        before = Event.objects.count()
        answer = browser.post(address, {**form, "decision": "allow", "reason": "Mine."}, **header)
        left = list(Event.objects.order_by("pk")[before:])
    return answer, left


def test_s26_no_token_and_no_key_opens_a_page_where_people_decide(own, agent_of_mara, discharge, records_api, program):
    browser, form = program
    assert len(FOR_PEOPLE) > 50
    for route in FOR_PEOPLE:
        address = route.address(own)
        for header in (
            {"HTTP_AUTHORIZATION": f"Bearer {agent_of_mara}"},
            {"HTTP_AUTHORIZATION": f"DPoP {agent_of_mara}"},
            discharge.header,
            records_api.header,
        ):
            answer, left = tries(browser, address, form, header)
            assert answer.status_code == 302, (address, answer.status_code)
            assert answer["Location"].startswith("/account/login/"), (address, answer["Location"])
            told = [(event.kind, event.outcome, event.reason_code) for event in left]
            assert told == [("page.refused", Outcome.REFUSED, "login_required")], (address, told)
            assert left[0].detail["permission"] == route.name
            assert agent_of_mara not in str(left[0].__dict__)


def test_s26_an_agent_does_not_answer_its_own_request(robot, weber, discharge_assistant, see_appointments, program):
    """It acts for Weber already, and asks him for more: with his token it cannot say yes in his place."""
    browser, form = program
    given = grants.consent(robot.client, scopes=[see_appointments], user=weber, purpose="Plan the ward round")
    pkce = grants.Pkce()
    token = robot.redeem(grants.code(given, pkce), pkce).json()["access_token"]
    secret = asked_id(robot, weber, scope="openid staff:read", purpose="Look up staff")
    address = request_of(secret).get_absolute_url()
    with one_refusal("page.refused", "login_required"):
        header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        assert browser.post(address, {**form, "decision": "allow"}, **header).status_code == 302
    assert browser.get(address, HTTP_AUTHORIZATION=f"Bearer {token}")["Location"].startswith("/account/login/")
    assert is_oauth_error(polls(robot, secret), "authorization_pending")
    assert AccessRequest.objects.get().decision == ""
    assert Consent.objects.count() == 1
    decides(weber, request_of(secret))
    assert Consent.objects.count() == 2


def test_s26_somebody_who_is_merely_not_signed_in_is_no_attack(mara, own):
    before = Event.objects.count()
    assert builders.browser().post("/people/invite/", {}).status_code == 302
    assert Event.objects.count() == before
