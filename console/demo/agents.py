"""Twelve agents of St. Anna, in every state that an agent can be in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from agents import agent_scopes, client_facts, clients, credentials, lifecycle, registry
from agents.models import AuthMethod, Environment
from agents.models import Kind as AgentKind
from console.demo.timeline import Timeline
from console.demo.world import World

ASSISTANT, AUTONOMOUS = AgentKind.ASSISTANT, AgentKind.AUTONOMOUS
CLINIC, FINANCE = "Clinic operations", "Finance house"
REDIRECT = "https://{key}.st-anna.example/callback"


@dataclass(frozen=True, slots=True)
class AgentText:
    """One agent. since: days ago it was registered. ends: days from now, negative for the past; None for no end."""

    key: str
    name: str
    kind: AgentKind
    owner: str
    purpose: str
    scopes: str
    unit: str = CLINIC
    since: int = 50
    deputies: tuple[str, ...] = ()
    ends: int | None = None
    required: str = ""
    until: str = "active"
    environment: Environment = Environment.PRODUCTION


AGENTS = (
    AgentText(
        "discharge",
        "Discharge Assistant",
        ASSISTANT,
        "ana",
        "Draft discharge letters for the ward doctor",
        "records:read letters:write labs:read calendar:read directory:read",
        deputies=("tomas",),
        required="records:read",
    ),
    AgentText(
        "rounds",
        "Ward Round Notes",
        ASSISTANT,
        "ana",
        "Turn what is said on the ward round into notes",
        "records:read records:write records:delete medication:read directory:read",
        since=48,
    ),
    AgentText(
        "appointments",
        "Appointment Helper",
        ASSISTANT,
        "tomas",
        "Keep calendars free of double bookings",
        "calendar:read calendar:write directory:read",
        since=47,
        deputies=("ana",),
    ),
    AgentText(
        "invoices",
        "Invoice Clerk",
        ASSISTANT,
        "petra",
        "Match incoming invoices with orders",
        "invoices:read invoices:write payments:send payments:cancel",
        unit=FINANCE,
        since=46,
    ),
    AgentText(
        "claims",
        "Claims Filer",
        AUTONOMOUS,
        "tomas",
        "File insurance claims after discharge",
        "claims:submit invoices:read payments:send",
        unit=FINANCE,
        since=45,
        deputies=("petra",),
    ),
    AgentText(
        "beds",
        "Bed Finder",
        AUTONOMOUS,
        "ana",
        "Show free beds to the wards",
        "directory:read statistics:read",
        since=44,
    ),
    AgentText(
        "labs",
        "Lab Monitor",
        AUTONOMOUS,
        "peter",
        "Watch laboratory results for critical values",
        "labs:read records:read",
        since=43,
        ends=13,
    ),
    AgentText(
        "payroll",
        "Payroll Checker",
        AUTONOMOUS,
        "petra",
        "Find errors in the payroll before it is paid",
        "payroll:read",
        unit=FINANCE,
        since=42,
    ),
    AgentText(
        "flu",
        "Flu Season Caller",
        ASSISTANT,
        "tomas",
        "Remind staff of their flu vaccination",
        "calendar:read directory:read",
        since=41,
        ends=-3,
    ),
    AgentText(
        "fax",
        "Old Fax Reader",
        AUTONOMOUS,
        "peter",
        "Sort faxes that come in by ward",
        "directory:read",
        since=57,
    ),
    AgentText(
        "medication",
        "Medication Reconciler",
        ASSISTANT,
        "ana",
        "Compare medication plans at admission and discharge",
        "medication:read records:read",
        since=6,
        until="pending",
    ),
    AgentText(
        "referrals",
        "Referral Drafts",
        ASSISTANT,
        "tomas",
        "Draft referrals to other clinics",
        "letters:write directory:read",
        since=2,
        until="draft",
        environment=Environment.STAGING,
    ),
)


def tell(world: World, line: Timeline) -> None:
    """Register the agents over the weeks, and let happen to them what happens to agents."""
    for number, text in enumerate(AGENTS):
        world.addresses[text.key] = f"10.40.{number // 4}.{11 + number}"
        line.at(world.moment(text.since, 10, 4 * number), partial(_register, world, text))
        if text.until != "draft":
            line.at(world.moment(text.since, 14, 4 * number), partial(_submit, world, text))
        if text.until == "active":
            line.at(world.moment(text.since - 1, 11, 4 * number), partial(_activate, world, text))
    line.at(world.moment(39, 9), partial(_confirm_required, world))
    line.at(world.moment(10, 15), partial(_hand_over, world))
    line.at(world.moment(9, 15), partial(_retire_fax_reader, world))
    line.at(world.moment(8, 11), partial(_rest, world))
    line.at(world.moment(7, 9), partial(_go_on, world))
    line.at(world.moment(4, 16), partial(_suspend_payroll, world))


def _register(world: World, text: AgentText, at: datetime) -> None:
    by = world.actor(text.owner, at)
    agent = registry.register(
        name=text.name,
        purpose=text.purpose,
        kind=text.kind,
        unit=text.unit,
        environment=text.environment,
        owner=world.people[text.owner],
        deputies=[world.people[deputy] for deputy in text.deputies],
        data_classes={world.scopes[name].data_class for name in text.scopes.split()},
        ends_at=world.now + timedelta(days=text.ends) if text.ends is not None else None,
        by=by,
        now=at,
    )
    scopes = frozenset(world.scopes[name] for name in text.scopes.split())
    required = frozenset(world.scopes[name] for name in text.required.split())
    agent_scopes.set_scopes(agent, scopes=scopes, required=required, by=by, now=at + timedelta(minutes=1))
    client = clients.add(
        agent,
        name=text.name,
        auth_method=AuthMethod.BASIC,
        grant_types=client_facts.GRANTS_OF[text.kind],
        redirect_uris=[REDIRECT.format(key=text.key)] if text.kind == ASSISTANT else [],
        by=by,
        now=at + timedelta(minutes=2),
    )
    issued = credentials.issue(client, reason="First key.", by=by, now=at + timedelta(minutes=3))
    world.agents[text.key], world.clients[text.key], world.keys[text.key] = agent, client, issued.key


def _submit(world: World, text: AgentText, at: datetime) -> None:
    lifecycle.submit(
        world.agents[text.key], reason="It is ready to be looked at.", by=world.actor(text.owner, at), now=at
    )


def _activate(world: World, text: AgentText, at: datetime) -> None:
    who = "mara" if text.unit == CLINIC else "li"
    lifecycle.activate(world.agents[text.key], reason="Purpose and permissions fit.", by=world.actor(who, at), now=at)


def _confirm_required(world: World, at: datetime) -> None:
    agent_scopes.confirm_required(
        world.agents["discharge"], world.scopes["records:read"], by=world.actor("mara", at), now=at
    )


def _hand_over(world: World, at: datetime) -> None:
    registry.hand_over(
        world.agents["labs"],
        owner=world.people["ana"],
        reason="Peter Hahn leaves the clinic.",
        by=world.actor("mara", at),
        now=at,
    )


def _retire_fax_reader(world: World, at: datetime) -> None:
    lifecycle.retire(
        world.agents["fax"], reason="The last fax machine was switched off.", by=world.actor("peter", at), now=at
    )


def _rest(world: World, at: datetime) -> None:
    lifecycle.suspend(
        world.agents["claims"], reason="The insurers' gateway is down.", by=world.actor("tomas", at), now=at
    )


def _go_on(world: World, at: datetime) -> None:
    lifecycle.resume(world.agents["claims"], reason="The gateway is back.", by=world.actor("li", at), now=at)


def _suspend_payroll(world: World, at: datetime) -> None:
    lifecycle.suspend(
        world.agents["payroll"],
        reason="It reads payslips of people who have left. To be looked at first.",
        by=world.actor("petra", at),
        now=at,
    )
