"""Changing a receiver of signals: edit, test, pause, resume, send again, remove. For administrators."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from agents.actors import Actor, require
from agents.permissions import May
from consent.models import Stream
from consent.models.stream import StreamStatus
from consent.screens.who_and_when import moment_of
from consent.signals import streams as domain
from console.forms.reasons import ReasonForm
from console.forms.signals import EditStreamForm
from console.pages.errors import said_in
from console.pages.parts import render_page
from console.pages.signals import crumbs, stream_or_404


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Change where, how and of what it is told."""
    stream = _to_manage(request, stream_id)
    form = EditStreamForm(request.POST or None, stream=stream)
    if form.is_valid():
        with said_in(form, request):
            domain.change(stream, by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(request, _("Saved."))
            return redirect(stream)
    return render_page(request, "console/signal_form.html", {"form": form, **_head(stream)})


@require_POST
def test(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Send a signal that says nothing but that it arrives."""
    stream = _to_manage(request, stream_id)
    domain.verify(stream, by=Actor.of(request), now=moment_of(request))
    messages.success(request, _("A test signal is on its way. Load the page again to see whether it was taken."))
    return redirect(stream)


@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Send nothing until somebody resumes it, with a reason. What happens meanwhile is kept."""
    stream = _to_manage(request, stream_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            reason = form.cleaned_data["reason"]
            status = StreamStatus.PAUSED
            domain.set_status(stream, status, by=Actor.of(request), now=moment_of(request), reason=reason)
            messages.success(request, _("Paused. What happens from now on waits."))
            return redirect(stream)
    context = {
        "form": form,
        "title": _("Pause signals to %(host)s?") % {"host": stream.host},
        "sentence": _(
            "It is told that it is paused, and then nothing until somebody resumes it. What happens meanwhile is kept for "
            "30 days and sent then."
        ),
        "warning": _("Meanwhile it learns of a revoked consent only when it asks Mandate, or when the token ends."),
        "confirm": _("Pause"),
        "icon": "circle-pause",
        **_head(stream),
    }
    return render_page(request, "console/signal_confirm.html", context)


@require_POST
def resume(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Send again, and first what waited."""
    stream = _to_manage(request, stream_id)
    domain.set_status(stream, StreamStatus.ENABLED, by=Actor.of(request), now=moment_of(request))
    messages.success(request, _("Resumed. What waited is sent first, in its order."))
    return redirect(stream)


@require_POST
def send_again(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Put back what was set aside because it could not be read."""
    stream = _to_manage(request, stream_id)
    back = domain.send_again(stream, by=Actor.of(request), now=moment_of(request))
    messages.success(
        request, ngettext("One signal is sent again.", "%(n)s signals are sent again.", back) % {"n": back}
    )
    return redirect(stream)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """Tell it nothing any more, with a reason."""
    stream = _to_manage(request, stream_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            reason = form.cleaned_data["reason"]
            domain.end(stream, by=Actor.of(request), now=moment_of(request), reason=reason)
            messages.success(request, _("Removed. It is told nothing any more."))
            return redirect("signal-streams")
    context = {
        "form": form,
        "title": _("Remove the receiver at %(host)s?") % {"host": stream.host},
        "sentence": _("It is told nothing any more, and what waits for it is deleted. This cannot be undone."),
        "warning": _("From then on it learns of a revoked consent only when it asks Mandate, or when the token ends."),
        "confirm": _("Remove receiver"),
        "stop": True,
        **_head(stream),
    }
    return render_page(request, "console/signal_confirm.html", context)


def _to_manage(request: HttpRequest, stream_id: uuid.UUID) -> Stream:
    stream = stream_or_404(request, stream_id)
    require(Actor.of(request), May.MANAGE_SIGNALS, stream.resource)
    return stream


def _head(stream: Stream) -> dict[str, Any]:
    facts = [(_("Resource"), stream.resource.name), (_("Address"), stream.endpoint_url, "code")]
    return {"stream": stream, "crumbs": [*crumbs(), (stream.host, stream.get_absolute_url())], "facts": facts}
