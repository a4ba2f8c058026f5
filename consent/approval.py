"""What a human agrees to on the screen, and what it must be before ``consent.mandate.approve`` makes a consent of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from agents.acr import UNKNOWN, SignIn
from agents.actors import Actor, require
from agents.details.detail import Detail
from agents.errors import Forbidden, InvalidInput
from agents.models import Agent, AgentScope, Client, DetailVersion, Recipient, Scope, ScopeWording, User
from agents.models import Kind as AgentKind
from agents.permissions import May
from agents.redirects import hosts_of
from agents.rules import Rules
from consent.conditions import DAY, MOST_NETWORKS, MOST_USES, NONE, Conditions, known_zone
from consent.errors import DecisionRefused, OfferChanged
from consent.models import Origin
from consent.models.consent_scope import scope_ids
from consent.passing_on.passing import NOTHING, Passing
from consent.purpose import LONGEST_PURPOSE

MANUAL = "manual"
"""How a client is marked that people of the organisation registered themselves."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What a human agreed to on the screen.

    scopes: each scope that stays ticked, with the wording that was read. once: one use, whatever the conditions say.
    signed_in: how whoever decided had proved who they are. acr_values: what the client asked of that.
    tells_who: that the client may learn who the person is. required: those that could not be unticked.
    shown: the screen word for word. user: None for the organisation.
    """

    client: Client
    user: User | None
    scopes: Mapping[Scope, ScopeWording]
    purpose: str
    ends_at: datetime
    once: bool = False
    conditions: Conditions = NONE
    required: frozenset[Scope] = frozenset()
    shown: dict[str, Any] = field(default_factory=dict)
    redirect_host: str = ""
    signed_in: SignIn = UNKNOWN
    acr_values: tuple[str, ...] = ()
    origin: Origin = Origin.SCREEN
    tells_who: bool = False
    details: Mapping[Scope, tuple[Detail, ...]] = field(default_factory=dict)
    """For what the scopes are held that have a type of details, and no more."""
    passing: Passing = NOTHING
    """To which agents it may pass the work on, and how far."""
    time_zone: str = ""
    """In which times of day were read. Empty: that of whoever decides."""


def require_approver(approval: Approval, agent: Agent, by: Actor) -> None:
    """Refuse whoever may not decide this: another person, or for sensitive scopes of the organisation a keeper of the agent.

    Raises Forbidden, DecisionRefused.
    """
    if approval.user is not None:
        require(by, May.APPROVE_CONSENT, agent)
        if by.user is None or by.user.pk != approval.user.pk:
            raise Forbidden(May.APPROVE_CONSENT, agent)  # nobody consents for somebody else
        if agent.is_personal and agent.personal_of_id != approval.user.pk:
            raise Forbidden(May.APPROVE_CONSENT, agent)  # somebody's own agent acts for them alone
        if agent.kind != AgentKind.ASSISTANT:
            raise DecisionRefused(_("This agent acts for the organisation. An administrator allows it, not a person."))
        return
    require(by, May.APPROVE_ORGANISATION_CONSENT, agent)
    if agent.kind != AgentKind.AUTONOMOUS:
        raise DecisionRefused(_("This agent acts for people: each of them allows it for themselves."))
    if any(scope.is_sensitive for scope in approval.scopes) and by.user is not None and agent.is_kept_by(by.user):
        raise DecisionRefused(
            _(
                "You are responsible for this agent, and it asks for sensitive data. Another administrator must allow it."
            )
        )


def check_purpose(purpose: str) -> None:
    """Refuse a purpose that is empty or too long. Raises InvalidInput."""
    if not 1 <= len(purpose) <= LONGEST_PURPOSE:
        raise InvalidInput(
            "purpose",
            _("Say what it is for, in 1 to %(longest)s characters.") % {"longest": LONGEST_PURPOSE},
        )


def check_scopes(approval: Approval, agent: Agent) -> None:
    """Hold the ticked scopes against what the agent may ask for, and the wordings against their scopes. Raises DecisionRefused."""
    if not approval.scopes:
        raise DecisionRefused(_("Leave at least one permission ticked, or refuse."))
    if agent.is_personal and any(scope.is_sensitive for scope in approval.scopes):
        raise DecisionRefused(_("A personal agent gets nothing sensitive. Ask an administrator to adopt the program."))
    may_ask = set(AgentScope.objects.live().filter(agent=agent).values_list("scope_id", flat=True))
    if not scope_ids(approval.scopes) <= may_ask:
        raise DecisionRefused(_("The agent may no longer ask for one of these permissions."))
    if not approval.required <= approval.scopes.keys():
        raise DecisionRefused(_("A permission that the task needs is missing."))
    if any(wording.scope_id != scope.pk for scope, wording in approval.scopes.items()):
        raise DecisionRefused(_("The words shown belong to another permission."))
    _must_be_as_read(approval.scopes)
    _must_fit_details(approval)


def _must_fit_details(approval: Approval) -> None:
    """See that what has a type is given for details, in the version that was read. Raises OfferChanged.

    Whoever changes a type holds the lock of its scope, which was taken a moment ago.
    """
    current = DetailVersion.objects.by_scope(scope_ids(approval.scopes))
    for scope in approval.scopes:
        version, details = current.get(scope.pk), approval.details.get(scope, ())
        read = {detail.version.pk for detail in details}
        if read != ({version.pk} if version else set()):
            raise OfferChanged(_("What is asked was changed a moment ago. Look at it again before you decide."))


def lock_scopes(scopes: Iterable[Scope]) -> dict[uuid.UUID, Scope]:
    """Lock these permissions and return them as they are now, with their wordings, by id.

    A change of one takes the same lock before it pauses the consents that hold it, so none can slip in between. Whoever
    locks consents too takes these first.
    """
    rows = Scope.objects.filter(pk__in=scope_ids(scopes)).order_by("pk").select_for_update(no_key=True, of=("self",))
    return {row.pk: row for row in rows.prefetch_related("wordings")}


def _must_be_as_read(scopes: Mapping[Scope, ScopeWording]) -> None:
    """Lock the permissions and see that they still mean what was read. Raises OfferChanged."""
    now_there = lock_scopes(scopes)
    for scope, wording in scopes.items():
        row = now_there[scope.pk]
        facts_read = (scope.access, scope.data_class, scope.marked_sensitive)
        if (row.access, row.data_class, row.marked_sensitive) != facts_read or row.wording.meaning != wording.meaning:
            raise OfferChanged(_("What is asked was changed a moment ago. Look at it again before you decide."))


def check_client(approval: Approval, agent: Agent, client: Client) -> None:
    """See that people still return where the screen said, and may still untick what they could. Raises OfferChanged.

    agent: under its lock, which whoever changes these takes before the consents concerned pause (``consent/drift.py``).
    """
    if "client" not in approval.shown:
        return  # not decided on a screen
    read = approval.shown["client"]["redirect_uris"]
    rows = AgentScope.objects.live().filter(agent=agent, scope__in=scope_ids(approval.scopes)).select_related("scope")
    locked = {row.scope_id for row in rows if row.is_locked and client.registration_source == MANUAL}
    if hosts_of(read) != hosts_of(client.redirect_uris.split()) or not locked <= scope_ids(approval.required):
        raise OfferChanged(_("What is asked was changed a moment ago. Look at it again before you decide."))


def check_passing(approval: Approval, agent: Agent) -> None:
    """See that work is passed on no further than the agent asks for, and only for a person. Raises OfferChanged."""
    if not approval.passing:
        return
    asked = set(Recipient.objects.live().filter(agent=agent).values_list("recipient_id", flat=True))
    if approval.user is None or not approval.passing.to <= asked or approval.passing.deep > agent.passes_deep:
        raise OfferChanged(_("What is asked was changed a moment ago. Look at it again before you decide."))


def latest_end(scopes: Iterable[Scope], agent: Agent, now: datetime, rules: Rules) -> datetime:
    """Return the latest end that a consent to these scopes may have: the shortest of their lives, and the agent's end."""
    end = now + min((rules.longest_life(scope) for scope in scopes), default=timedelta(days=365))
    return min(end, agent.ends_at) if agent.ends_at else end


