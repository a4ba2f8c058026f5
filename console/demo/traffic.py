"""Two weeks of work: agents fetch tokens, resources are called, and report what was done."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from consent.models import Consent
from console.demo.consents import CONSENTS, FOR_PEOPLE, Given
from console.demo.endpoints import ask_token, ask_worth
from console.demo.estate import FINANCE, HOUSE, RECORDS
from console.demo.passing import pass_on
from console.demo.timeline import Timeline
from console.demo.use import use
from console.demo.world import ZONE, World

DAYS = 14
A_DAY = {"discharge": 5, "rounds": 4, "appointments": 3, "invoices": 4, "flu": 1}
"""How often an assistant works for one person on a working day, about."""
AROUND_THE_CLOCK = {"beds": 45, "labs": 60}
"""Every so many minutes."""


def tell(world: World, line: Timeline) -> None:
    """Let every agent do its work under the consents it has. What is no longer allowed is tried once, and refused."""
    for given in CONSENTS:
        if given.wish.agent in FOR_PEOPLE:
            _tell_of_assistant(world, line, given)
    for agent, minutes in AROUND_THE_CLOCK.items():
        first = world.now - timedelta(days=DAYS)
        for number in range(DAYS * 24 * 60 // minutes):
            moment = first + timedelta(minutes=number * minutes, seconds=world.random.randint(0, 600))
            line.at(moment, partial(_work_alone, world, agent))
    for days_ago in range(DAYS, -1, -1):
        for number in range(world.random.randint(5, 14)):
            line.at(world.moment(days_ago, 2, 3 * number), partial(_work_alone, world, "claims"))
        if days_ago >= 4 or days_ago == 1:
            line.at(world.moment(days_ago, 5, 30), partial(_work_alone, world, "payroll"))


def _tell_of_assistant(world: World, line: Timeline, given: Given) -> None:
    if given.wish.until == "once":
        return
    if given.wish.until == "1h":
        line.at(world.moment(given.since, 10, 50), partial(_work_for_person, world, given))
        return
    for days_ago in range(min(DAYS, given.since), -1, -1):
        weekday = world.moment(days_ago).astimezone(ZONE).weekday()
        usual = A_DAY[given.wish.agent] if weekday < 5 else A_DAY[given.wish.agent] // 3
        for _ in range(world.random.randint(0, 2 * usual)):
            moment = world.moment(days_ago, world.random.randint(11, 17), world.random.randint(0, 59))
            line.at(moment, partial(_work_for_person, world, given))
    if given.becomes == "revoke":
        changed = given.changed_at(world)
        line.at(changed - timedelta(minutes=2), partial(_work_for_person, world, given))
        line.at(changed + timedelta(minutes=1), partial(_try_again, world, given))


def _try_again(world: World, given: Given, at: datetime) -> None:
    """Present the token of two minutes ago, which was revoked meanwhile."""
    resource, presented = world.access_tokens.get(given.key, (HOUSE, ""))
    if resource != HOUSE:
        ask_worth(world, resource, presented, at)


def _work_for_person(world: World, given: Given, at: datetime) -> None:
    """Refresh, call, report. An agent whose refresh was refused asks no more."""
    consent = world.consents.get(given.key)
    held = world.refresh_tokens.get(str(consent.pk)) if consent else None
    if consent is None or held is None:
        return
    consent.refresh_from_db()
    resource = _pick_resource(world, consent, at)
    got = ask_token(
        world,
        given.wish.agent,
        at,
        grant_type="refresh_token",
        refresh_token=held,
        resource=world.resources[resource].uri,
    )
    if got.status != 200:
        del world.refresh_tokens[str(consent.pk)]
        return
    world.refresh_tokens[str(consent.pk)] = got.body["refresh_token"]
    world.access_tokens[given.key] = resource, got.body["access_token"]
    use(world, resource, got.body["access_token"], at)
    if given.wish.passes:
        pass_on(world, got.body["access_token"], at)


def _pick_resource(world: World, consent: Consent, at: datetime) -> str:
    held = {resource.pk for resource in consent.resources(at)}
    keys = [key for key, resource in world.resources.items() if resource.pk in held] or list(world.resources)
    # The house directory is looked at now and then; what a consent is for is done at the other one.
    return keys[0] if world.random.random() < 0.8 else keys[-1]


def _work_alone(world: World, agent: str, at: datetime) -> None:
    """Get a token for the organisation, call, report."""
    resource = {"labs": RECORDS, "claims": FINANCE, "payroll": FINANCE}.get(agent)
    if resource is None:
        resource = HOUSE if world.random.random() < 0.7 else RECORDS
    got = ask_token(world, agent, at, grant_type="client_credentials", resource=world.resources[resource].uri)
    if got.status == 200:
        use(world, resource, got.body["access_token"], at)
