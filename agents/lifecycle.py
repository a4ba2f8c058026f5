"""The states of an agent and the only moves between them. No other file writes ``state``.

draft ──submit──▶ pending ──activate──▶ active ◀──resume── suspended
  ◀──send back──────┘                     └────suspend───────▶┘
each of the four ──retire──▶ retired, for good
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.actors import Actor, ActorKind, require
from agents.errors import FactsChanged, IllegalMove, NotReady
from agents.models import Agent, State
from agents.permissions import May
from agents.review import forget_changes, reviewed
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move: from which states, to which, who may, and the event that it leaves."""

    verb: str | Promise
    """As in "An agent that is draft cannot …"."""
    starts: frozenset[State]
    end: State
    permission: May
    kind: Kind


SUBMIT = Move(
    gettext_lazy("be submitted"), frozenset({State.DRAFT}), State.PENDING, May.SUBMIT_AGENT, Kind.AGENT_SUBMITTED
)
SEND_BACK = Move(
    gettext_lazy("be sent back"), frozenset({State.PENDING}), State.DRAFT, May.SUBMIT_AGENT, Kind.AGENT_SENT_BACK
)
ACTIVATE = Move(
    gettext_lazy("be activated"), frozenset({State.PENDING}), State.ACTIVE, May.ACTIVATE_AGENT, Kind.AGENT_ACTIVATED
)
SUSPEND = Move(
    gettext_lazy("be suspended"), frozenset({State.ACTIVE}), State.SUSPENDED, May.SUSPEND_AGENT, Kind.AGENT_SUSPENDED
)
RESUME = Move(
    gettext_lazy("be resumed"), frozenset({State.SUSPENDED}), State.ACTIVE, May.RESUME_AGENT, Kind.AGENT_RESUMED
)
RETIRE = Move(
    gettext_lazy("be retired"), frozenset(State) - {State.RETIRED}, State.RETIRED, May.RETIRE_AGENT, Kind.AGENT_RETIRED
)
MOVES = {
    "submit": SUBMIT,
    "send-back": SEND_BACK,
    "activate": ACTIVATE,
    "suspend": SUSPEND,
    "resume": RESUME,
    "retire": RETIRE,
}
STOPS = (SUSPEND, RETIRE)
"""After these its tokens are refused. The agent keeps the event's number until the first refusal has been seen."""
CLEARS = (ACTIVATE, RETIRE)
"""With these no change waits any more for another person: all of it was looked at, or nothing of it matters."""
_TELL_WHETHER_AUTOMATIC = {Kind.AGENT_SUSPENDED, Kind.AGENT_RETIRED}


def submit(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """Ask for activation. Raises Forbidden, IllegalMove, NotReady. Records ``agent.submitted``."""
    return move(agent, SUBMIT, reason=reason, by=by, now=now)


def activate(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """Let the agent act from now on. Raises Forbidden, IllegalMove, NotReady. Records ``agent.activated``.

    Where policy wants a second person, it must be somebody other than the one who submitted it.
    """
    return move(agent, ACTIVATE, reason=reason, by=by, now=now)


def suspend(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """Stop the agent until it is resumed: no token, and those that are out are refused at their next use.

    Raises Forbidden, IllegalMove. Records ``agent.suspended``.
    """
    return move(agent, SUSPEND, reason=reason, by=by, now=now)


def resume(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """Let a suspended agent act again. Raises Forbidden, IllegalMove, NotReady. Records ``agent.resumed``."""
    return move(agent, RESUME, reason=reason, by=by, now=now)


def retire(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """End the agent for good. Raises Forbidden, IllegalMove. Records ``agent.retired``."""
    return move(agent, RETIRE, reason=reason, by=by, now=now)


@transaction.atomic
def take_up(agent: Agent, *, reason: str, by: Actor, now: datetime) -> Agent:
    """Submit and activate in one step, for an administrator where policy wants no second person.

    Raises what ``submit`` and ``activate`` raise, and then neither has happened. Records both events.
    """
    submit(agent, reason=reason, by=by, now=now)
    return activate(agent, reason=reason, by=by, now=now)


@transaction.atomic
def move(agent: Agent, move: Move, *, reason: str, by: Actor, now: datetime, seen: str | None = None) -> Agent:
    """Make one move. The row lock decides between two at once: the second finds another state, and is refused.

    seen: the digest of the facts that the person looked at (``agents.review``); if they have changed since, FactsChanged.
    """
    reason = reason_of(reason)
    agent = Agent.objects.locked(agent.pk)
    require(by, move.permission, agent)
    if agent.state not in move.starts:
        raise IllegalMove(agent.get_state_display(), str(move.verb))
    if seen is not None and seen != reviewed(agent).digest():
        raise FactsChanged
    if move.end in {State.PENDING, State.ACTIVE}:
        _must_be_ready(agent, now)
    agent.state, agent.stop_event = move.end, None
    changed = ["state", "stop_event"]
    if move is SUBMIT:
        agent.submitted_by = by.user
        changed.append("submitted_by")
    if move in CLEARS:
        forget_changes(agent)
        changed += ["looked_at", "changed_since", "changed_by"]
    detail = {"automatic": by.kind == ActorKind.SYSTEM} if move.kind in _TELL_WHETHER_AUTOMATIC else {}
    number = record(move.kind, by=by, now=now, agent_id=agent.pk, reason=reason, **detail)
    if move in STOPS:
        agent.stop_event = number
    agent.save(update_fields=changed)
    return agent


def _must_be_ready(agent: Agent, now: datetime) -> None:
    owner = agent.owner
    if owner is None or not owner.is_active:
        raise NotReady(_("Nobody answers for this agent. Give it an owner first."))
    if not agent.purpose:
        raise NotReady(_("Nobody has said what this agent is for. Give it a purpose first."))
    if agent.has_ended(now):
        raise NotReady(_("The end date of this agent has passed. Give it a later one first."))