def check_end(approval: Approval, agent: Agent, now: datetime, rules: Rules) -> None:
    """Refuse an end that is past, or later than the scopes, their rules and the agent allow. Raises InvalidInput."""
    if approval.ends_at <= now:
        raise InvalidInput("until", _("The end lies in the past. Choose a later one."))
    if approval.ends_at > latest_end(approval.scopes, agent, now, rules):
        raise InvalidInput("until", _("That is longer than one of these permissions may be given for."))


def check_conditions(conditions: Conditions, agent: Agent, *, zone_name: str) -> None:
    """Refuse conditions that say nothing, contradict themselves or cannot be checked. Raises InvalidInput, OfferChanged."""
    hours = conditions.hours
    if hours is not None:
        if not hours.days or not 0 <= hours.start < DAY or not 0 <= hours.end <= DAY:
            raise InvalidInput("limit_hours", _("Choose at least one day, and give times between 00:00 and 24:00."))
        if hours.start == hours.end:
            raise InvalidInput("limit_hours", _("Beginning and end are the same time, so it would never count."))
        if known_zone(zone_name) is None:
            raise InvalidInput(
                "limit_hours", _("Your time zone is not known here. Choose one in your account before you limit times.")
            )
    if len(conditions.networks) > MOST_NETWORKS:
        raise InvalidInput("limit_networks", _("Give at most %(n)s networks.") % {"n": MOST_NETWORKS})
    if any(network.prefixlen == 0 for network in conditions.networks):
        raise InvalidInput("limit_networks", _("This is every address there is. Leave it empty for no limit."))
    if conditions.uses is not None and not 1 <= conditions.uses <= MOST_USES:
        raise InvalidInput(
            "limit_uses", _("Give a number from 1 to %(most)s, or leave it empty.") % {"most": MOST_USES}
        )
    if conditions.environment and conditions.environment != agent.environment:
        raise OfferChanged(_("Where the agent runs was changed a moment ago. Look at it again before you decide."))
