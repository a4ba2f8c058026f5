"""With every worker dead nothing past its date is accepted (security.md F5): no sweep runs in these tests."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import invitations, links
from agents.actors import Actor, RequestFacts
from agents.errors import LinkRefused
from agents.ids import uuid7
from agents.models import Agent, Event, OneTimeLink, Role
from consent import mandate
from tests import builders, grants
from tests.grants import Pkce, ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


@pytest.fixture
def a_week_later():
    """Move the clock; call it when everything stands."""

    def travel() -> time_machine.travel:
        return time_machine.travel(timezone.now() + WEEK, tick=False)

    return travel


@pytest.fixture(autouse=True)
def _nobody_swept():
    yield
    swept = {"consent.ended", "agent.retired", "credential.ended", "link.ended"}
    assert not Event.objects.filter(kind__in=swept).exists()


def allowed(client, scopes, user, life=30 * timedelta(days=1)):
    return grants.consent(client, scopes=scopes, user=user, life=life)


def tokens(discharge, given):
    pkce = Pkce()
    return discharge.redeem(grants.code(given, pkce), pkce).json()


def test_a_consent_past_its_end_gives_nothing(discharge, records_api, weber, read_records, a_week_later):
    given = allowed(discharge.client, [read_records], weber, life=HOUR)
    pkce = Pkce()
    code = grants.code(given, pkce)
    got = tokens(discharge, given)
    with a_week_later():
        assert records_api.introspects(got["access_token"]) == {"active": False}
        assert discharge.refresh(got["refresh_token"]).json()["error"] == "invalid_grant"
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"


def test_an_agent_past_its_end_gets_nothing(discharge, records_api, weber, read_records, a_week_later):
    got = tokens(discharge, allowed(discharge.client, [read_records], weber))
    Agent.objects.filter(pk=discharge.client.agent_id).update(ends_at=timezone.now() + HOUR)
    with a_week_later():
        assert records_api.introspects(got["access_token"]) == {"active": False}
        assert discharge.refresh(got["refresh_token"]).status_code in {400, 401}


def test_an_agent_past_its_end_gets_nothing_for_itself(claims_client, mara, see_appointments, a_week_later):
    allowed_by = grants.consent(
        claims_client, scopes=[see_appointments], user=None, by=mara, purpose="File claims", life=30 * HOUR * 24
    )
    claims = TokenClient(claims_client, builders.key(claims_client).key)
    assert claims.act_alone().status_code == 200
    Agent.objects.filter(pk=allowed_by.agent_id).update(ends_at=timezone.now() + HOUR)
    with a_week_later():
        assert claims.act_alone().status_code in {400, 401}


def test_a_key_past_its_end_proves_nothing(discharge_client, records_api, weber, read_records, a_week_later):
    issued = builders.key(discharge_client, ends_at=timezone.now() + HOUR)
    brief = TokenClient(discharge_client, issued.key)
    got = tokens(brief, allowed(discharge_client, [read_records], weber))
    with a_week_later():
        answer = brief.refresh(got["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_key_of_a_resource_past_its_end_proves_nothing(records, mara, discharge, weber, read_records, a_week_later):
    brief = ResourceServer(records, builders.key(records, by=mara, ends_at=timezone.now() + HOUR).key)
    got = tokens(discharge, allowed(discharge.client, [read_records], weber))
    with a_week_later():
        answer = grants.post("/oauth/introspect", {"token": got["access_token"]}, **brief.header)
        assert answer.status_code == 401


def test_a_code_past_its_end_is_refused(discharge, weber, read_records, a_week_later):
    given, pkce = allowed(discharge.client, [read_records], weber), Pkce()
    code = grants.code(given, pkce)
    with a_week_later():
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"


def test_an_access_token_past_its_end_is_worth_nothing(discharge, records_api, weber, read_records, a_week_later):
    got = tokens(discharge, allowed(discharge.client, [read_records], weber))
    with a_week_later():
        assert records_api.introspects(got["access_token"]) == {"active": False}


def test_a_refresh_token_ends_with_a_consent_that_was_shortened(discharge, weber, read_records, a_week_later):
    given = allowed(discharge.client, [read_records], weber)
    got = tokens(discharge, given)
    now = timezone.now()
    mandate.shorten(given.pk, ends_at=now + HOUR, reason="Not so long.", by=Actor.person(weber), now=now)
    with a_week_later():
        assert discharge.refresh(got["refresh_token"]).json()["error"] == "invalid_grant"


def test_an_invitation_past_its_end_opens_nothing(mara, a_week_later):
    now = timezone.now()
    _, token = invitations.invite(email="eva@st-anna.example", name="", role=Role.USER, by=Actor.person(mara), now=now)
    with a_week_later():
        later = timezone.now()
        with pytest.raises(LinkRefused):
            invitations.accept_invitation(
                token=token,
                name="Eva",
                password="a long password for Eva",
                time_zone="UTC",
                now=later,
                facts=RequestFacts(later, uuid7(), "192.0.2.7"),
            )


def test_a_set_up_link_past_its_end_opens_nothing(db, a_week_later):
    token = links.issue_setup_link(now=timezone.now())
    with a_week_later(), pytest.raises(LinkRefused):
        links.find(OneTimeLink.Kind.SETUP, token, timezone.now())
