"""The overview: what waits for the person first, then the state in figures, then two weeks of tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from agents.models import Agent, State, User
from agents.permissions import May
from agents.trail.days import Day, last_days, refused_today
from agents.trail.search import Search, find_events
from consent.models import Consent
from consent.screens.who_and_when import moment_of, person_of
from console.filters import without_owner
from console.names import Names
from console.pages.parts import render_page
from console.sentences import Told, tell
from console.templatetags.mandate import thin
from console.waiting.for_person import waiting_for
from console.waiting.keys import ending_keys

LATEST = 8
WEEK = timedelta(days=7)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show people who look after agents what needs them; everybody else goes on to the agents they allowed."""
    person = person_of(request)
    if not person.has_perm(May.SEE_CONSENTS):
        return redirect("my-agents")
    now = moment_of(request)
    reads_everything = person.reads_everything
    days = last_days(now) if reads_everything else []
    agents = Agent.objects.visible_to(person)
    context: dict[str, Any] = {
        "first_name": first_name(person),
        "waiting": waiting_for(person, now),
        "figures": _figures(person, now, days),
        "days": days,
        "reads_everything": reads_everything,
        "has_agents": agents.exists(),
        "latest": [] if reads_everything else _latest(person, now),
    }
    return render_page(request, "console/overview.html", context)


def first_name(person: User) -> str:
    """Return how one greets them: Mara, but Dr. Jonas Weber, since a title needs its name."""
    words = person.display_name.split()
    return words[0] if words and not words[0].endswith(".") and "@" not in words[0] else person.display_name


def _figures(person: User, now: datetime, days: list[Day]) -> list[dict[str, Any]]:
    agents = Agent.objects.visible_to(person)
    active = agents.filter(state=State.ACTIVE)
    orphans = without_owner(agents).filter(state=State.ACTIVE).count()
    live = Consent.objects.visible_to(person).live(now)
    ending = live.filter(ends_at__lte=now + WEEK).count()
    if days:
        refused, worst = days[-1].refused, max(day.refused for day in days)
        refused_detail = _("%(n)s on the worst day of two weeks") % {"n": thin(worst)}
    else:
        refused, refused_detail = refused_today(now, list(agents.values_list("pk", flat=True))), _("of your agents")
    keys = ending_keys(person, now, own=False).count()
    return [
        {
            "url": f"{reverse('agents')}?state=active",
            "label": _("Active agents"),
            "number": active.count(),
            "detail": ngettext("%(n)s without an owner", "%(n)s without an owner", orphans) % {"n": thin(orphans)}
            if orphans
            else _("each with an owner"),
        },
        {
            "url": f"{reverse('consents')}?state=live",
            "label": _("Live consents"),
            "number": live.count(),
            "detail": ngettext("%(n)s ends this week", "%(n)s end this week", ending) % {"n": thin(ending)},
        },
        {
            "url": f"{reverse('trail')}?outcome=refused&when=today",
            "label": _("Refused today"),
            "number": refused,
            "detail": refused_detail,
        },
        {
            "url": reverse("agents"),
            "label": _("Keys that end soon"),
            "number": keys,
            "detail": _("within two weeks"),
        },
    ]


def _latest(person: User, now: datetime) -> list[Told]:
    events = find_events(Search(), viewer=person, size=LATEST).events
    return tell(events, Names.of(events, person), now)
