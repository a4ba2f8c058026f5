"""Keys: what they look like, what is kept of them, and when they prove something."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import clients, credentials, lifecycle, resources
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Client, Credential, Event, Resource
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import actor
from tests.services.parallel import at_once


@pytest.mark.django_db
def test_a_key_names_its_credential_and_only_its_digest_is_kept(discharge_key):
    key, credential = discharge_key.key, discharge_key.credential
    assert key.startswith(f"mdt_{credential.handle}_")
    assert credentials.handle_of(key) == credential.handle
    assert credentials.proves(key, credential.digest)
    secret = key.split("_")[2]
    kept = [str(vars(row)) for row in (*Credential.objects.all(), *Event.objects.all())]
    assert not any(secret in row for row in kept)


def test_a_key_has_256_bits_and_a_checksum_that_scanners_can_test():
    keys = {credentials.new_key("abc") for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        prefix, handle, secret, check = key.split("_")
        assert (prefix, handle, len(secret), len(check)) == ("mdt", "abc", 43, 6)
        assert credentials.checksum(f"mdt_abc_{secret}") == check


@given(st.text(max_size=120))
def test_whatever_is_not_a_key_names_nothing(text):
    assert credentials.handle_of(text) is None


def test_a_key_with_one_changed_character_names_nothing():
    key = credentials.new_key("abc")
    changed = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert credentials.handle_of(changed) is None
    assert not credentials.proves(changed, credentials.digest_of_key(key))


@pytest.mark.django_db
def test_several_keys_live_side_by_side_and_each_ends_by_itself(discharge_client, ada, now):
    first = builders.key(discharge_client, by=ada, now=now, ends_at=now + timedelta(days=1)).credential
    second = builders.key(discharge_client, by=ada, now=now).credential
    assert set(Credential.objects.live(now)) == {first, second}
    assert set(Credential.objects.live(now + timedelta(days=1))) == {second}
    assert not first.is_live(now + timedelta(days=1))
    credentials.revoke(second, by=actor(ada), now=now, reason="Rotated.")
    assert set(Credential.objects.live(now)) == {first}


@pytest.mark.django_db
def test_a_key_is_revoked_once(discharge_key, ada, now):
    credentials.revoke(discharge_key.credential, by=actor(ada), now=now, reason="It leaked.")
    with pytest.raises(Ended):
        credentials.revoke(discharge_key.credential, by=actor(ada), now=now, reason="Again.")
    assert len(builders.events(Kind.CREDENTIAL_REVOKED)) == 1


@pytest.mark.django_db
def test_nobody_gets_a_key_for_what_was_removed_or_public(ada, discharge_assistant, discharge_client, now):
    with pytest.raises(InvalidInput):
        builders.key(builders.client(discharge_assistant, "Phone", auth_method="none"), by=ada)
    ended = clients.end(discharge_client, reason="Gone.", by=actor(ada), now=now)
    with pytest.raises(Ended):
        builders.key(ended, by=ada)


@pytest.mark.django_db
def test_a_retired_agents_client_gets_no_more_keys(ada, discharge_assistant, discharge_client, now):
    lifecycle.retire(discharge_assistant, reason="Done.", by=actor(ada), now=now)
    with pytest.raises(Ended):
        builders.key(discharge_client, by=ada)


@pytest.mark.django_db
def test_what_the_holder_is_now_counts_not_what_was_read_before(ada, mara, discharge_client, records, now):
    read_before = [Client.objects.get(pk=discharge_client.pk), Resource.objects.get(pk=records.pk)]
    clients.change(discharge_client, auth_method="none", by=actor(ada), now=now)
    with pytest.raises(InvalidInput):
        builders.key(read_before[0], by=ada)
    clients.end(discharge_client, reason="Gone.", by=actor(ada), now=now)
    resources.end(records, reason="Gone.", by=actor(mara), now=now)
    for holder in read_before:
        with pytest.raises((Ended, InvalidInput)):
            builders.key(holder, by=mara)


MANY = 8


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["public", "removed", "retired"])
def test_keys_and_a_change_at_once_leave_no_key_where_there_must_be_none(
    change, ada, discharge_assistant, discharge_client, now
):
    def do(number: int) -> object:
        if number:
            return builders.key(discharge_client, by=ada, now=now)
        if change == "public":
            return clients.change(discharge_client, auth_method="none", by=actor(ada), now=now)
        if change == "removed":
            return clients.end(discharge_client, reason="Gone.", by=actor(ada), now=now)
        return lifecycle.retire(discharge_assistant, reason="Done.", by=actor(ada), now=now)

    outcome = at_once(MANY, do)
    assert outcome.raised_only(Ended, InvalidInput)
    # One row order decides: keys issued before the change stand before its event, and none comes after it.
    kinds = [event.kind for event in builders.events()]
    changed = [kind for kind in kinds if kind in {Kind.CLIENT_CHANGED, Kind.CLIENT_ENDED, Kind.AGENT_RETIRED}]
    if changed:
        assert Kind.CREDENTIAL_ISSUED not in kinds[kinds.index(changed[0]) :]
    if change == "public":
        is_public = Client.objects.get(pk=discharge_client.pk).is_public
        assert not (is_public and Credential.objects.live(now).filter(client=discharge_client).exists())


@pytest.mark.django_db
def test_an_end_must_lie_ahead(ada, discharge_client, now):
    with pytest.raises(InvalidInput):
        builders.key(discharge_client, by=ada, now=now, ends_at=now)


@pytest.mark.django_db
def test_strangers_and_auditors_issue_and_revoke_nothing(
    discharge_client, discharge_key, records, mallory, omar, ada, now
):
    for person in (mallory, omar):
        with pytest.raises(Forbidden):
            builders.key(discharge_client, by=person)
        with pytest.raises(Forbidden):
            credentials.revoke(discharge_key.credential, by=actor(person), now=now, reason="Let me.")
    with pytest.raises(Forbidden):
        builders.key(records, by=ada)
