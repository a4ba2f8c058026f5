"""One-time links: only a digest is kept, a newer one ends the older, and of many at once one comes through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents import links, people
from agents.actors import RequestFacts
from agents.errors import InvalidInput, LinkRefused
from agents.ids import uuid7
from agents.invitations import accept_invitation, invite
from agents.models import OneTimeLink, Organisation, User
from agents.people import set_up
from agents.trail.kinds import Kind
from tests import builders
from tests.services.parallel import at_once

PASSWORD = "correct horse battery"


def _set_up(token, now, number=0):
    return set_up(
        token=token,
        name="Mara Keller",
        email=f"mara{number}@st-anna.example",
        password=PASSWORD,
        organisation_name="St. Anna",
        time_zone="Europe/Vienna",
        now=now,
        facts=RequestFacts(now, uuid7(), "192.0.2.7"),
    )


def _accept(token, now):
    return accept_invitation(
        token=token,
        name="Weber",
        password=PASSWORD,
        time_zone="UTC",
        now=now,
        facts=RequestFacts(now, uuid7(), "192.0.2.8"),
    )


def test_the_secret_of_a_link_has_256_bits_and_stands_nowhere(db, now):
    token = links.issue_setup_link(now=now)
    link = OneTimeLink.objects.get()
    assert len(token) == 43
    assert token not in str(link.__dict__)
    assert token not in str([event.detail for event in builders.events()])
    assert [event.kind for event in builders.events()] == [Kind.LINK_ISSUED]


def test_a_new_set_up_link_ends_the_one_before(db, now):
    first = links.issue_setup_link(now=now)
    second = links.issue_setup_link(now=now)
    with pytest.raises(LinkRefused):
        links.find(OneTimeLink.Kind.SETUP, first, now)
    assert links.find(OneTimeLink.Kind.SETUP, second, now)


def test_a_set_up_link_holds_for_an_hour(db, now):
    token = links.issue_setup_link(now=now)
    assert links.find(OneTimeLink.Kind.SETUP, token, now + timedelta(minutes=59))
    with pytest.raises(LinkRefused, match="ended"):
        links.find(OneTimeLink.Kind.SETUP, token, now + timedelta(hours=1))


def test_no_set_up_link_is_made_while_there_is_an_administrator(mara, now):
    with pytest.raises(LinkRefused):
        links.issue_setup_link(now=now)


def test_a_link_of_one_kind_opens_nothing_of_another(mara, now):
    _, token = invite(email="weber@st-anna.example", name="", role="user", by=builders.actor(mara), now=now)
    with pytest.raises(LinkRefused):
        links.find(OneTimeLink.Kind.SETUP, token, now)
    assert links.find(OneTimeLink.Kind.INVITATION, token, now)


def test_looking_at_a_link_does_not_use_it_up(db, now):
    token = links.issue_setup_link(now=now)
    for _ in range(3):
        links.find(OneTimeLink.Kind.SETUP, token, now)
    assert _set_up(token, now).is_administrator


def test_a_used_link_is_refused(db, now):
    token = links.issue_setup_link(now=now)
    _set_up(token, now)
    with pytest.raises(LinkRefused, match="used"):
        _set_up(token, now, 1)


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "A" * 43, "A" * 5000, "\0"])
def test_a_guessed_link_is_refused(db, now, token):
    links.issue_setup_link(now=now)
    with pytest.raises(LinkRefused):
        links.find(OneTimeLink.Kind.SETUP, token, now)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_fifty_who_set_up_at_once_one_becomes_administrator(now):
    token = links.issue_setup_link(now=now)
    outcome = at_once(50, lambda number: _set_up(token, now, number))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(LinkRefused), outcome.raised
    assert User.objects.count() == 1
    assert Organisation.objects.count() == 1
    assert len(builders.events(Kind.ORGANISATION_SET_UP)) == 1


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_fifty_who_accept_one_invitation_at_once_one_joins(now):
    mara = builders.person("Mara Keller", "administrator")
    _, token = invite(email="weber@st-anna.example", name="", role="user", by=builders.actor(mara), now=now)
    outcome = at_once(50, lambda _number: _accept(token, now))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(LinkRefused), outcome.raised
    assert User.objects.filter(email="weber@st-anna.example").count() == 1
    assert len(builders.events(Kind.PERSON_JOINED)) == 1


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_many_set_up_links_made_at_once_one_stays_open(now):
    outcome = at_once(8, lambda _number: links.issue_setup_link(now=now))
    open_links = OneTimeLink.objects.live(now)
    assert open_links.count() == 1
    assert outcome.returned


@pytest.fixture
def somebody_comes_between(monkeypatch):
    """The address is taken by another transaction, after this one looked whether it is free."""
    monkeypatch.setattr(people, "must_be_free", lambda _email: None)


@pytest.mark.engine
def test_an_address_taken_meanwhile_leaves_the_invitation_open(mara, now, somebody_comes_between):
    _, token = invite(email="weber@st-anna.example", name="", role="user", by=builders.actor(mara), now=now)
    builders.person("Dr. Jonas Weber", email="weber@st-anna.example")
    with pytest.raises(InvalidInput) as refused:
        _accept(token, now)
    assert refused.value.field == "email"
    assert OneTimeLink.objects.live(now).count() == 1


@pytest.mark.engine
def test_an_address_taken_meanwhile_leaves_the_set_up_link_open(db, now, somebody_comes_between):
    token = links.issue_setup_link(now=now)
    builders.person("Somebody", email="mara0@st-anna.example")
    with pytest.raises(InvalidInput):
        _set_up(token, now)
    assert OneTimeLink.objects.live(now).count() == 1
    assert not Organisation.objects.exists()


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_many_who_invite_one_address_at_once_one_invitation_stays_open(now):
    mara = builders.person("Mara Keller", "administrator")
    outcome = at_once(
        8, lambda _: invite(email="eva@st-anna.example", name="", role="user", by=builders.actor(mara), now=now)
    )
    assert outcome.returned
    assert outcome.raised_only(InvalidInput), outcome.raised
    assert OneTimeLink.objects.live(now).count() == 1
