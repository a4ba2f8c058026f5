"""Who works at St. Anna: set up by the first link, invited by the administrator, some of them gone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from agents import invitations, links, organisation, people, sign_in
from agents.models import Role
from console.demo.timeline import Timeline
from console.demo.world import ZONE, World

ORGANISATION = "St. Anna"


@dataclass(frozen=True, slots=True)
class Person:
    """One person. methods: how they sign in."""

    key: str
    name: str
    role: Role
    address: str
    methods: tuple[str, ...] = ("password",)

    @property
    def email(self) -> str:
        return f"{self.name.removeprefix('Dr. ').lower().replace(' ', '.')}@st-anna.example"


PEOPLE = (
    Person("mara", "Mara Keller", Role.ADMINISTRATOR, "10.20.4.11", ("password", "totp")),
    Person("li", "Li Wen", Role.ADMINISTRATOR, "10.20.4.12", ("passkey",)),
    Person("ana", "Ana Duarte", Role.OWNER, "10.20.7.31", ("password", "totp")),
    Person("tomas", "Tomas Novak", Role.OWNER, "10.20.7.32"),
    Person("petra", "Petra Vogel", Role.OWNER, "10.20.9.5", ("password", "totp")),
    Person("peter", "Peter Hahn", Role.OWNER, "10.20.7.40"),
    Person("weber", "Dr. Jonas Weber", Role.USER, "10.20.12.88"),
    Person("okafor", "Dr. Sara Okafor", Role.USER, "10.20.12.91", ("passkey",)),
    Person("peeters", "Jan Peeters", Role.USER, "10.20.12.93"),
    Person("elif", "Elif Yilmaz", Role.USER, "10.20.9.8"),
    Person("omar", "Omar Haddad", Role.AUDITOR, "10.20.2.4", ("password", "totp")),
)


def tell(world: World, line: Timeline) -> None:
    """Set up the organisation two months ago, and let its people come, sign in and go."""
    for person in PEOPLE:
        world.addresses[person.key] = person.address
        world.passwords[person.key] = secrets.token_urlsafe(12)
    line.at(world.moment(60, 8), partial(_set_up, world))
    line.at(world.moment(60, 8, 30), partial(_decide_policy, world))
    for number, person in enumerate(PEOPLE[1:]):
        line.at(world.moment(59, 9, 5 * number), partial(_join, world, person))
    line.at(world.moment(9, 16), partial(_leave, world))
    line.at(world.moment(16, 10), partial(_invite, world, "Nora Lang", Role.USER))
    line.at(world.moment(2, 10), partial(_invite, world, "Eva Roth", Role.OWNER))
    for days_ago in range(14, -1, -1):
        for person in PEOPLE:
            _sign_ins(world, line, person, days_ago)


def _set_up(world: World, at: datetime) -> None:
    first = PEOPLE[0]
    world.people[first.key] = people.set_up(
        token=links.issue_setup_link(now=at),
        name=first.name,
        email=first.email,
        password=world.passwords[first.key],
        organisation_name=ORGANISATION,
        time_zone=ZONE.key,
        now=at,
        facts=world.facts(first.key, at),
    )


def _decide_policy(world: World, at: datetime) -> None:
    organisation.change_policy(name=ORGANISATION, second_person_activates=True, by=world.actor("mara", at), now=at)


def _join(world: World, person: Person, at: datetime) -> None:
    _, token = invitations.invite(
        email=person.email, name=person.name, role=person.role, by=world.actor("mara", at), now=at
    )
    accepted = at + timedelta(minutes=3)
    world.people[person.key] = invitations.accept_invitation(
        token=token,
        name=person.name,
        password=world.passwords[person.key],
        time_zone=ZONE.key,
        now=accepted,
        facts=world.facts(person.key, accepted),
    )


def _leave(world: World, at: datetime) -> None:
    people.deactivate(world.people["peter"], reason="He has left the clinic.", by=world.actor("mara", at), now=at)


def _invite(world: World, name: str, role: Role, at: datetime) -> None:
    email = f"{name.lower().replace(' ', '.')}@st-anna.example"
    invitations.invite(email=email, name=name, role=role, by=world.actor("mara", at), now=at)


def _sign_ins(world: World, line: Timeline, person: Person, days_ago: int) -> None:
    """Most people sign in on most working days; nobody who has left."""
    moment = world.moment(days_ago, world.random.randint(7, 10), world.random.randint(0, 59))
    gone = person.key == "peter" and days_ago <= 9
    if gone or moment.astimezone(ZONE).weekday() >= 5 or world.random.random() < 0.25:
        return

    def come(at: datetime) -> None:
        by = world.actor(person.key, at)
        sign_in.record_sign_in(world.people[person.key], methods=list(person.methods), by=by, now=at)

    line.at(moment, come)
