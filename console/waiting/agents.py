"""What waits about agents: those to activate, to look at or to hand over, and those that come to their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from agents.models import Agent, AgentScope, Ownership, Scope, State, User
from agents.permissions import May
from console.names import strong
from console.waiting.row import MOST, MOST_LOOKED_AT, SOON, Waiting, ago, rest

LIVE_OWNERSHIPS: Prefetch[str, Any, Any] = Prefetch(
    "ownerships", Ownership.objects.live().select_related("user"), to_attr="live_ownership_list"
)


def pending(person: User, now: datetime) -> list[Waiting]:
    """Agents that wait to be activated."""
    agents = Agent.objects.filter(state=State.PENDING)
    if not person.has_perm(May.ACTIVATE_AGENT, Agent(submitted_by=person)):
        agents = agents.exclude(submitted_by=person)  # another one has to activate these
    listed = list(agents.order_by("created_at", "pk").prefetch_related(LIVE_OWNERSHIPS)[: MOST + 1])
    rows = [
        Waiting(
            ago(agent.created_at, now),
            "bot",
            format_html(
                _("{agent} of {owner} waits to be activated"),
                agent=strong(agent.name),
                owner=agent.owner.display_name if agent.owner else _("nobody"),
            ),
            agent.get_absolute_url(),
            _("Look at it"),
        )
        for agent in listed[:MOST]
    ]
    return rows + rest(len(listed), _("More agents wait to be activated"), f"{reverse('agents')}?state=pending")


def changed(person: User, now: datetime) -> list[Waiting]:
    """Agents in use that somebody else changed, where policy wants that a second person looks at it."""
    found = Agent.objects.exclude(changed_since=None).exclude(state=State.RETIRED).order_by("changed_since", "pk")
    listed = [agent for agent in found[:MOST_LOOKED_AT] if person.has_perm(May.LOOK_AT_CHANGES, agent)]
    rows = [
        Waiting(
            ago(agent.changed_since, now),
            "git-compare",
            format_html(_("{agent} was changed since somebody looked at it"), agent=strong(agent.name)),
            reverse("agent-changes", args=[agent.pk]),
            _("See what was changed"),
        )
        for agent in listed[:MOST]
    ]
    return rows + rest(len(listed), _("More agents were changed"), reverse("agents"))


def to_confirm(person: User, now: datetime) -> list[Waiting]:
    """Sensitive scopes that owners set as required: confirmed by an administrator who does not keep the agent."""
    scopes = (
        AgentScope.objects.live()
        .filter(
            scope__in=Scope.objects.sensitive(),
            required=True,
            confirmed_by=None,
            agent__state__in=[State.PENDING, State.ACTIVE],
        )
        .exclude(agent__in=Ownership.objects.live().filter(user=person).values("agent"))
        .select_related("agent", "scope__resource")
        .order_by("added_at", "pk")
    )
    return [
        Waiting(
            ago(row.added_at, now),
            "lock",
            format_html(
                _("{agent} is to need {scope} at {resource} for its task"),
                agent=strong(row.agent.name),
                scope=format_html("<code>{}</code>", row.scope.name),
                resource=strong(row.scope.resource.name),
            ),
            f"{row.agent.get_absolute_url()}#confirm",
            _("Confirm or not"),
        )
        for row in scopes[:MOST]
    ]


def without_usable_owner(person: User, now: datetime) -> list[Waiting]:
    """Agents whose owner cannot sign in, or was given a role that keeps no agents. In the second case they run on.

    person: an administrator, who may hand over each of them.
    """
    stranded = Ownership.objects.live_owners().exclude(user__in=User.objects.who_may_own_agents())
    rows = (
        stranded.filter(agent__personal_of=None)
        .exclude(agent__state=State.RETIRED)
        .select_related("agent", "user")
        .order_by("agent__created_at")
    )
    listed = list(rows[: MOST + 1])
    found = [
        Waiting(
            SafeString(),
            "users-round",
            format_html(
                _("{agent} needs another owner: {person} may not keep agents any more")
                if row.user.is_active
                else _("{agent} needs another owner: {person} cannot sign in"),
                agent=strong(row.agent.name),
                person=row.user.display_name,
            ),
            reverse("agent-people", args=[row.agent_id]),
            _("Hand it over"),
        )
        for row in listed[:MOST]
    ]
    return found + rest(len(listed), _("More agents need another owner"), reverse("agents"))


def ending_agents(person: User, now: datetime) -> list[Waiting]:
    """The person's own agents that come to their end within two weeks."""
    mine = Ownership.objects.live().filter(user=person).values("agent")
    ending = Agent.objects.filter(
        pk__in=mine,
        personal_of=None,
        state__in=[State.ACTIVE, State.SUSPENDED],
        ends_at__gt=now,
        ends_at__lte=now + SOON,
    )
    listed = list(ending.order_by("ends_at", "pk")[:MOST])
    return [
        Waiting(
            ago(agent.ends_at, now),
            "hourglass",
            format_html(_("{agent} comes to its end"), agent=strong(agent.name)),
            reverse("agent-edit", args=[agent.pk]),
            _("Give it longer"),
        )
        for agent in listed
    ]
