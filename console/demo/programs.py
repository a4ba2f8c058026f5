"""Programs that registered themselves at St. Anna: some wait unclaimed, one is asked for, and a rule adopts what comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from agents.actors import Actor
from agents.programs import adoption, adoption_rules, self_registered
from agents.programs.registration import read_claims
from console.demo.timeline import Timeline
from console.demo.world import World

NOTES: dict[str, object] = {
    "client_name": "Note Helper",
    "redirect_uris": ["http://127.0.0.1:4317/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
PLANNER: dict[str, object] = {
    "client_name": "Ward Planner",
    "software_id": "ward-planner",
    "client_uri": "https://planner.example/about",
    "redirect_uris": ["https://planner.example/callback"],
    "token_endpoint_auth_method": "client_secret_basic",
}


def tell(world: World, line: Timeline) -> None:
    """Programs come and are forgotten unused. Mara decides what of them is adopted by itself; Weber asks for one."""
    line.at(world.moment(9, 10), partial(_decides, world))
    for days, hour in ((10, 16), (6, 8)):
        line.at(world.moment(days, hour), partial(_registers, world, PLANNER, "peeters"))
    for days, hour in ((13, 11), (11, 9), (8, 15), (5, 9), (3, 14), (1, 8)):
        line.at(world.moment(days, hour), partial(_registers, world, NOTES, "weber"))
    line.at(world.moment(1, 8, 20), partial(_asks, world))


def _registers(world: World, said: Mapping[str, object], where: str, at: datetime) -> None:
    by = Actor.client(None, world.facts(where, at))
    registered = self_registered.register(read_claims(said), token=None, by=by, now=at)
    world.clients[str(said["client_name"])] = registered.client


def _decides(world: World, at: datetime) -> None:
    by = world.actor("mara", at)
    adoption_rules.issue_token(name="Ward tablets", ends_at=None, by=by, now=at)
    adoption_rules.make_rule(
        match="document_host",
        host="tablets.st-anna.example",
        agent=world.agents["appointments"],
        reason="Our own tablets describe themselves there.",
        by=by,
        now=at,
    )


def _asks(world: World, at: datetime) -> None:
    adoption.ask(
        world.clients["Note Helper"],
        scopes=[world.scopes["records:read"]],
        why="To look up what I noted on the ward round",
        by=world.actor("weber", at),
        now=at,
    )
