"""Programs that registered themselves and that nobody adopted: the list by software, one of them, adopting and refusing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor, require
from agents.models import AdoptionAsk, Event, Scope
from agents.permissions import May
from agents.programs import adoption, unclaimed
from agents.programs.unclaimed import Software
from agents.trail.record import text_of
from consent.models import AccessToken, Consent
from consent.screens.who_and_when import moment_of, person_of
from console.forms.reasons import ReasonForm
from console.forms.registration import AdoptForm, AdoptNewForm, agents_that_adopt
from console.pages.errors import said_in
from console.pages.parts import render_page

PAGE_SIZE = 25
MOST_MEMBERS = 20


@require_safe
def software_list(request: HttpRequest) -> HttpResponse:
    """Show each program once, however often it registered."""
    require(Actor.of(request), May.SEE_UNCLAIMED)
    page = Paginator(unclaimed.groups(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": unclaimed.as_software(page.object_list),
        "may_decide": person_of(request).has_perm(May.DECIDE_REGISTRATION),
    }
    return render_page(request, "console/unclaimed.html", context)


@require_safe
def one_software(request: HttpRequest, software: str) -> HttpResponse:
    """Show what a program says of itself, who asks for it, and what can be done."""
    found = _seen(request, software)
    person = person_of(request)
    asks = unclaimed.open_asks(found.key)
    context = _context(found) | {
        "members": unclaimed.members(found.key)[:MOST_MEMBERS],
        "asks": _with_reasons(asks),
        "wanted": Scope.objects.live().filter(pk__in=unclaimed.scopes_of(asks)).select_related("resource"),
        "may_adopt": person.has_perm(May.ADOPT_CLIENT),
        "may_refuse": person.has_perm(May.REFUSE_CLIENT),
    }
    return render_page(request, "console/unclaimed_software.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HttpRequest, software: str) -> HttpResponse:
    """Adopt all registrations of a program into an agent that there is."""
    found = _seen(request, software)
    by, person = Actor.of(request), person_of(request)
    require(by, May.ADOPT_CLIENT)
    form = AdoptForm(request.POST or None, person=person)
    if form.is_valid():
        agent = form.cleaned_data["agent"]
        with said_in(form, request):
            clients = adoption.adopt(
                found.key,
                agent,
                reason=form.cleaned_data["reason"],
                seen=request.POST.get("seen", ""),
                by=by,
                now=moment_of(request),
            )
            done = ngettext("%(n)s registration is adopted.", "%(n)s registrations are adopted.", len(clients))
            messages.success(request, done % {"n": len(clients)})
            return redirect("agent-clients", agent.pk)
    context = _to_adopt(request, found) | {"form": form}
    context["has_agents"] = agents_that_adopt(person).exists()
    return render_page(request, "console/unclaimed_adopt.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def adopt_new(request: HttpRequest, software: str) -> HttpResponse:
    """Register an agent for a program, a draft, with all its registrations."""
    found = _seen(request, software)
    by, person = Actor.of(request), person_of(request)
    require(by, May.ADOPT_CLIENT)
    form = AdoptNewForm(request.POST or None, person=person, name=found.newest.name)
    if form.is_valid():
        with said_in(form, request):
            seen = request.POST.get("seen", "")
            agent = adoption.adopt_into_new(found.key, seen=seen, by=by, now=moment_of(request), **form.cleaned_data)
            messages.success(request, _("%(agent)s is registered. Say what it may ask for.") % {"agent": agent.name})
            return redirect("agent-scopes", agent.pk)
    context = _to_adopt(request, found) | {"form": form, "new": True}
    return render_page(request, "console/unclaimed_adopt.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def refuse(request: HttpRequest, software: str) -> HttpResponse:
    """Remove all registrations of a program, with a reason and a look at what stops."""
    found = _seen(request, software)
    by = Actor.of(request)
    require(by, May.REFUSE_CLIENT)
    form = ReasonForm(request.POST or None, label=_("Why? It is kept with the event."))
    if form.is_valid():
        with said_in(form, request):
            adoption.refuse(found.key, reason=form.cleaned_data["reason"], by=by, now=moment_of(request))
            messages.success(request, _("The program is refused."))
            return redirect("unclaimed")
    context = _context(found) | {"form": form, "facts": _facts(found, moment_of(request))}
    return render_page(request, "console/unclaimed_refuse.html", context)


# -------------------------------------------------------------------------------------------------------------- parts


def _seen(request: HttpRequest, key: str) -> Software:
    require(Actor.of(request), May.SEE_UNCLAIMED)
    found = unclaimed.one(key)
    if found is None:
        raise Http404
    return found


def _context(found: Software) -> dict[str, Any]:
    return {"software": found, "crumbs": [(_("Unclaimed"), reverse("unclaimed"))]}


def _to_adopt(request: HttpRequest, found: Software) -> dict[str, Any]:
    """Say what is about to be adopted, as it is at this moment, with the mark by which that is known again."""
    found = unclaimed.one(found.key) or found
    facts = [(_("Returns to"), ", ".join(found.hosts)), *_facts(found, moment_of(request))]
    return _context(found) | {"facts": facts, "mark": unclaimed.mark_of(unclaimed.members(found.key))}


def _facts(found: Software, now: Any) -> list[tuple[str, object]]:
    """Say what hangs on these registrations."""
    live = Consent.objects.live(now).filter(client__in=unclaimed.members(found.key).order_by())
    return [
        (_("Registrations"), found.clients),
        (_("Personal agents"), found.people),
        (_("Live consents"), live.count()),
        (_("Tokens that are out"), AccessToken.objects.out(now).filter(consent__in=live).count()),
    ]


def _with_reasons(asks: list[AdoptionAsk]) -> list[tuple[AdoptionAsk, str]]:
    """Return who asks with why, which stands beside the trail, where it can be erased."""
    digests = dict(Event.objects.filter(pk__in=[ask.event for ask in asks]).values_list("pk", "reason_digest"))
    words = text_of(filter(None, digests.values()))
    return [(ask, words.get(digests.get(ask.event, ""), "")) for ask in asks]
