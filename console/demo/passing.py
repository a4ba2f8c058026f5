"""Work that is passed on: the discharge letter goes on to the ward's notes, and from these to the appointment helper."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from agents import clients
from agents.models import Agent, GrantType
from agents.passing import set_recipients
from agents.review import look_at_changes, reviewed
from consent.oauth.token_exchange import ACCESS_TOKEN
from console.demo.endpoints import ask_token
from console.demo.estate import HOUSE, RECORDS
from console.demo.timeline import Timeline
from console.demo.use import use
from console.demo.world import World

FROM = "discharge"
TO = ("rounds", "appointments")
STEPS = ((TO[0], RECORDS, "records:read"), (TO[0], HOUSE, "directory:read"), (TO[1], HOUSE, "directory:read"))
"""Who takes over, where and for what: the first twice from the discharge assistant, the second from the first."""
HOW_OFTEN = 0.4
"""Of the times at which the work could be passed on."""


def tell(world: World, line: Timeline) -> None:
    """Ana decides six weeks ago to whom the discharge assistant may ask to pass work on; Mara looks at that."""
    line.at(world.moment(38, 10), partial(_let_take_over, world))
    line.at(world.moment(38, 11), partial(_name_recipients, world))
    line.at(world.moment(37, 9), partial(_look_at_it, world))


def _let_take_over(world: World, at: datetime) -> None:
    for key in TO:
        client, by = world.clients[key], world.actor("ana", at)
        grants = {*client.grant_types, GrantType.EXCHANGE}
        world.clients[key] = clients.change(client, grant_types=grants, by=by, now=at)


def _name_recipients(world: World, at: datetime) -> None:
    others = [world.agents[key] for key in TO]
    world.agents[FROM] = set_recipients(world.agents[FROM], to=others, deep=2, by=world.actor("ana", at), now=at)


def _look_at_it(world: World, at: datetime) -> None:
    agent = Agent.objects.get(pk=world.agents[FROM].pk)
    look_at_changes(agent, seen=reviewed(agent).digest(), by=world.actor("mara", at), now=at)


def pass_on(world: World, presented: str, at: datetime) -> None:
    """Let the others take over from this token of the discharge assistant, now and then, and use what they get."""
    if world.random.random() > HOW_OFTEN:
        return
    moment, subject = at + timedelta(seconds=25), presented
    for agent, resource, scope in STEPS:
        if agent != TO[0] and world.random.random() < 0.5:
            return
        got = ask_token(
            world,
            agent,
            moment,
            grant_type=GrantType.EXCHANGE,
            subject_token=subject,
            subject_token_type=ACCESS_TOKEN,
            resource=world.resources[resource].uri,
            scope=scope,
        )
        if got.status != 200:
            return
        use(world, resource, got.body["access_token"], moment)
        moment += timedelta(seconds=20)
        subject = got.body["access_token"] if resource == HOUSE else subject
