"""The mail at the first use of a sensitive scope: once for each consent, with the way to end it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents import agent_scopes
from agents import mail as outbox
from agents.models import OutgoingMail
from tests import grants
from tests.builders import actor

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture(autouse=True)
def _there_is_a_mail_server(settings) -> None:
    settings.MAIL_IS_SENT = True


def waiting() -> list[str]:
    return list(OutgoingMail.objects.values_list("to", flat=True))


def test_the_person_is_told_of_the_first_token_for_health_data(discharge, weber_allows, weber, pkce, mailoutbox):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    assert waiting() == [weber.email]
    discharge.refresh(pair["refresh_token"])
    assert waiting() == [weber.email]
    outbox.deliver(now=timezone.now())
    assert f"/consents/{weber_allows.pk}/revoke/" in mailoutbox[0].body
    assert "sensitive" in mailoutbox[0].subject


def test_nobody_is_told_of_ordinary_scopes(claims, clinic_allows):
    assert claims.act_alone().status_code == 200
    assert waiting() == []


def test_the_administrator_who_allowed_it_is_told_where_an_agent_acts_alone(
    claims, claims_client, claims_filer, ada, mara, records, read_records
):
    agent_scopes.set_scopes(
        claims_filer, scopes=frozenset([read_records]), required=frozenset(), by=actor(ada), now=timezone.now()
    )
    grants.consent(claims_client, scopes=[read_records], user=None, by=mara)
    claims.act_alone()
    claims.act_alone()
    assert waiting() == [mara.email]
