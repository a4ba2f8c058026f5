"""One report of a person about a request, for administrators to look at."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, allowed, require
from agents.models import Event
from agents.permissions import May
from consent import reports
from consent.models import Report
from console.accounts.requests import PersonRequest
from console.forms.reasons import ReasonForm
from console.names import Names
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: PersonRequest, report_id: uuid.UUID) -> HttpResponse:
    """Show who reported what and why, and take what an administrator found."""
    found = get_object_or_404(
        Report.objects.visible_to(request.user).select_related("agent", "client", "user", "looked_at_by"), pk=report_id
    )
    form = ReasonForm(request.POST or None, label=_("What did you find? It is kept with the event."))
    if request.method == "POST":
        require(Actor.of(request), May.LOOK_AT_REPORT, found)
    if form.is_valid():
        with said_in(form, request):
            reports.look_at(found.pk, found=form.cleaned_data["reason"], by=Actor.of(request), now=request.now)
            messages.success(request, _("Looked at. It waits no more."))
            return redirect("overview")
    told = Event.objects.filter(pk=found.event).first()
    names = Names.of([told] if told else [], request.user)
    context = {
        "report": found,
        "event": told,
        "why": names.text(told.reason_digest) if told else "",
        "purpose": names.text(told.purpose_digest) if told else "",
        "may_look": found.looked_at is None and allowed(Actor.of(request), May.LOOK_AT_REPORT, found),
        "form": form,
    }
    return render_page(request, "console/report.html", context)
