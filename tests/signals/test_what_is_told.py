"""Which receivers hear of a change, what they hear, and that it is signed by a published key (RFC 8417, CAEP 1.0)."""

from __future__ import annotations

import json
from datetime import timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from agents import clients, credentials, lifecycle, people
from agents.actors import Actor
from agents.details.detail import Detail
from agents.models import DetailVersion, Notice
from agents.programs import registration_management
from agents.trail.notices import SIGNALLED
from consent import key_rotation, mandate
from consent.lessening import lessen
from consent.models import Consent, Signal
from consent.oauth.signing_keys import make_key
from consent.signals.concerned import TELLERS
from consent.signals.delivery import deliver_all
from consent.unused_clients import forget_unused_clients
from tests import builders, detailing, grants, limits, receiving
from tests.builders import actor
from tests.programs import registered

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.usefixtures("nothing_noted")]


@pytest.fixture
def told(records, receiver):
    """Patient records are told."""
    receiving.stream(records, receiver)
    return receiver


def test_a_revoked_consent_is_told_and_signed_by_a_published_key(told, weber_allows, weber, records, now):
    mandate.revoke(weber_allows.pk, reason="Ward closed.", by=actor(weber), now=now)
    assert deliver_all(now=now) == 1
    claims = receiving.verified(told.seen[0], records.uri)
    assert set(claims) == {"iss", "aud", "jti", "iat", "txn", "sub_id", "events"}
    assert claims["iss"] == django_settings.ISSUER
    assert claims["sub_id"] == {
        "format": "complex",
        "session": {"format": "opaque", "id": str(weber_allows.pk)},
        "user": {"format": "iss_sub", "iss": claims["iss"], "sub": str(weber.pk)},
        "application": {"format": "iss_sub", "iss": claims["iss"], "sub": str(weber_allows.agent_id)},
    }
    assert claims["events"] == {
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
            "event_timestamp": int(now.timestamp()),
            "initiating_entity": "user",
        }
    }
    assert told.headers[0]["Content-Type"] == "application/secevent+jwt"


def test_its_subjects_are_what_the_token_says(told, discharge, weber_allows, weber, records_api, pkce, now):
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    said = records_api.introspects(token)
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=now)
    deliver_all(now=now)
    assert told.subjects("user") == [said["sub"]]
    assert told.subjects("application") == [said["act"]["sub"]]
    assert told.subjects("session") == [said["consent"]]


def test_nobody_learns_of_what_concerns_another_resource(told, another, directory, weber_allows, weber, now):
    receiving.stream(directory, another)
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=now)
    deliver_all(now=now)
    assert told.types() == ["session-revoked"]
    assert another.received == []


def test_narrowing_tells_what_is_left(told, weber_allows, weber, read_records, now):
    mandate.narrow(weber_allows.pk, keep=frozenset({read_records}), reason="By hand.", by=actor(weber), now=now)
    deliver_all(now=now)
    (claims,) = told.received
    event = claims["events"]["https://schemas.openid.net/secevent/caep/event-type/token-claims-change"]
    assert event["claims"] == {"scope": "records:read"}


