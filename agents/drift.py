"""Drift: something that people agreed to is different now. Told from below, in the transaction of the change.

Who pauses consents stands on the floor above (``consent/drift.py``) and makes itself known here, so that no import goes
up and nobody who changes a scope or a client can leave the pause out. Which changes count is decided where they are made:

wording     other words, unless whoever changed them says with a reason that they mean the same     ``scope_words.reword_scope``
access      deeper: read → write → delete                                                           ``scopes.change_scope``
data_class  another kind of data; not if it is less (none, or personal after a special kind)        ``scopes.change_scope``
sensitive   an administrator marks it as sensitive                                                  ``scopes.change_scope``
required    people can no longer untick what they could                       ``agent_scopes.set_scopes``, ``confirm_required``
rule        an administrator changed what its class takes, and pauses what goes beyond          ``rule_changes.change_rule``
details     a type of details is registered, changed or ended                                       ``detail_types``
redirect    a new host to return to, or the host is gone that a person returned to                  ``clients.change``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from agents.actors import Actor
from agents.models import Access, Agent, Client, DataClass, Scope
from agents.rules import Rule


class What(StrEnum):
    """What is different."""

    WORDING = "wording"
    ACCESS = "access"
    DATA_CLASS = "data_class"
    SENSITIVE = "sensitive"
    REQUIRED = "required"
    REDIRECT_HOST = "redirect_host"
    RULE = "rule"
    DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. before, after: plain JSON values, for people and for the trail.

    scope: whose holders it concerns; agent: only where it is an agent's own matter; client: for redirect hosts.
    sensitivity_class, rule: for a rule, whose consents it concerns where they go beyond it.
    """

    what: What
    before: Any
    after: Any
    scope: Scope | None = None
    agent: Agent | None = None
    client: Client | None = None
    sensitivity_class: str = ""
    rule: Rule | None = None


Pauser = Callable[[Sequence[Drift], Actor, datetime], int]


class NobodyPauses(RuntimeError):
    """Nobody made themselves known: a change would go past the people whom it concerns."""


class _Known:
    pauser: Pauser | None = None


def pauses_consents(pauser: Pauser) -> None:
    """Make known who pauses the consents that a change concerns. Called once, when the apps are ready."""
    _Known.pauser = pauser


def tell(drifts: Sequence[Drift], *, by: Actor, now: datetime) -> int:
    """Pause the consents that these concern, in the caller's transaction. Returns how many. Raises NobodyPauses."""
    if not drifts:
        return 0
    if _Known.pauser is None:
        raise NobodyPauses
    return _Known.pauser(drifts, by, now)


_DEPTH = {Access.READ: 0, Access.WRITE: 1, Access.DELETE: 2}


def goes_deeper(before: str, after: str) -> bool:
    """Whether the access lets an agent do more than it did."""
    return _DEPTH[Access(after)] > _DEPTH[Access(before)]


def is_other_data(before: str, after: str) -> bool:
    """Whether people did not agree to data of this class: another kind, and not merely less of what they agreed to."""
    if after in {before, DataClass.NONE}:
        return False
    return not (after == DataClass.PERSONAL and before in {DataClass.HEALTH, DataClass.FINANCIAL})
