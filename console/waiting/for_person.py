"""What waits for a person: things that only they, or people with their role, can do now. Nothing is stored for it."""

from __future__ import annotations

from datetime import datetime

from agents.models import User
from agents.permissions import May
from console.waiting.agents import changed, ending_agents, pending, to_confirm, without_usable_owner
from console.waiting.clients import asked_for, said_anew
from console.waiting.consents import drifted, reported, to_agree, unanswered
from console.waiting.keys import my_ending_keys
from console.waiting.row import Waiting
from console.waiting.signals import stopped_streams


def waiting_for(person: User, now: datetime) -> list[Waiting]:
    """Return what waits for this person, the most urgent sort first: twelve lists at most for an administrator."""
    found: list[Waiting] = []
    for permission, waits in (
        (May.ACTIVATE_AGENT, pending),
        (May.LOOK_AT_REPORT, reported),
        (May.REFUSE_CLIENT, asked_for),
        (May.LOOK_AT_CHANGES, changed),
        (May.CONFIRM_REQUIRED_SCOPE, to_confirm),
        (May.CONFIRM_CONSENT, unanswered),
        (May.CONFIRM_CONSENT, drifted),
        (May.AGREE_AS_APPROVER, to_agree),
        (May.HAND_OVER_AGENT, without_usable_owner),
        (May.MANAGE_SIGNALS, stopped_streams),
    ):
        if person.has_perm(permission):
            found += waits(person, now)
    found += said_anew(person, now) + ending_agents(person, now) + my_ending_keys(person, now)
    return found
