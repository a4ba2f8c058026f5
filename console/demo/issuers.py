"""A sign-in service that the clinic trusts: for the staff directory, and for one agent, its word is enough."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction
from joserfc.jwk import ECKey

from agents import linked_people, trusted_issuers
from agents.actors import Actor
from agents.models import AgentScope
from agents.public_keys import key_of
from agents.trusted_issuers import Terms
from consent.vouched import Vouched, consent_for
from console.demo.timeline import Timeline
from console.demo.world import World

ISSUER = "https://login.st-anna.example"
AGENT, SCOPE, WHO = "appointments", "directory:read", "petra"
"""She has decided nothing about this agent on a screen, so an issuer's word counts for her."""


def tell(world: World, line: Timeline) -> None:
    """Trusted three weeks ago; it named somebody this morning."""
    line.at(world.moment(21, 15), partial(_trust, world))
    line.at(world.moment(0.1, 7), partial(_vouch, world))


def _trust(world: World, at: datetime) -> None:
    world.issuer = trusted_issuers.trust(
        Terms(
            name="St. Anna sign-in",
            issuer=ISSUER,
            clients=frozenset([world.clients[AGENT]]),
            scopes=frozenset([world.scopes[SCOPE]]),
            # Of a key that nobody keeps: in the demonstration nothing is signed by it.
            keys=(key_of(ECKey.generate_key("P-256", private=True).as_dict(private=False)),),
            email_domains=("st-anna.example",),
        ),
        reason="Everybody at the clinic signs in there, and the directory holds nothing secret.",
        by=world.actor("mara", at),
        now=at,
    )


@transaction.atomic
def _vouch(world: World, at: datetime) -> None:
    issuer, client, person = world.issuer, world.clients[AGENT], world.people[WHO]
    if issuer is None:
        return
    by = Actor.client(client.pk, world.facts(AGENT, at))
    linked_people.link(issuer, "00u1vogel", person, by=by, now=at)
    rows = tuple(AgentScope.objects.offered_by(world.agents[AGENT]).filter(scope=world.scopes[SCOPE]))
    consent_for(Vouched(issuer, client, person, rows, named=True), by=by, now=at)
