"""My agents: who may act for a person, what for, until when; to narrow, shorten, revoke one or all."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor
from agents.errors import InvalidInput
from agents.last_use import last_used
from agents.models import Agent, Ownership, Resource, State, User
from agents.models.resource import READING_ORDER
from agents.promises import when_it_counts
from agents.texts import one_line
from consent import mandate
from consent.asked import asked_of
from consent.condition_words import limits_in_words
from consent.counts import Done, done_under
from consent.differences import Difference, differences_of, why_paused
from consent.models import Consent, ConsentScope, Silence
from consent.models.consent_queries import ConsentQuerySet
from consent.passing_on.passed_on import PassedOn, Passes, passed_on_from, passes_of
from consent.screens.preview import tokens_of
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of, person_of
from consent.telling_who import title

STANDING_ON_A_PAGE = 25
ENDED_ON_A_PAGE = 10
PRINTED_ON_A_PAGE = 200
LISTED = 50
"""So many are named before everything is stopped; the others are counted."""


@dataclass(frozen=True, slots=True)
class Held:
    """One permission that a consent holds, as ``components/scope_row.html`` draws it: unticking asks to take it away."""

    row: ConsentScope
    used: datetime | None
    fixed: bool

    name = "keep"
    checked = True
    disabled = False

    @property
    def value(self) -> str:
        return str(self.row.scope_id)


@dataclass(frozen=True, slots=True)
class Card:
    """One consent on the page. why_not: why nothing is allowed under it now, though it stands.

    done: what resources reported, added up. differences: what it waits for, if it is paused. limits: when, whence and how
    often it counts, in words. passes, passed: to whom work may be passed on, and who took it over.
    """

    consent: Consent
    held: list[Held]
    used: datetime | None
    promise: str
    why_not: str = ""
    done: list[Done] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    passes: Passes | None = None
    passed: list[PassedOn] = field(default_factory=list)

    @property
    def trusted(self) -> dict[str, Any] | None:
        """Whose word it follows from, if the person was not asked."""
        said = self.consent.shown.get("trusted")
        return said if isinstance(said, dict) else None

    @property
    def who(self) -> str:
        """The words in which they let it know who they are."""
        return title()

    @property
    def can_narrow(self) -> bool:
        """Whether there is one to take away and another to leave."""
        return len(self.held) > 1 and any(not held.fixed for held in self.held)


@dataclass(frozen=True, slots=True)
class Group:
    """An agent with all that the person allows it."""

    agent: Agent
    cards: list[Card] = field(default_factory=list)


@never_stored
@require_safe
def my_agents(request: HttpRequest) -> HttpResponse:
    """List what the person allowed: what stands first, what is over below, each in pages."""
    now, person = moment_of(request), person_of(request)
    mine = Consent.objects.given_by(person)
    standing = Paginator(_standing(request), STANDING_ON_A_PAGE).get_page(request.GET.get("page"))
    # What was passed on stands under the consent that it came from.
    over = mine.given().filter(Q(revoked_at__isnull=False) | Q(superseded_at__isnull=False) | Q(ends_at__lte=now))
    ended = Paginator(over.select_related("agent", "client").order_by("-starts_at", "-id"), ENDED_ON_A_PAGE)
    over_page = ended.get_page(request.GET.get("over"))
    context = {
        "groups": _groups(standing, now),
        "promise": when_it_counts(_resources_behind(request)),
        "page": standing,
        "over_page": over_page,
        "ended": [(consent, consent.status(now)) for consent in over_page],
        "silenced": list(Silence.objects.live().filter(user=person).select_related("agent").order_by("agent__name")),
        "trail_url": _trail_url(),
        "now": now,
    }
    return render(request, "consent/my_agents.html", context)


def _resources_behind(request: HttpRequest) -> QuerySet[Resource]:
    """Return the resources at which anything is allowed now, also on the other pages."""
    now = moment_of(request)
    standing = Consent.objects.given_by(person_of(request)).given().standing().filter(ends_at__gt=now)
    held = ConsentScope.objects.held(now).filter(consent__in=standing)
    return Resource.objects.filter(pk__in=held.values("scope__resource"))


def _standing(request: HttpRequest) -> ConsentQuerySet:
    """Return what stands, what is paused first: that waits for its person."""
    now = moment_of(request)
    owners = Prefetch(
        "agent__ownerships", queryset=Ownership.objects.live().select_related("user"), to_attr="live_ownership_list"
    )
    rows = Consent.objects.given_by(person_of(request)).given().standing().filter(ends_at__gt=now)
    first = F("paused_at").desc(nulls_last=True)
    return rows.with_scopes().prefetch_related(owners).order_by(first, "agent__name", "agent", "-starts_at", "-id")


def _groups(consents: Iterable[Consent], now: datetime) -> list[Group]:
    consents = list(consents)
    rows = [row for consent in consents for row in consent.held(now)]
    used = last_used([consent.pk for consent in consents] + [row.pk for row in rows])
    done = done_under(consent.pk for consent in consents)
    passes, passed = passes_of(consents), passed_on_from(consents, now)
    groups: dict[uuid.UUID, Group] = {}
    for consent in consents:
        held = [Held(row, used.get(row.pk), row.required) for row in _in_reading_order(consent.held(now))]
        card = Card(
            consent,
            held,
            used.get(consent.pk),
            when_it_counts(consent.resources(now)),
            _why_not(consent, now),
            done.get(consent.pk, []),
            differences_of(consent) if consent.paused_at else [],
            limits_in_words(consent),
            passes.get(consent.pk),
            passed.get(consent.pk, []),
        )
        groups.setdefault(consent.agent_id, Group(consent.agent)).cards.append(card)
    return list(groups.values())


def _in_reading_order(rows: Iterable[ConsentScope]) -> list[ConsentScope]:
    """What the task needs first, as on the consent screen."""
    return sorted(rows, key=lambda row: (not row.required, row.scope.resource.name, READING_ORDER[row.scope.access]))


def _why_not(consent: Consent, now: datetime) -> str:
    agent = consent.agent
    if consent.paused_because:
        return why_paused(consent)
    if consent.is_paused(now):
        return _("paused")
    if agent.state != State.ACTIVE:
        return _("agent not active")
    if agent.has_ended(now):
        return _("agent ended")
    if consent.client.ended_at is not None:
        return _("its client was removed")
    owner = agent.owner
    return "" if owner is not None and owner.is_active else _("agent without owner")


def _trail_url() -> str:
    try:
        return reverse("trail")
    except NoReverseMatch:
        return ""


@never_stored
@require_safe
def my_consent(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show a consent as it was agreed to, word for word. For everybody who may see it."""
    now = moment_of(request)
    consent = get_object_or_404(Consent.objects.visible_to(person_of(request)).with_scopes(), pk=consent_id)
    context: dict[str, Any] = {
        "consent": consent,
        "status": consent.status(now),
        "shown": consent.shown,
        "asked": asked_of(consent),
        "own_words": bool(consent.shown.get("purpose")) and consent.shown["purpose"] != consent.purpose,
        "held": {str(row.scope_id): row for row in consent.consent_scopes.all()},
        "taken": [row for row in consent.consent_scopes.all() if not row.is_held(now)],
        "done": done_under([consent.pk]).get(consent.pk, []),
        "differences": differences_of(consent) if consent.status(now) == "paused" else [],
        "limits": limits_in_words(consent),
        "passes": passes_of([consent]).get(consent.pk),
        "passed": passed_on_from([consent], now).get(consent.pk, []),
        "used": last_used([consent.pk]).get(consent.pk),
        "own": consent.user_id == request.user.pk,
        "parent_url": _parent_url(consent, person_of(request)),
        "can_change": consent.user_id == request.user.pk and consent.status(now) in {"live", "paused"},
        "trail_url": _trail_url(),
        "now": now,
    }
    return render(request, "consent/my_consent.html", context)


