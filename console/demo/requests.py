"""What agents ask people who are elsewhere: two questions wait, one ran out, and one agent may not ask any more."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from agents import circle, clients, device_codes
from agents.actors import Actor
from agents.models import AgentScope, GrantType
from consent import requests, silences
from consent.offer import Asking
from consent.offering import make_offer
from console.demo.consents import LETTERS
from console.demo.timeline import Timeline
from console.demo.world import ZONE, World

ASK = ("discharge", "rounds", "appointments")
"""Agents whose programs also ask out of band."""
A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks somebody who is elsewhere, and for how long it waits."""

    agent: str
    who: str
    purpose: str
    scopes: str
    message: str = ""
    life: timedelta = A_DAY


MORE = Question("discharge", "weber", LETTERS, "labs:read", "W4SCT")
MOVE = Question(
    "appointments", "weber", "Move the ward round of tomorrow to ten", "calendar:write", "Ward round, 10:00"
)
MISSED = Question("appointments", "weber", "Book the seminar room", "calendar:write", life=timedelta(minutes=30))
NAGGING = Question("rounds", "weber", "Take notes in the canteen", "directory:read")


def tell(world: World, line: Timeline) -> None:
    """Who may ask at all was decided weeks ago; the questions that wait are a few minutes old."""
    line.at(world.moment(40, 11), partial(_let_ask, world))
    line.at(world.moment(40, 12), partial(_let_use_device_codes, world))
    line.at(world.moment(39, 9), partial(_into_the_circle, world))
    line.at(world.moment(6, 13), partial(_never_again, world))
    line.at(world.moment(2, 11), partial(_ask, world, MISSED))
    line.at(world.now - timedelta(minutes=25), partial(_ask, world, MORE))
    line.at(world.now - timedelta(minutes=4), partial(_ask, world, MOVE))


def _let_ask(world: World, at: datetime) -> None:
    for key in ASK:
        client, by = world.clients[key], world.actor("mara", at)
        world.clients[key] = clients.change(client, grant_types={*client.grant_types, GrantType.CIBA}, by=by, now=at)


def _let_use_device_codes(world: World, at: datetime) -> None:
    client, by = world.clients["appointments"], world.actor("mara", at)
    world.clients["appointments"] = device_codes.allow(client, reason="Rota display on ward 3B.", by=by, now=at)


def _into_the_circle(world: World, at: datetime) -> None:
    by, agent = world.actor("mara", at), world.agents["discharge"]
    circle.join(agent, world.people["okafor"], reason="Signs letters for ward 3B.", by=by, now=at)


def _ask(world: World, question: Question, at: datetime) -> requests.Asked:
    client = world.clients[question.agent]
    asked = requests.Question(
        client=client,
        scopes=_rows(world, question),
        purpose=question.purpose,
        life=question.life,
        binding_message=question.message,
    )
    by = Actor.client(client.pk, world.facts(question.agent, at))
    return requests.ask(asked, world.people[question.who], by=by, now=at)


def _never_again(world: World, at: datetime) -> None:
    asked = _ask(world, NAGGING, at).request
    answered = at + timedelta(minutes=1)
    offer = make_offer(
        Asking(world.clients[NAGGING.agent], _rows(world, NAGGING), NAGGING.purpose),
        person=world.people[NAGGING.who],
        zone_name=ZONE.key,
        now=answered,
    )
    by, nonce = world.actor(NAGGING.who, answered), secrets.token_urlsafe(16)
    silences.refuse_for_ever(asked.pk, offer, form_nonce=nonce, by=by, now=answered)


def _rows(world: World, question: Question) -> tuple[AgentScope, ...]:
    names = question.scopes.split()
    return tuple(AgentScope.objects.offered_by(world.agents[question.agent]).filter(scope__name__in=names))
