"""Keys of a resource: with them it asks about tokens and sends receipts. Made here, shown once, and revoked."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import credentials
from agents.actors import Actor, require
from agents.models import Credential
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.forms.clients import KeyForm
from console.forms.reasons import ReasonForm
from console.pages.errors import said_in
from console.pages.once import first_time, with_new_token
from console.pages.parts import never_stored, render_page
from console.pages.resource_shell import resource_or_404, shell


@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, resource_id: uuid.UUID) -> HttpResponse:
    """Make one more key. The answer shows it, the only one that ever does, so it is no redirect."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    now = moment_of(request)
    user = person_of(request)
    form = KeyForm(request.POST or None)
    context = {"live_keys": resource.credentials.live(now).count(), "issuer": settings.ISSUER}
    if form.is_valid():
        if not first_time(user, form.cleaned_data["once"], now=now):
            messages.warning(
                request,
                _("That key was shown already and cannot be shown again. If it is lost, revoke it and make another."),
            )
            return redirect(resource)
        with said_in(form, request):
            issued = credentials.issue(resource, by=Actor.of(request), now=now, ends_at=form.ends_at())
            context |= {**shell(request, resource), "secret": f"MANDATE_KEY={issued.key}"}
            return never_stored(render_page(request, "console/resource_key.html", context))
    with_new_token(form, request)
    return render_page(request, "console/resource_key.html", {**context, **shell(request, resource), "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, resource_id: uuid.UUID, credential_id: uuid.UUID) -> HttpResponse:
    """Make a key of a resource prove nothing any more, with a reason."""
    resource = resource_or_404(request, resource_id)
    require(Actor.of(request), May.MANAGE_RESOURCE, resource)
    credential = get_object_or_404(Credential.objects.filter(resource=resource), pk=credential_id)
    now = moment_of(request)
    form = ReasonForm(request.POST or None, label=_("Why?"))
    if form.is_valid():
        with said_in(form, request):
            credentials.revoke(credential, by=Actor.of(request), now=now, reason=form.cleaned_data["reason"])
            messages.success(request, _("The key %(key)s is revoked.") % {"key": credential})
            return redirect(resource)
    others = resource.credentials.live(now).exclude(pk=credential.pk).count()
    context = {
        **shell(request, resource),
        "form": form,
        "title": _("Revoke the key %(key)s?") % {"key": credential},
        "sentence": _("From its next question on, Mandate answers nobody who uses it."),
        "facts": [(_("Resource"), resource.name), (_("Other live keys"), others)],
        "warning": "" if others else _("This is its only live key: it can check no opaque token until it has another."),
        "confirm": _("Revoke key"),
    }
    return render_page(request, "console/resource_confirm.html", context)
