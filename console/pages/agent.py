"""One agent: overview, consents, activity."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from agents.last_use import last_used
from agents.models import Agent, AgentScope, Credential, Recipient, State, User
from agents.models import Kind as AgentKind
from agents.permissions import May
from agents.trail.kinds import Kind
from consent.models import Consent, ConsentScope
from consent.passing_on.passing_words import how_far
from consent.paths import paths_through
from consent.screens.who_and_when import moment_of, person_of
from console.charts import events_of, first_day, tokens_by_day
from console.pages.agent_activity import activity_of
from console.pages.agent_shell import agent_or_404, shell
from console.pages.parts import render_page, render_part
from console.templatetags.chips import Chip
from console.templatetags.mandate import thin
from console.templatetags.moments import in_words

LATEST = 8
A_PAGE = 50
CONSENTS = 25


@dataclass(frozen=True, slots=True)
class ScopeUse:
    """How a permission was used within two weeks."""

    times: int = 0
    last: datetime | None = None


@require_safe
def overview(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """The agent at a glance: what it does, what it may, who answers for it."""
    agent = agent_or_404(request, agent_id)
    now = moment_of(request)
    user = person_of(request)
    scopes = list(
        AgentScope.objects.live()
        .filter(agent=agent)
        .select_related("scope__resource")
        .prefetch_related("scope__wordings")
        .order_by("scope__resource__name", "scope__name")
    )
    context = {
        **shell(request, agent, "agent"),
        "days": tokens_by_day(agent.pk, now=now),
        "scopes": _scope_rows(agent, scopes, now),
        "may_see_people": user.has_perm(May.SEE_PEOPLE),
        "to_confirm": _to_confirm(agent, scopes, user),
        "activity": activity_of(agent, user, now, number=LATEST).rows,
        **_credentials(agent, now),
        "passes_to": [row.recipient for row in Recipient.objects.asked_by(agent)],
        "passes_how_far": how_far(agent.passes_deep),
        "paths": paths_through(agent, now) if agent.kind == AgentKind.ASSISTANT else [],
    }
    return render_page(request, "console/agent.html", context)


@require_safe
def consents(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Who lets this agent do what: the consents of it that the person may read, newest first."""
    agent = agent_or_404(request, agent_id)
    now = moment_of(request)
    user = person_of(request)
    found = Consent.objects.visible_to(user).filter(agent=agent).with_scopes()
    page = Paginator(found, CONSENTS).get_page(request.GET.get("page"))
    used = last_used(consent.pk for consent in page)
    rows = [
        {"consent": consent, "status": consent.status(now), "held": consent.held(now), "used": used.get(consent.pk)}
        for consent in page
    ]
    asks_organisation = agent.kind == AgentKind.AUTONOMOUS and agent.state == State.ACTIVE
    context = {
        **shell(request, agent, "agent-consents"),
        "page": page,
        "rows": rows,
        "may_allow": asks_organisation and user.has_perm(May.APPROVE_ORGANISATION_CONSENT, agent),
    }
    return render_page(request, "console/agent_consents.html", context)


@require_safe
def activity(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """What the agent did and what was done with it, newest first."""
    agent = agent_or_404(request, agent_id)
    now = moment_of(request)
    user = person_of(request)
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else None
    found = activity_of(agent, user, now, number=A_PAGE, before=before)
    context = {
        **shell(request, agent, "agent-activity"),
        "activity": found.rows,
        "older_url": f"?before={found.older}" if found.older else "",
        "newer_url": request.path if before is not None else "",
    }
    return render_part(request, "console/agent_activity.html", "events", context)


def _credentials(agent: Agent, now: datetime) -> dict[str, Any]:
    """Return the live keys of the agent with their last use, and when the agent itself was last seen."""
    live = Credential.objects.live(now).filter(client__agent=agent, client__ended_at=None).select_related("client")
    used = last_used([agent.pk, *(credential.pk for credential in live)])
    rows = [
        {
            "credential": credential,
            "used": used.get(credential.pk),
            "ends_soon": credential.ends_at is not None and (credential.ends_at - now).days < 14,
        }
        for credential in live
    ]
    return {"credentials": rows, "seen": used.get(agent.pk)}


def _scope_rows(agent: Agent, scopes: list[AgentScope], now: datetime) -> list[dict[str, Any]]:
    """Return what the agent may ask for as rows: in words, how many people allow it, and how it was used."""
    live = Consent.objects.live(now).filter(agent=agent)
    held = ConsentScope.objects.held(now).filter(consent__in=live)
    allowed = dict(held.order_by().values_list("scope").annotate(Count("consent__user", distinct=True)))
    by_organisation = set(held.filter(consent__user=None).values_list("scope", flat=True))
    used = _use_of_scopes(agent, now)
    rows = []
    for row in scopes:
        scope = row.scope
        use = used.get((scope.resource_id, scope.name), ScopeUse())
        detail = " · ".join(
            [
                scope.resource.name,
                _said_allowed(allowed.get(scope.pk, 0), by_organisation=scope.pk in by_organisation),
                _said_use(use, now),
            ]
        )
        rows.append(
            {
                "title": scope.wording.title,
                "detail": detail,
                "access": scope.access,
                "data": scope.data_class,
                "chips": _chips_of(row, unused=not use.times),
                "code": scope.name,
            }
        )
    return rows


def _chips_of(row: AgentScope, *, unused: bool) -> list[Chip]:
    chips: list[Chip] = []
    if row.required:
        chips.append(
            Chip("", "lock", _("required")) if row.is_locked else Chip("warn", "lock-open", _("to be confirmed"))
        )
    if unused:
        chips.append(Chip("warn", "circle-minus", _("not used lately")))
    return chips


def _said_allowed(people: int, *, by_organisation: bool) -> str:
    if by_organisation:
        return _("allowed for the organisation")
    if not people:
        return _("nobody allows it yet")
    return ngettext("one person allows it", "%(n)s people allow it", people) % {"n": thin(people)}


def _said_use(use: ScopeUse, now: datetime) -> str:
    if use.last is None:
        return _("no token in two weeks")
    times = ngettext("one token in two weeks", "%(n)s tokens in two weeks", use.times) % {"n": thin(use.times)}
    return _("%(times)s, last %(when)s") % {"times": times, "when": in_words(use.last, now)}


def _use_of_scopes(agent: Agent, now: datetime) -> dict[tuple[uuid.UUID | None, str], ScopeUse]:
    """Count the tokens with each scope in two weeks. Grouped by the whole list of scopes, of which there are few."""
    rows = (
        events_of(agent.pk, first_day(now))
        .filter(kind=Kind.TOKEN_ISSUED)
        .order_by()
        .values_list("resource_id", "scopes")
        .annotate(times=Count("pk"), last=Max("at"))
    )
    times: defaultdict[tuple[uuid.UUID | None, str], int] = defaultdict(int)
    last: dict[tuple[uuid.UUID | None, str], datetime] = {}
    for resource_id, scopes, number, moment in rows:
        for name in scopes.split():
            times[resource_id, name] += number
            last[resource_id, name] = max(moment, last.get((resource_id, name), moment))
    return {pair: ScopeUse(number, last[pair]) for pair, number in times.items()}


def _to_confirm(agent: Agent, scopes: list[AgentScope], user: User) -> list[AgentScope]:
    """Return required sensitive scopes that wait for an administrator, where this person may confirm them."""
    waiting = [row for row in scopes if row.required and not row.is_locked]
    return waiting if waiting and user.has_perm(May.CONFIRM_REQUIRED_SCOPE, agent) else []
