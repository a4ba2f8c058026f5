"""People: invited, given roles, kept out, let in again. There is always an administrator."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from agents import invitations, people
from agents.actors import Actor, RequestFacts
from agents.errors import Ended, Forbidden, InvalidInput, LinkRefused, NotReady
from agents.ids import uuid7
from agents.models import OneTimeLink, Role, Session, User
from agents.sweeps import end_links
from agents.trail.kinds import Kind
from tests import builders
from tests.services.parallel import at_once

WHY = "They moved to another ward."


def _invite(by, now, email="eva@st-anna.example", role=Role.USER):
    return invitations.invite(email=email, name="Eva", role=role, by=builders.actor(by), now=now)


def test_an_administrator_invites_somebody(mara, now):
    link, token = _invite(mara, now, " Eva@St-Anna.example ")
    assert link.email == "eva@st-anna.example"
    assert token not in str(link.__dict__)
    event = builders.events(Kind.PERSON_INVITED)[0]
    assert event.actor_id == mara.pk
    assert "eva" not in str(event.detail)


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_nobody_else_invites(request, who, now):
    with pytest.raises(Forbidden):
        _invite(request.getfixturevalue(who), now)
    assert not OneTimeLink.objects.exists()


def test_inviting_an_address_again_ends_the_first_invitation(mara, now):
    first, _ = _invite(mara, now)
    _invite(mara, now)
    first.refresh_from_db()
    assert first.revoked_at == now
    assert OneTimeLink.objects.live(now).count() == 1
    assert [event.detail["link"] for event in builders.events(Kind.INVITATION_WITHDRAWN)] == [str(first.pk)]


def test_one_of_which_the_trail_says_already_that_it_ended_is_not_withdrawn_too(mara, now):
    _invite(mara, now)
    later = now + timedelta(days=8)
    end_links(now=later)
    _invite(mara, later)
    assert len(builders.events(Kind.LINK_ENDED)) == 1
    assert not builders.events(Kind.INVITATION_WITHDRAWN)


def test_somebody_who_is_here_is_not_invited(mara, weber, now):
    with pytest.raises(InvalidInput):
        _invite(mara, now, weber.email.upper())


@pytest.mark.parametrize("email", ["", "eva", "eva@", "eva@st-anna\n.example", f"{'e' * 250}@x.example"])
def test_an_address_that_is_none_is_refused(mara, now, email):
    with pytest.raises(InvalidInput):
        _invite(mara, now, email)


def test_a_withdrawn_invitation_opens_nothing(mara, now):
    link, _ = _invite(mara, now)
    invitations.withdraw_invitation(link.pk, by=builders.actor(mara), now=now)
    assert not OneTimeLink.objects.live(now).exists()
    with pytest.raises(Ended):
        invitations.withdraw_invitation(link.pk, by=builders.actor(mara), now=now)
    assert len(builders.events(Kind.INVITATION_WITHDRAWN)) == 1


def test_mallory_cannot_withdraw_an_invitation(mara, mallory, now):
    link, _ = _invite(mara, now)
    with pytest.raises(Forbidden):
        invitations.withdraw_invitation(link.pk, by=builders.actor(mallory), now=now)


def test_an_administrator_changes_a_role(mara, weber, now):
    people.change_role(weber, role=Role.OWNER, reason=WHY, by=builders.actor(mara), now=now)
    weber.refresh_from_db()
    assert weber.role == Role.OWNER
    assert builders.events(Kind.ROLE_CHANGED)[0].detail == {"before": "user", "after": "owner"}


@pytest.mark.parametrize("who", ["ada", "omar", "mallory", "weber"])
def test_nobody_else_changes_a_role(request, who, weber, now):
    with pytest.raises(Forbidden):
        people.change_role(
            weber, role=Role.ADMINISTRATOR, reason=WHY, by=builders.actor(request.getfixturevalue(who)), now=now
        )


def test_nobody_changes_their_own_role(mara, now):
    with pytest.raises(Forbidden):
        people.change_role(mara, role=Role.USER, reason=WHY, by=builders.actor(mara), now=now)


def test_the_last_administrator_stays(mara, now):
    with pytest.raises(NotReady):
        people.change_role(mara, role=Role.USER, reason=WHY, by=Actor.system(), now=now)
    with pytest.raises(NotReady):
        people.deactivate(mara, reason=WHY, by=Actor.system(), now=now)


def test_a_change_needs_a_reason(mara, weber, now):
    with pytest.raises(InvalidInput):
        people.change_role(weber, role=Role.OWNER, reason="  ", by=builders.actor(mara), now=now)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_leave_one(now):
    mara, eva = builders.person("Mara", Role.ADMINISTRATOR), builders.person("Eva", Role.ADMINISTRATOR)
    pairs = [(mara, eva), (eva, mara)]

    def remove(number):
        by, other = pairs[number]
        return people.deactivate(other, reason=WHY, by=builders.actor(by), now=now)

    outcome = at_once(2, remove)
    assert len(outcome.returned) == 1
    assert outcome.raised_only(Forbidden), outcome.raised
    assert User.objects.administrators().count() == 1


def test_deactivating_ends_sessions_and_makes_agents_unusable(mara, ada, discharge_client, now):
    builders.browser(ada)
    assert Session.objects.of(ada).count() == 1
    assert discharge_client.is_live(now)
    people.deactivate(ada, reason=WHY, by=builders.actor(mara), now=now)
    assert not Session.objects.of(ada).exists()
    discharge_client.refresh_from_db()
    assert not type(discharge_client).objects.get(pk=discharge_client.pk).is_live(now)
    ada.refresh_from_db()
    people.reactivate(ada, reason=WHY, by=builders.actor(mara), now=now)
    assert type(discharge_client).objects.get(pk=discharge_client.pk).is_live(now)
    assert [event.user_id for event in builders.events(Kind.PERSON_DEACTIVATED)] == [ada.pk]


def test_mallory_deactivates_nobody(mallory, weber, now):
    with pytest.raises(Forbidden):
        people.deactivate(weber, reason=WHY, by=builders.actor(mallory), now=now)


def test_an_administrator_is_recovered_at_the_server(weber, now):
    User.objects.filter(pk=weber.pk).update(is_active=False)
    people.recover_administrator(email=weber.email.upper(), now=now)
    weber.refresh_from_db()
    assert weber.is_administrator
    assert builders.events(Kind.ADMINISTRATOR_RECOVERED)[0].actor_kind == "system"


def test_nobody_is_recovered_by_an_unknown_address(db, now):
    with pytest.raises(InvalidInput):
        people.recover_administrator(email="nobody@st-anna.example", now=now)


def test_an_event_that_cannot_be_written_undoes_the_change(mara, weber, now, monkeypatch):
    def fail(*_args, **_facts):
        raise RuntimeError

    monkeypatch.setattr(people, "record", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        people.change_role(weber, role=Role.OWNER, reason=WHY, by=builders.actor(mara), now=now)
    weber.refresh_from_db()
    assert weber.role == Role.USER


def test_people_change_their_own_name_and_the_event_does_not_repeat_it(weber, now):
    people.edit_own_facts(weber, name="Jonas W.", time_zone="Europe/Vienna", by=builders.actor(weber), now=now)
    weber.refresh_from_db()
    assert (weber.name, weber.time_zone) == ("Jonas W.", "Europe/Vienna")
    assert builders.events(Kind.PERSON_EDITED)[0].detail == {"changed": ["name", "time_zone"]}


@pytest.mark.parametrize("dismissal", ["deactivated", "another role"])
def test_whom_a_dismissed_administrator_invited_does_not_come_in(mara, now, dismissal):
    eva = builders.person("Eva", Role.ADMINISTRATOR)
    link, token = invitations.invite(
        email="eva2@st-anna.example", name="", role=Role.ADMINISTRATOR, by=builders.actor(eva), now=now
    )
    other, _ = _invite(mara, now, "lea@st-anna.example")
    if dismissal == "deactivated":
        people.deactivate(eva, reason=WHY, by=builders.actor(mara), now=now)
    else:
        people.change_role(eva, role=Role.USER, reason=WHY, by=builders.actor(mara), now=now)
    with pytest.raises(LinkRefused):
        _accept(token, now)
    assert [event.detail["link"] for event in builders.events(Kind.INVITATION_WITHDRAWN)] == [str(link.pk)]
    assert OneTimeLink.objects.live(now).get() == other
    people.change_role(
        eva, role=Role.OWNER if dismissal == "another role" else Role.USER, reason=WHY, by=builders.actor(mara), now=now
    )
    assert len(builders.events(Kind.INVITATION_WITHDRAWN)) == 1


def test_an_invitation_counts_while_its_maker_administers_however_they_came_to_do_so_no_more(mara, now):
    _, token = _invite(mara, now)
    User.objects.filter(pk=mara.pk).update(role=Role.AUDITOR)
    with pytest.raises(LinkRefused):
        _accept(token, now)
    assert not builders.events(Kind.PERSON_JOINED)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_an_invitation_accepted_while_its_maker_is_dismissed_no_administrator_is_left_unseen(now):
    mara, eva = builders.person("Mara", Role.ADMINISTRATOR), builders.person("Eva", Role.ADMINISTRATOR)
    _, token = invitations.invite(
        email="eva2@st-anna.example", name="", role=Role.ADMINISTRATOR, by=builders.actor(eva), now=now
    )
    tries = [
        lambda: _accept(token, now),
        lambda: people.deactivate(eva, reason=WHY, by=builders.actor(mara), now=now),
    ]
    outcome = at_once(2, lambda number: tries[number]())
    assert outcome.raised_only(LinkRefused), outcome.raised
    assert not User.objects.get(pk=eva.pk).is_active
    joined = User.objects.filter(email="eva2@st-anna.example").count()
    assert joined == len(builders.events(Kind.PERSON_JOINED)) == 1 - len(builders.events(Kind.INVITATION_WITHDRAWN))


def _accept(token, now):
    facts = RequestFacts(now, uuid7(), "192.0.2.4")
    return invitations.accept_invitation(
        token=token, name="Eva Two", password=builders.PASSWORD, time_zone="UTC", now=now, facts=facts
    )
