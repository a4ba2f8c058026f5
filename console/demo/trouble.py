"""What went wrong in these two weeks, and was refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from agents import credentials
from agents.actors import Actor, RequestFacts
from agents.ids import uuid7
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from console.demo.asking import Wish, refuse_person
from console.demo.endpoints import ask_token, ask_worth
from console.demo.estate import FINANCE, RECORDS
from console.demo.timeline import Timeline
from console.demo.world import World

TOO_MUCH = (
    (13, "labs", "medication:read"),
    (6, "beds", "records:read"),
    (5, "beds", "records:read"),
    (3, "labs", "records:read payroll:read"),
    (1, "labs", "medication:read"),
)
"""Days ago, agent, and the scope that its consent does not hold."""
TIDYING = "Tidy up old notes"
NO = (
    (12, Wish("rounds", "peeters", TIDYING, "records:read records:delete")),
    (7, Wish("appointments", "petra", "Keep my calendar free of double bookings", "calendar:read calendar:write")),
    (4, Wish("invoices", "elif", "Clean up the list of payments", "payments:cancel")),
    (1, Wish("rounds", "weber", TIDYING, "records:delete")),
)
"""Days ago, and what somebody refused."""
DOORS = ((11, "elif", May.SEE_TRAIL), (6, "weber", May.SEE_PEOPLE), (2, "weber", May.SEE_RESOURCES))
"""Days ago, who, and the page that was not theirs."""
KNOCKS = ((10, "203.0.113.77"), (3, "198.51.100.23"), (3, "198.51.100.23"))
"""Days ago, and from where somebody tried a password."""


def tell(world: World, line: Timeline) -> None:
    """A key that was changed at one place only, requests for too much, people who say no, and some who try doors."""
    _tell_of_the_old_key(world, line)
    for days_ago, agent, scope in TOO_MUCH:
        line.at(world.moment(days_ago, 12, 3), partial(_ask_too_much, world, agent, scope))
    for hours in (1, 3):
        line.at(world.now - timedelta(hours=hours, seconds=20), partial(_ask_too_much, world, "labs", "records:write"))
    for days_ago, wish in NO:
        line.at(world.moment(days_ago, 10, 20), partial(refuse_person, world, wish))
    for days_ago, who, permission in DOORS:
        line.at(world.moment(days_ago, 14, 8), partial(_try_door, world, who, permission))
    for days_ago, address in KNOCKS:
        line.at(world.moment(days_ago, 3, 12), partial(_knock, address))
    for days_ago in (12, 6, 2):
        line.at(world.moment(days_ago, 15, 40), partial(_ask_with_foreign_redirect, world))
    for days_ago in (9, 5, 1):
        line.at(world.moment(days_ago, 16, 30), partial(_present_at_wrong_resource, world))
    line.at(world.moment(5, 18), partial(_report_unknown_type, world))


def _tell_of_the_old_key(world: World, line: Timeline) -> None:
    """Tomas changes the key of Claims Filer, but not where it runs. It hammers once, then tries on until the morning."""
    line.at(world.moment(9, 17), partial(_issue_second_key, world))
    line.at(world.moment(9, 21), partial(_revoke_first_key, world))
    minute = world.moment(8, 1, 5).replace(second=0)
    for number in range(26):
        line.at(minute + timedelta(seconds=2 * number), partial(_with_old_key, world))
    for number in range(14):
        line.at(world.moment(8, 3, 4 * number), partial(_with_old_key, world))
    line.at(world.moment(8, 8, 15), partial(_use_second_key, world))


def _issue_second_key(world: World, at: datetime) -> None:
    by, ends_at = world.actor("tomas", at), world.now + timedelta(days=11)
    issued = credentials.issue(
        world.clients["claims"], reason="Until the new gateway is here.", by=by, now=at, ends_at=ends_at
    )
    world.keys["claims-second"] = issued.key


def _revoke_first_key(world: World, at: datetime) -> None:
    first = world.clients["claims"].credentials.order_by("starts_at")[0]
    credentials.revoke(first, reason="Yearly rotation.", by=world.actor("tomas", at), now=at)


def _with_old_key(world: World, at: datetime) -> None:
    ask_token(world, "claims", at, grant_type="client_credentials")


def _use_second_key(world: World, at: datetime) -> None:
    world.keys["claims"] = world.keys["claims-second"]


def _ask_too_much(world: World, agent: str, scope: str, at: datetime) -> None:
    uri = world.resources[RECORDS].uri
    ask_token(world, agent, at, grant_type="client_credentials", scope=scope, resource=uri)


def _try_door(world: World, who: str, permission: May, at: datetime) -> None:
    by = world.actor(who, at)
    record_refusal(
        Kind.PAGE_REFUSED,
        reason_code="forbidden",
        by=by,
        now=at,
        user_id=by.id,
        permission=permission,
    )


def _knock(address: str, at: datetime) -> None:
    record_refusal(
        Kind.SIGN_IN_REFUSED,
        reason_code="wrong_password",
        by=Actor.client(None, RequestFacts(at, uuid7(), address)),
        now=at,
    )


def _ask_with_foreign_redirect(world: World, at: datetime) -> None:
    client = world.clients["appointments"]
    record_refusal(
        Kind.AUTHORIZATION_REFUSED,
        reason_code="invalid_redirect_uri",
        reason="The redirect URI is not registered for this client. It would have led to appointments.example.net.",
        by=world.actor("peeters", at),
        now=at,
        client_id=client.pk,
        agent_id=client.agent_id,
    )


def _present_at_wrong_resource(world: World, at: datetime) -> None:
    got = ask_token(world, "labs", at, grant_type="client_credentials", resource=world.resources[RECORDS].uri)
    if got.status == 200:
        ask_worth(world, FINANCE, got.body["access_token"], at + timedelta(seconds=3))


def _report_unknown_type(world: World, at: datetime) -> None:
    row, facts = world.resources[FINANCE], world.facts(FINANCE, at)
    record_refusal(
        Kind.RECEIPT_REFUSED,
        reason_code="invalid_receipt",
        reason="The resource has not registered this record type.",
        by=Actor.resource(row.pk, facts),
        now=at,
        resource_id=row.pk,
    )
