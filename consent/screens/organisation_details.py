"""``/agents/<id>/consent/details/<scope>/``: for what an organisation gives a permission that is given in detail only.

A client that acts for people asks for details itself (RFC 9396 §2). One that acts for the organisation asks nobody, so
whoever decides says them, in the fields of the type. They wait in the session of that person until the screen is
decided, as long as a screen may stay open; nothing is allowed by them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.details.detail import Detail
from agents.models import AgentScope, Client, DetailVersion, Scope
from consent.decision import FORM_LIFE
from consent.oauth.authorization_details import MOST, Asked, BadDetails, read
from consent.offer import Offer
from consent.screens.detail_form import DetailForm
from consent.screens.organisation_client import client_to_decide
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of

SESSION = "mandate_organisation_details"
MOST_CLIENTS = 5
"""Clients of one session whose details wait at a time: the oldest go first."""


@dataclass(frozen=True, slots=True)
class InDetail:
    """A permission that is given in detail only, as the screen offers to fill it in. given: for how many already."""

    scope: Scope
    url: str
    given: int


def asked_for(request: HttpRequest, client: Client) -> Asked:
    """Return what this person filled in for the client, by scope. What its type does not allow any more is forgotten."""
    try:
        return read(json.dumps(_kept(request, client)) if _kept(request, client) else "", _versions(client))
    except BadDetails:
        forget(request, client)
        return {}


def forget(request: HttpRequest, client: Client) -> None:
    """Keep nothing more of what was filled in: the client's screen is decided."""
    if str(client.pk) in (kept := _all_kept(request)):
        request.session[SESSION] = {key: value for key, value in kept.items() if key != str(client.pk)}


def permissions_in_detail(client: Client, offer: Offer) -> list[InDetail]:
    """Return the permissions that the agent may be given in detail, by their words."""
    versions = _versions(client)
    lines = {line.scope.pk: len(line.details) for line in offer.lines}
    rows = [row.scope for row in _rows(client) if row.scope_id in versions]
    return [
        InDetail(scope, details_address(client, scope), lines.get(scope.pk, 0))
        for scope in sorted(rows, key=lambda scope: scope.wording.title)
    ]


def details_address(client: Client, scope: Scope) -> str:
    """Return where details of this permission are filled in."""
    page = reverse("organisation-details", args=[client.agent_id, scope.pk])
    return f"{page}?{urlencode({'client': client.pk})}"


@never_stored
@require_http_methods(["GET", "POST"])
def organisation_details(request: HttpRequest, agent_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Show what was filled in for this permission and take one more, another in its place, or one away."""
    client = client_to_decide(request, agent_id)
    if isinstance(client, HttpResponse):
        return client
    version = _versions(client).get(scope_id)
    if version is None:
        raise Http404
    screen = f"{reverse('organisation-consent', args=[agent_id])}?{urlencode({'client': client.pk})}"
    kept = _kept(request, client)
    mine = [place for place, each in enumerate(kept) if each["type"] == version.type.name]
    if request.method == "POST" and "remove" in request.POST:
        place = _place(request.POST["remove"], mine)
        if place is not None:
            _keep(request, client, [each for number, each in enumerate(kept) if number != place])
        return redirect(details_address(client, version.type.scope))
    place = _place(request.POST.get("place", request.GET.get("place", "")), mine)
    form = DetailForm(version, value=None if place is None else _members(kept[place]))
    if request.method == "POST":
        form = DetailForm(version, request.POST)
        if form.is_valid() and not _has_too_many(form, kept, place):
            detail = {"type": version.type.name, **form.value}
            _keep(request, client, [*kept, detail] if place is None else [*kept[:place], detail, *kept[place + 1 :]])
            return redirect(screen)
    context = {
        "agent": client.agent,
        "client": client,
        "scope": version.type.scope,
        "version": version,
        "form": form,
        "place": place,
        "given": [(number, Detail(version, _members(kept[number]))) for number in mine],
        "screen": screen,
        "address": details_address(client, version.type.scope),
    }
    return render(request, "consent/organisation_details.html", context, status=400 if form.errors else 200)


def _has_too_many(form: DetailForm, kept: list[dict[str, Any]], place: int | None) -> bool:
    if place is None and len(kept) >= MOST:
        form.add_error(None, _("These are too many for one consent: at most %(most)s.") % {"most": MOST})
        return True
    return False


def _place(text: str, mine: list[int]) -> int | None:
    """Return which of the details is meant, if it is one of this permission."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) in mine else None


def _members(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kept.items() if name != "type"}


def _rows(client: Client) -> list[AgentScope]:
    rows = AgentScope.objects.live().filter(agent=client.agent)
    return list(rows.select_related("scope__resource").prefetch_related("scope__wordings"))


def _versions(client: Client) -> dict[uuid.UUID, DetailVersion]:
    return DetailVersion.objects.by_scope(
        AgentScope.objects.live().filter(agent=client.agent).values_list("scope_id", flat=True)
    )


# ------------------------------------------------------------------------------------------------------ in the session


def _all_kept(request: HttpRequest) -> dict[str, Any]:
    kept = request.session.get(SESSION)
    return kept if isinstance(kept, dict) else {}


def _kept(request: HttpRequest, client: Client) -> list[dict[str, Any]]:
    mine = _all_kept(request).get(str(client.pk))
    if mine is None or not datetime.fromisoformat(mine["at"]) > moment_of(request) - FORM_LIFE:
        return []
    return list(mine["details"])


def _keep(request: HttpRequest, client: Client, details: list[dict[str, Any]]) -> None:
    kept = {key: value for key, value in _all_kept(request).items() if key != str(client.pk)}
    newest = sorted(kept, key=lambda key: str(kept[key]["at"]))[-(MOST_CLIENTS - 1) :]
    request.session[SESSION] = {
        **{key: kept[key] for key in newest},
        str(client.pk): {"at": moment_of(request).isoformat(), "details": details},
    }