def test_a_resource_at_which_nothing_is_left_hears_that_all_is_revoked(
    told, another, directory, discharge_client, weber, look_up_staff, read_records, now
):
    receiving.stream(directory, another)
    given = grants.consent(discharge_client, scopes=[look_up_staff, read_records], user=weber, purpose="Both")
    mandate.narrow(given.pk, keep=frozenset({read_records}), reason="No staff.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    assert told.received == []
    assert another.types() == ["session-revoked"]


def test_shortening_tells_the_new_end(told, weber_allows, weber, now):
    ends_at = now + timedelta(hours=1)
    mandate.shorten(weber_allows.pk, ends_at=ends_at, reason="Sooner.", by=actor(weber), now=now)
    deliver_all(now=now)
    (claims,) = told.received
    assert next(iter(claims["events"].values()))["claims"] == {"exp": int(ends_at.timestamp())}


def test_a_newer_consent_ends_the_one_before(told, discharge_client, weber_allows, weber, read_records):
    grants.consent(discharge_client, scopes=[read_records], user=weber)
    deliver_all(now=timezone.now())
    assert told.types() == ["session-revoked"]
    assert told.subjects("session") == [str(weber_allows.pk)]


@pytest.mark.parametrize("move", ["suspend", "retire"])
def test_an_agent_that_is_stopped_is_told_once_to_each_that_it_reaches(
    told, another, directory, discharge_assistant, discharge_client, weber, mara, ada, see_appointments, move, now
):
    receiving.stream(directory, another)
    grants.consent(discharge_client, scopes=[see_appointments], user=mara, purpose="Another one")
    Notice.objects.all().delete()
    getattr(lifecycle, move)(discharge_assistant, reason="Odd.", by=actor(ada), now=now)
    deliver_all(now=now)
    assert told.types() == ["session-revoked"]
    (claims,) = told.received
    assert set(claims["sub_id"]) == {"format", "application"}
    assert told.subjects("application") == [str(discharge_assistant.pk)]
    assert another.received == []  # the agent holds nothing there


def test_tighter_conditions_end_what_tokens_from_before_say(told, weber_allows, weber):
    limits.limits(weber_allows, limits.only(hours=(8, 18)), by=weber)
    deliver_all(now=timezone.now())
    assert told.types() == ["session-revoked"]
    assert told.subjects("session") == [str(weber_allows.pk)]


def test_less_in_detail_ends_what_tokens_from_before_say_and_tells_no_detail(receiver, weber, ada, mara):
    bank = detailing.bank_of(mara)
    transfers = detailing.transfers_at(bank)
    client = builders.client(builders.agent("Payment Assistant", owner=ada, scopes=[transfers]))
    given = detailing.consent_to(client, transfers, [detailing.transfer(1000, "Frau Berger")], user=weber)
    receiving.stream(bank, receiver, by=mara)
    Notice.objects.all().delete()
    version = DetailVersion.objects.by_scope([transfers.pk])[transfers.pk]
    less = {name: value for name, value in detailing.transfer(10, "Frau Berger").items() if name != "type"}
    lessen(given.pk, left={transfers.pk: [Detail(version, less)]}, reason="Less.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    assert receiver.types() == ["session-revoked"]
    assert "Berger" not in json.dumps(receiver.received)


def test_what_was_passed_on_is_told_with_what_it_came_from(
    told, planner, subject, passed_twice, records_api, weber, read_records
):
    share = Consent.objects.get(pk=records_api.introspects(planner.takes(subject, scope="records:read"))["consent"])
    Notice.objects.all().delete()
    now = timezone.now()
    mandate.narrow(passed_twice.pk, keep=frozenset({read_records}), reason="Less.", by=actor(weber), now=now)
    mandate.revoke(passed_twice.pk, reason="Enough.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    both = [str(passed_twice.pk), str(share.pk)]
    assert told.types() == ["token-claims-change", "session-revoked", "session-revoked"]
    assert told.subjects("session") == [both[0], *both]
    assert told.subjects("application")[-1] == str(share.agent_id)


def test_a_key_that_is_issued_and_revoked_is_told(told, discharge_client, discharge_key, ada, now):
    fresh = builders.key(discharge_client, by=ada)
    credentials.revoke(fresh.credential, reason="It leaked.", by=actor(ada), now=timezone.now())
    deliver_all(now=timezone.now())
    said = [next(iter(claims["events"].values())) for claims in told.received]
    assert [each["change_type"] for each in said] == ["create", "revoke"]
    assert {each["credential_type"] for each in said} == {"client_secret"}
    assert told.subjects("client") == [discharge_client.client_id] * 2


def test_a_key_of_a_resource_is_told_to_that_resource_alone(told, another, records, directory, mara):
    receiving.stream(directory, another)
    builders.key(records, by=mara)
    deliver_all(now=timezone.now())
    assert told.received[0]["sub_id"] == {"format": "uri", "uri": records.uri}
    assert another.received == []


def test_a_client_that_was_removed_is_told(told, discharge_client, ada, weber_allows, now):
    clients.end(discharge_client, reason="Old.", by=actor(ada), now=now)
    deliver_all(now=now)
    assert told.subjects("client") == [discharge_client.client_id] * len(told.received)
    assert "session-revoked" in told.types()


def test_a_person_who_was_deactivated_is_told(told, weber, mara, now):
    people.deactivate(weber, reason="Left.", by=actor(mara), now=now)
    deliver_all(now=now)
    assert told.subjects("user") == [str(weber.pk)]


def test_an_owner_who_was_deactivated_stops_what_only_they_answered_for(told, ada, mara, discharge_assistant, now):
    people.deactivate(ada, reason="Left.", by=actor(mara), now=now)
    deliver_all(now=now)
    assert told.subjects("application") == [str(discharge_assistant.pk)]


def test_a_signing_key_that_was_given_up_is_told_to_everybody_who_hears(told, another, directory, mara, settings):
    receiving.stream(directory, another)
    stolen = make_key(now=timezone.now())
    key_rotation.give_up(stolen.kid, reason="A laptop is gone.", by=actor(mara), now=timezone.now())
    deliver_all(now=timezone.now())
    for receiver in (told, another):
        (claims,) = receiver.received
        assert claims["sub_id"] == {"format": "uri", "uri": settings.ISSUER}
        said = claims["events"]["https://schemas.openid.net/secevent/caep/event-type/credential-change"]
        assert (said["credential_type"], said["change_type"]) == ("signing_key", "revoke")
        assert said["friendly_name"] == stolen.kid
        assert jwt.get_unverified_header(receiver.seen[0])["kid"] != stolen.kid


def test_what_a_person_who_leaves_passed_on_twice_is_told_once(
    told, planner, reader, subject, passed_twice, ada, mara, records_api
):
    """Ada answers for the assistant and for the planner, so both lead to what the reader took over."""
    planned = planner.takes(subject, scope="records:read")
    share = records_api.introspects(reader.takes(planned))["consent"]
    Notice.objects.all().delete()
    people.deactivate(ada, reason="Left.", by=actor(mara), now=timezone.now())
    deliver_all(now=timezone.now())
    assert told.subjects("session").count(share) == 1


@pytest.mark.parametrize("how", ["credential", "client"])
def test_a_program_that_was_forgotten_meanwhile_holds_up_nobody(told, weber_allows, weber, how, now):
    """With every worker dead for a week, the first to come back may forget programs before it looks at the notes."""
    program = registered(token_endpoint_auth_method="client_secret_basic")
    if how == "client":
        registration_management.remove(program, by=Actor.system(), now=timezone.now())
    assert forget_unused_clients(now=now + timedelta(days=8)) == 1
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=now)
    deliver_all(now=timezone.now())
    assert told.types() == ["session-revoked"]


def test_no_name_and_no_word_of_anybody_goes_out(told, weber_allows, weber, discharge_assistant, ada, now):
    mandate.revoke(weber_allows.pk, reason="Frau Berger complained.", by=actor(weber), now=now)
    lifecycle.suspend(discharge_assistant, reason="Because of Herr Maier.", by=actor(ada), now=now)
    deliver_all(now=now)
    said = json.dumps([*told.received, *Signal.objects.values_list("claims", flat=True)])
    for word in ("Berger", "Maier", weber.name, weber.email, ada.name, discharge_assistant.name, weber_allows.purpose):
        assert word not in said


def test_only_what_was_asked_for_is_told(records, receiver, weber_allows, weber, read_records, now):
    receiving.stream(
        records, receiver, events_requested=["https://schemas.openid.net/secevent/caep/event-type/session-revoked"]
    )
    mandate.narrow(weber_allows.pk, keep=frozenset({read_records}), reason="By hand.", by=actor(weber), now=now)
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=now)
    deliver_all(now=now)
    assert receiver.types() == ["session-revoked"]


def test_a_change_that_did_not_happen_is_not_told(told, weber_allows, mallory, now):
    from agents.errors import Forbidden

    with pytest.raises(Forbidden):
        mandate.revoke(weber_allows.pk, reason="Mine.", by=actor(mallory), now=now)
    assert not Notice.objects.exists()


def test_without_streams_nothing_piles_up(weber_allows, weber, now):
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=now)
    assert Notice.objects.count() == 1
    deliver_all(now=now)
    assert not Notice.objects.exists()
    assert not Signal.objects.exists()


def test_every_kind_that_is_noted_is_told():
    from agents.trail.kinds import Kind

    assert SIGNALLED - {Kind.RESOURCE_ENDED} == set(TELLERS)
