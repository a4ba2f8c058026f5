"""Resources: list, one of them, register, edit, remove, and the leave to hold sensitive permissions offline."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import resources as domain
from agents.actors import Actor, require
from agents.last_use import last_used
from agents.models import AgentScope, DetailVersion, Resource
from agents.permissions import May
from agents.promises import when_it_counts
from consent.models import Consent, ConsentScope, Stream
from consent.screens.who_and_when import moment_of, person_of
from console.detail_words import life_in_words
from console.forms.reasons import ReasonForm
from console.forms.resources import ResourceForm
from console.pages.errors import said_in
from console.pages.parts import render_page
from console.pages.resource_shell import resource_or_404, shell

PAGE_SIZE = 50


@require_safe
def resources(request: HttpRequest) -> HttpResponse:
    """What agents call: each resource with its permissions, and when a change counts there."""
    require(Actor.of(request), May.SEE_RESOURCES)
    counted = Count("scopes", filter=Q(scopes__ended_at=None))
    found = Resource.objects.live().annotate(scope_count=counted).order_by("name", "pk")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [{"resource": resource, "promise": when_it_counts(resource)} for resource in page],
        "may_manage": person_of(request).has_perm(May.MANAGE_RESOURCE),
        "may_see_signals": person_of(request).has_perm(May.SEE_SIGNALS),
    }
    return render_page(request, "console/resources.html", context)


@require_safe
def resource(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """One resource: how it checks, what it offers, and its keys."""
    resource = resource_or_404(request, resource_id)
    now = moment_of(request)
    keys = list(resource.credentials.all())
    used = last_used([resource.pk, *(key.pk for key in keys)])
    context = {
        **shell(request, resource),
        "scopes": _scopes(resource, now),
        "keys": [
            {"key": key, "live": key.is_live(now), "used": used.get(key.pk)}
            for key in sorted(keys, key=lambda key: not key.is_live(now))
            if key.is_live(now) or key.revoked_at is None or (now - key.revoked_at).days < 90
        ],
        "used": used.get(resource.pk),
        "life": life_in_words(resource.token_life.total_seconds()),
        "streams": list(Stream.objects.visible_to(person_of(request)).filter(resource=resource).with_backlog()),
        "may_see_signals": person_of(request).has_perm(May.SEE_SIGNALS),
        "may_manage_signals": person_of(request).has_perm(May.MANAGE_SIGNALS) and resource.ended_at is None,
    }
    return render_page(request, "console/resource.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Register a resource."""
    require(Actor.of(request), May.MANAGE_RESOURCE)
    form = ResourceForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            made = domain.create(by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(
                request, _("%(resource)s is registered. Say now what it offers.") % {"resource": made.name}
            )
            return redirect(made)
    return render_page(request, "console/resource_form.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """Change name, check, cache, life of tokens and the words of receipts."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    form = ResourceForm(request.POST or None, resource=resource)
    if form.is_valid():
        with said_in(form, request):
            domain.change(resource, by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(request, _("Saved."))
            return redirect(resource)
    return render_page(request, "console/resource_form.html", {**shell(request, resource), "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """Remove a resource, with a reason and a look at what stops."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    now = moment_of(request)
    form = ReasonForm(request.POST or None, label=_("Why?"))
    if form.is_valid():
        with said_in(form, request):
            domain.end(resource, reason=form.cleaned_data["reason"], by=Actor.of(request), now=now)
            messages.success(request, _("%(resource)s is removed.") % {"resource": resource.name})
            return redirect("resources")
    held = ConsentScope.objects.held(now).filter(scope__resource=resource, consent__in=Consent.objects.live(now))
    agents = AgentScope.objects.live().filter(scope__resource=resource)
    context = {
        **shell(request, resource),
        "form": form,
        "title": _("Remove %(resource)s?") % {"resource": resource.name},
        "sentence": _(
            "No token is issued for it any more, and no consent holds its permissions. Those that are out count for nothing %(promise)s."
        )
        % {"promise": when_it_counts(resource)},
        "facts": [
            (_("Live consents that name it"), held.values("consent").distinct().count()),
            (_("Agents that may ask for it"), agents.values("agent").distinct().count()),
        ],
        "confirm": _("Remove resource"),
    }
    return render_page(request, "console/resource_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def allow_offline(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """Let sensitive permissions stand at a resource that checks offline, with a reason."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.DECIDE_SENSITIVITY, resource)
    form = ReasonForm(request.POST or None, label=_("Why is that acceptable?"))
    if form.is_valid():
        with said_in(form, request):
            domain.allow_sensitive_offline(
                resource,
                reason=form.cleaned_data["reason"],
                by=Actor.of(request),
                now=moment_of(request),
            )
            messages.success(
                request, _("Sensitive permissions are allowed at %(resource)s.") % {"resource": resource.name}
            )
            return redirect(resource)
    context = {
        **shell(request, resource),
        "form": form,
        "title": _("Allow sensitive permissions at %(resource)s?") % {"resource": resource.name},
        "sentence": _(
            "A resource that checks tokens offline goes on accepting a revoked one until it ends. "
            "For health and financial data and for deleting, that is your decision, and it is kept with your name."
        ),
        "facts": [(_("A change counts"), when_it_counts(resource))],
        "confirm": _("Allow it"),
        "icon": "shield-alert",
    }
    return render_page(request, "console/resource_confirm.html", context)


def _scopes(resource: Resource, now: datetime) -> list[dict[str, Any]]:
    """Return what it offers, with how many people allow it and how many agents may ask for it, in five queries."""
    scopes = list(resource.scopes.filter(ended_at=None).prefetch_related("wordings"))
    held = ConsentScope.objects.held(now).filter(scope__in=scopes, consent__in=Consent.objects.live(now))
    consents = dict(held.order_by().values_list("scope").annotate(Count("consent", distinct=True)))
    rows = AgentScope.objects.live().filter(scope__in=scopes)
    agents = dict(rows.order_by().values_list("scope").annotate(Count("agent", distinct=True)))
    details = DetailVersion.objects.by_scope(scope.pk for scope in scopes)
    return [
        {
            "scope": scope,
            "wording": scope.wording,
            "consents": consents.get(scope.pk, 0),
            "agents": agents.get(scope.pk, 0),
            "details": details.get(scope.pk),
        }
        for scope in scopes
    ]
