"""What was decided lately: a stricter rule, somebody's word that an administrator waits for, and words that pause a consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from agents import resources
from agents.models.sensitivity_rule import ApproverRole, SensitivityClass
from agents.rule_changes import change_rule
from agents.rules import Rules
from console.demo.asking import Wish, let_wait
from console.demo.timeline import Timeline
from console.demo.world import World

DOUBLE = Wish("invoices", "elif", "Cancel the payment to Nordmed that went out twice", "payments:cancel", "1d")


def tell(world: World, line: Timeline) -> None:
    """The rule was changed the day before yesterday; the rest happened this morning."""
    line.at(world.moment(2, 16, 30), partial(_four_eyes, world))
    line.at(world.now - timedelta(hours=5), partial(_reword_notes, world))
    line.at(world.now - timedelta(minutes=50), partial(let_wait, world, DOUBLE))


def _four_eyes(world: World, at: datetime) -> None:
    """Whoever allows an agent to delete something needs the word of an administrator."""
    rule = Rules.current().by_class[SensitivityClass.DELETE]
    change_rule(
        SensitivityClass.DELETE,
        replace(rule, approver_role=ApproverRole.ADMINISTRATOR),
        pause_beyond=True,
        reason="A note was deleted that was still needed. Nobody lets an agent delete alone any more.",
        by=world.actor("li", at),
        now=at,
    )


def _reword_notes(world: World, at: datetime) -> None:
    """What people agreed to is not what it does now: their consents pause until they have seen it."""
    resources.reword_scope(
        world.scopes["records:write"],
        title="Add notes to patient files",
        detail="A note counts at once; a doctor can take it back for a day.",
        by=world.actor("mara", at),
        now=at,
    )
