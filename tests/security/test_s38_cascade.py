"""S38: what ends above ends below, at the next use, whatever became of the tokens in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import clients, credentials, lifecycle, people, registry
from agents.actors import Actor
from consent import mandate, sweeps
from consent.models import AccessToken, Consent
from tests.exchanging import allow, passes

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.fixture
def chain(planner, reader, subject, records_api):
    """The tokens of the three agents, one below the other."""
    middle = planner.takes(subject, scope="records:read")
    tokens = [subject, middle, reader.takes(middle)]
    assert all(records_api.introspects(token)["active"] for token in tokens)
    return tokens


def alive(api, tokens):
    return [api.introspects(token)["active"] for token in tokens]


ENDS = {
    "revoked": lambda root, by: mandate.revoke(root.pk, **by),
    "agent suspended": lambda root, by: lifecycle.suspend(root.agent, **by),
    "agent retired": lambda root, by: lifecycle.retire(root.agent, **by),
    "client removed": lambda root, by: clients.end(root.client, **by),
    "person deactivated": lambda root, by: people.deactivate(root.user, **by),
}


@pytest.mark.parametrize("how", sorted(ENDS))
def test_s38_what_ends_the_first_consent_ends_all(chain, passed_twice, mara, records_api, how, reader):
    ENDS[how](passed_twice, {"reason": "Over.", "by": Actor.person(mara), "now": timezone.now()})
    assert alive(records_api, chain) == [False, False, False]
    assert reader.exchange(chain[1]).status_code in {400, 401}


def test_s38_its_end_ends_all(chain, passed_twice, weber, records_api):
    now = timezone.now()
    mandate.shorten(passed_twice.pk, ends_at=now + timedelta(seconds=30), reason="", by=Actor.person(weber), now=now)
    with time_machine.travel(now + timedelta(seconds=31)):
        assert alive(records_api, chain) == [False, False, False]


def test_s38_a_newer_consent_ends_all_under_the_older(
    chain, discharge, weber, read_records, records_api, planner_agent
):
    allow(discharge.client, weber, [read_records], passes(planner_agent))
    assert alive(records_api, chain) == [False, False, False]


def test_s38_a_hop_in_the_middle_ends_what_is_below_it_only(chain, weber, records_api, planner_agent):
    share = Consent.objects.get(agent=planner_agent)
    mandate.revoke(share.pk, reason="", by=Actor.person(weber), now=timezone.now())
    assert alive(records_api, chain) == [True, False, False]


def test_s38_the_owner_of_an_agent_above_leaves(chain, ada, mara, records_api):
    people.deactivate(ada, reason="Left.", by=Actor.person(mara), now=timezone.now())
    assert alive(records_api, chain) == [False, False, False]


def test_s38_the_key_by_which_the_last_one_got_it(chain, reader, mara, records_api):
    [key] = reader.client.credentials.all()
    credentials.revoke(key, reason="Lost.", by=Actor.person(mara), now=timezone.now())
    assert alive(records_api, chain) == [True, True, False]


def test_s38_the_tokens_in_between_were_given_back_expired_or_swept(chain, passed_twice, planner, weber, records_api):
    """Whether they are there decides nothing: it is asked of the consents."""
    last = records_api.introspects(chain[2])["jti"]
    AccessToken.objects.exclude(pk=last).update(expires=timezone.now() - timedelta(days=3))
    sweeps.delete_dead_access_tokens(now=timezone.now())
    assert AccessToken.objects.count() == 1
    assert records_api.introspects(chain[2])["active"]
    mandate.revoke(passed_twice.pk, reason="", by=Actor.person(weber), now=timezone.now())
    assert records_api.introspects(chain[2]) == INACTIVE


def test_s38_the_registration_alone_changes_nothing_of_what_is_out(chain, discharge_assistant, mara, records_api):
    registry.edit(discharge_assistant, name="Discharge Helper", by=Actor.person(mara), now=timezone.now())
    assert alive(records_api, chain) == [True, True, True]
