"""The consents of the organisation: find, filter, page. Owners see those of their agents."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from agents.actors import Actor, require
from agents.last_use import last_used
from agents.models import User
from agents.permissions import May
from agents.trail.record import heaviest
from consent.models import Consent
from consent.models.consent_queries import ConsentQuerySet
from consent.screens.who_and_when import moment_of, person_of
from console.filters import search_input
from console.pages.parts import render_part

PAGE_SIZE = 25
WEEK = timedelta(days=7)
STATES = [
    ("", _("Every state")),
    ("live", _("Live")),
    ("week", _("Ends within a week")),
    ("paused", _("Paused")),
    ("ended", _("Ended")),
    ("revoked", _("Revoked")),
    ("superseded", _("Replaced")),
]
WHOM = [("", _("For anybody")), ("people", _("For people")), ("organisation", _("For the organisation"))]


class ConsentFilter(forms.Form):
    """The filters of the list. A value that is none of the choices asks for nothing."""

    q = forms.CharField(
        required=False, max_length=200, label=_("Find consents"), widget=search_input(_("Agent, person, purpose"))
    )
    state = forms.ChoiceField(required=False, choices=STATES, label=_("State"))
    whom = forms.ChoiceField(required=False, choices=WHOM, label=_("For whom"))
    agent = forms.UUIDField(required=False, widget=forms.HiddenInput)
    person = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def apply(self, consents: ConsentQuerySet, now: datetime) -> ConsentQuerySet:
        """Return those that match."""
        self.is_valid()
        asked = self.cleaned_data
        if words := asked.get("q", "").replace("\0", ""):
            consents = consents.filter(
                Q(agent__name__icontains=words)
                | Q(user__name__icontains=words)
                | Q(user__email__icontains=words)
                | Q(purpose__icontains=words)
            )
        if asked.get("whom"):
            consents = consents.filter(user__isnull=asked["whom"] == "organisation")
        for name in ("agent", "person"):
            value: uuid.UUID | None = asked.get(name)
            if value:
                consents = consents.filter(**{"agent": value} if name == "agent" else {"user": value})
        return self._in_state(consents, now)

    def _in_state(self, consents: ConsentQuerySet, now: datetime) -> ConsentQuerySet:
        """Filter by ``Consent.status``; a test holds the two together."""
        match self.cleaned_data.get("state"):
            case "live":
                return consents.live(now)
            case "week":
                return consents.live(now).filter(ends_at__lte=now + WEEK)
            case "paused":
                return consents.paused(now)
            case "ended":
                return consents.standing().filter(ends_at__lte=now)
            case "revoked":
                return consents.filter(revoked_at__isnull=False)
            case "superseded":
                return consents.filter(revoked_at=None, superseded_at__isnull=False)
        return consents


@dataclass(frozen=True, slots=True)
class Row:
    """One consent as the list shows it."""

    consent: Consent
    status: str
    scopes: int
    data_class: str
    used: datetime | None
    changeable: bool


@require_safe
def consents(request: HttpRequest) -> HttpResponse:
    """List the consents that the person may read, newest first."""
    require(Actor.of(request), May.SEE_CONSENTS)
    person = person_of(request)
    now = moment_of(request)
    filters = ConsentFilter(request.GET, auto_id="filter-%s")
    found = filters.apply(Consent.objects.visible_to(person), now).order_by("-starts_at", "-id")
    page = Paginator(found.with_scopes(), PAGE_SIZE).get_page(request.GET.get("page"))
    ids = [consent.pk for consent in page]
    used = last_used(ids)
    changeable = set(_standing(person, now).filter(pk__in=ids).values_list("pk", flat=True))
    rows = [
        Row(
            consent,
            consent.status(now),
            len(held := consent.held(now)),
            heaviest(row.scope.data_class for row in held),
            used.get(consent.pk),
            consent.pk in changeable,
        )
        for consent in page
    ]
    context = {
        "filters": filters,
        "filtered": any(filters.cleaned_data.values()),
        "page": page,
        "rows": rows,
        "may_change": person.has_perm(May.CHANGE_CONSENTS),
        "changeable": filters.apply(_standing(person, now), now).count(),
        "of_agent": _agent(rows, filters),
        "of_person": _person(rows, filters),
    }
    return render_part(request, "console/consents.html", "found", context)


def _standing(person: User, now: datetime) -> ConsentQuerySet:
    """Return what this person may still change."""
    return Consent.objects.changeable_by(person).standing().filter(ends_at__gt=now)


def _agent(rows: list[Row], filters: ConsentFilter) -> str:
    return rows[0].consent.agent.name if rows and filters.cleaned_data.get("agent") else ""


def _person(rows: list[Row], filters: ConsentFilter) -> str:
    shown = rows[0].consent.user if rows and filters.cleaned_data.get("person") else None
    return shown.display_name if shown else ""