def _parent_url(consent: Consent, viewer: User) -> str:
    """Return the page of the consent from which this one is derived, for those who may see it."""
    seen = consent.parent_id and Consent.objects.visible_to(viewer).filter(pk=consent.parent_id).exists()
    return reverse("my-consent", args=[consent.parent_id]) if seen else ""


@never_stored
@require_safe
def record_to_print(request: HttpRequest) -> HttpResponse:
    """Show all that the person ever allowed as one account to print: words, dates, use, what was done, what became of it."""
    now, person = moment_of(request), person_of(request)
    mine = Consent.objects.given_by(person).with_scopes().order_by("-starts_at", "-id")
    page = Paginator(mine, PRINTED_ON_A_PAGE).get_page(request.GET.get("page"))
    ids = [consent.pk for consent in page]
    used, done = last_used(ids), done_under(ids)
    context = {
        "page": page,
        "person": person,
        "rows": [
            {
                "consent": consent,
                "status": consent.status(now),
                "scopes": [(row, row.is_held(now)) for row in _in_reading_order(consent.consent_scopes.all())],
                "used": used.get(consent.pk),
                "done": done.get(consent.pk, []),
                "limits": limits_in_words(consent),
            }
            for consent in page
        ],
        "now": now,
    }
    return render(request, "consent/my_record.html", context)


@never_stored
@require_http_methods(["GET", "POST"])
def stop_all(request: HttpRequest) -> HttpResponse:
    """Revoke everything that the person allowed, after saying what that is."""
    now = moment_of(request)
    problem = ""
    if request.method == "POST":
        try:
            reason = one_line("reason", request.POST.get("reason", ""), longest=500, needed=False)
        except InvalidInput as refused:
            problem = refused.sentence
        else:
            ended = mandate.revoke_all(person_of(request), reason=reason, by=Actor.of(request), now=now)
            if ended:
                return redirect("my-agents-stopped")
            messages.info(request, _("Nothing was left to stop."))
            return redirect("my-agents")
    standing = list(_standing(request))
    if not standing and request.method == "GET":
        raise Http404
    ids = [consent.pk for consent in standing]
    context = {
        "groups": _groups(standing[:LISTED], now),
        "more": max(0, len(standing) - LISTED),
        "tokens": tokens_of(standing, now),
        "below": Consent.objects.live(now).below(ids).count(),
        "used": max(last_used(ids).values(), default=None),
        "promise": when_it_counts(_resources_behind(request)),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
        "now": now,
    }
    return render(request, "consent/stop_all.html", context, status=400 if problem else 200)
