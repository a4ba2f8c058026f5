"""How a permission is asked for in detail (RFC 9396): give it a type, change that, end it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import detail_types
from agents.actors import Actor, require
from agents.models import DetailType, DetailVersion
from agents.permissions import May
from consent.drift import affected_by
from consent.screens.who_and_when import moment_of
from console.forms.details import DetailTypeForm
from console.forms.reasons import ReasonForm
from console.pages.affected import to_be_shown
from console.pages.errors import said_in
from console.pages.parts import render_page
from console.pages.resource_shell import resource_or_404, scope_or_404, shell


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, resource_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Give a permission a type of details, or change the one that it has. Consents that hold it pause."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    scope = scope_or_404(resource, scope_id)
    version = DetailVersion.objects.by_scope([scope.pk]).get(scope.pk)
    form = DetailTypeForm(request.POST or None, version=version)
    affected = None
    if form.is_valid():
        affected = to_be_shown(request, lambda: detail_types.drift_of_details(scope))
    if form.is_valid() and affected is None:
        with said_in(form, request):
            by, now = Actor.of(request), moment_of(request)
            if version is None:
                detail_types.add_detail_type(scope, by=by, now=now, **form.facts())
            else:
                detail_types.change_detail_type(scope, by=by, now=now, **form.facts())
            messages.success(request, _("Saved. Agents ask for it in detail from now on."))
            return redirect(resource)
    context = {
        **shell(request, resource),
        "form": form,
        "scope": scope,
        "type": version.type if version else None,
        "affected": affected,
        "title": _("“%(scope)s” in detail") % {"scope": scope.wording.title},
        "confirm": _("Save and pause them") if affected else _("Save"),
    }
    return render_page(request, "console/detail_type.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, resource_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Let a permission be asked for without details again, with a reason and a look at whom it concerns."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    scope = scope_or_404(resource, scope_id)
    get_object_or_404(DetailType.objects.live(), scope=scope)
    form = ReasonForm(request.POST or None, label=_("Why?"))
    if form.is_valid():
        with said_in(form, request):
            detail_types.end_detail_type(
                scope, reason=form.cleaned_data["reason"], by=Actor.of(request), now=moment_of(request)
            )
            messages.success(request, _("%(scope)s is asked for as a whole again.") % {"scope": scope.wording.title})
            return redirect(resource)
    affected = affected_by(detail_types.drift_of_details(scope), moment_of(request))
    context = {
        **shell(request, resource),
        "form": form,
        "title": _("No details for “%(scope)s” any more?") % {"scope": scope.wording.title},
        "sentence": _(
            "It is asked for as a whole again. Consents that hold it pause until their people have seen that."
        ),
        "facts": [(_("Live consents that pause"), affected.consents)],
        "confirm": _("End the type"),
    }
    return render_page(request, "console/resource_confirm.html", context)
