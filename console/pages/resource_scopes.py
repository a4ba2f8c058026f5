"""Permissions of a resource: add, change, reword, stop offering."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import resources as domain
from agents.actors import Actor, require
from agents.models import AgentScope
from agents.permissions import May
from agents.scope_words import drift_of_words
from agents.scopes import drift_of_facts
from consent.models import Consent, ConsentScope
from consent.screens.who_and_when import moment_of
from console.forms.reasons import ReasonForm
from console.forms.resources import EditScopeForm, NewScopeForm, RewordForm
from console.pages.affected import to_be_shown
from console.pages.errors import said_in
from console.pages.parts import render_page
from console.pages.resource_shell import resource_or_404, scope_or_404, shell


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """Offer one more permission."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    form = NewScopeForm(request.POST or None)
    if form.is_valid():
        words = {name: form.cleaned_data[name] for name in ("name", "title", "detail", "concerns")}
        with said_in(form, request):
            domain.add_scope(resource, by=Actor.of(request), now=moment_of(request), **words, **form.facts())
            messages.success(request, _("%(scope)s is offered.") % {"scope": words["title"]})
            return redirect(resource)
    context = {**shell(request, resource), "form": form, "title": _("Add a permission"), "confirm": _("Add it")}
    return render_page(request, "console/scope_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, resource_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Change how deep a permission goes, on which data, for how long."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    scope = scope_or_404(resource, scope_id)
    form = EditScopeForm(request.POST or None, scope=scope)
    affected = None
    if form.is_valid():
        affected = to_be_shown(request, lambda: drift_of_facts(scope, form.facts()))
    if form.is_valid() and affected is None:
        with said_in(form, request):
            domain.change_scope(scope, by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(request, _("Saved."))
            return redirect(resource)
    context = {
        **shell(request, resource),
        "form": form,
        "scope": scope,
        "affected": affected,
        "title": scope.wording.title,
        "confirm": _("Save and pause them") if affected else _("Save"),
    }
    return render_page(request, "console/scope_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def reword(request: HttpRequest, resource_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Say a permission in other words. Consents that hold it pause, unless the words mean the same as before."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    scope = scope_or_404(resource, scope_id)
    newest = scope.wording
    said = {"title": newest.title, "detail": newest.detail, "concerns": newest.concerns}
    form = RewordForm(request.POST or None, initial=said)
    affected = None
    if form.is_valid() and not form.cleaned_data["same_meaning"]:
        affected = to_be_shown(request, lambda: drift_of_words(scope, **form.words()))
    if form.is_valid() and affected is None:
        with said_in(form, request):
            domain.reword_scope(scope, by=Actor.of(request), now=moment_of(request), **form.cleaned_data)
            messages.success(request, _("Saved. Consents keep the words that their human saw."))
            return redirect(resource)
    context = {
        **shell(request, resource),
        "form": form,
        "scope": scope,
        "title": _("Reword “%(scope)s”") % {"scope": newest.title},
        "affected": affected,
        "confirm": _("Save and pause them") if affected else _("Save the new words"),
        "wordings": sorted(scope.wordings.all(), key=lambda wording: -wording.version),
    }
    return render_page(request, "console/scope_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, resource_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Stop offering a permission, with a reason and a look at what stops."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    scope = scope_or_404(resource, scope_id)
    now = moment_of(request)
    form = ReasonForm(request.POST or None, label=_("Why?"))
    if form.is_valid():
        with said_in(form, request):
            domain.end_scope(scope, reason=form.cleaned_data["reason"], by=Actor.of(request), now=now)
            messages.success(request, _("%(scope)s is no longer offered.") % {"scope": scope.wording.title})
            return redirect(resource)
    held = ConsentScope.objects.held(now).filter(scope=scope, consent__in=Consent.objects.live(now))
    context = shell(request, resource)
    context |= {
        "form": form,
        "title": _("Stop offering “%(scope)s”?") % {"scope": scope.wording.title},
        "sentence": _(
            "No consent holds it any more, and tokens are worth less by it %(promise)s. It cannot be taken back."
        )
        % {"promise": context["promise"]},
        "facts": [
            (_("Live consents that hold it"), held.values("consent").distinct().count()),
            (_("Agents that may ask for it"), AgentScope.objects.live().filter(scope=scope).count()),
        ],
        "confirm": _("Stop offering it"),
    }
    return render_page(request, "console/resource_confirm.html", context)
