"""The list of agents: find, filter, sort, page. A fixed number of queries, however many agents there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from agents.last_use import last_used
from agents.models import Agent, Ownership, State, User
from agents.models.agent import AgentQuerySet
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.filters import AGENT_COLUMNS, AgentFilter, Column, ends_soon, sort_agents, without_owner
from console.pages.parts import render_part

PAGE_SIZE = 25
AGENT_REMEMBERS_OWNERS = "live_ownership_list"
"""Where ``Agent.live_ownerships`` looks before it asks the database."""


@dataclass(frozen=True, slots=True)
class Row:
    """One agent as the list shows it."""

    agent: Agent
    owner: User | None
    seen: datetime | None
    ends_soon: bool

    @property
    def owner_is_gone(self) -> bool:
        return self.owner is None or not self.owner.is_active


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head: where it leads, and how the list is sorted by it now."""

    column: Column
    sort: str
    """The order that following it asks for."""
    direction: str
    """``ascending``, ``descending`` or empty."""


@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    """Agents that the person may see: all for administrators and auditors, else their own."""
    user = person_of(request)
    visible = Agent.objects.visible_to(user)
    filters = AgentFilter(request.GET, auto_id="filter-%s")
    found, sort = sort_agents(filters.apply(visible), request.GET.get("sort", ""))
    live = Ownership.objects.live().select_related("user")
    with_owners = Prefetch("ownerships", queryset=live, to_attr=AGENT_REMEMBERS_OWNERS)
    page = Paginator(found.prefetch_related(with_owners), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "filters": filters,
        "filtered": any(filters.cleaned_data.values()),
        "page": page,
        "rows": _rows(page, moment_of(request)),
        "headings": _headings(sort),
        "may_register": user.has_perm(May.REGISTER_AGENT),
        "without_owner": _without_owner(visible),
    }
    return render_part(request, "console/agents.html", "list", context)


def _rows(page: Page[Agent], now: datetime) -> list[Row]:
    seen = last_used(agent.pk for agent in page)
    return [Row(agent, agent.owner, seen.get(agent.pk), ends_soon(agent, now)) for agent in page]


def _headings(sort: str) -> list[Heading]:
    headings = []
    for column in AGENT_COLUMNS:
        here = sort.lstrip("-") == column.name
        direction = ("descending" if sort.startswith("-") else "ascending") if here else ""
        # What is looked at by its newest begins with the newest.
        first = f"-{column.name}" if column.name == "seen" else column.name
        other = column.name if sort.startswith("-") else f"-{column.name}"
        headings.append(Heading(column, other if here else first, direction))
    return headings


def _without_owner(visible: AgentQuerySet) -> int:
    """Count active agents for which nobody answers any more. They get no token until somebody does."""
    return without_owner(visible).filter(state=State.ACTIVE).count()
