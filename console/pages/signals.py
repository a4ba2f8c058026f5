"""Receivers of signals: the list, adding one, and one of them with what it was told. Read by administrators and auditors."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor, allowed, require
from agents.permissions import May
from consent.models import Signal, Stream
from consent.models.stream import StreamStatus
from consent.screens.who_and_when import moment_of, person_of
from consent.signals import streams as domain
from consent.signals.delivery import GIVEN_UP_AFTER
from consent.signals.events import SUPPORTED
from console.forms.signals import NewStreamForm
from console.pages.errors import said_in
from console.pages.once import sent_before, with_new_token
from console.pages.parts import render_page
from console.signal_words import error_in_words, stopped_in_words, type_in_words

PAGE_SIZE = 50
SHOWN_SIGNALS = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One signal as the table draws it. event: the address of what it tells of."""

    signal: Signal
    words: str
    chip: str
    event: str


@require_safe
def streams(request: HttpRequest) -> HttpResponse:
    """Every receiver, those that need somebody first."""
    by = Actor.of(request)
    require(by, May.SEE_SIGNALS)
    found = Stream.objects.visible_to(person_of(request)).with_backlog().select_related("resource")
    page = Paginator(found.order_by("resource__name", "created_at", "pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(stream, trouble_of(stream)) for stream in page],
        "may_manage": allowed(by, May.MANAGE_SIGNALS),
    }
    return render_page(request, "console/signals.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Let a resource be told of changes at an address."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.MANAGE_SIGNALS)
    form = NewStreamForm(request.POST or None, resource=request.GET.get("resource", ""))
    if form.is_valid():
        with said_in(form, request), transaction.atomic():
            if sent_before(form, request):
                messages.info(request, _("That form was sent before. Nothing was made a second time."))
                return redirect("signal-streams")
            made = domain.create(form.cleaned_data["resource"], by=by, now=now, **form.facts())
            messages.success(request, _("Added. Send a test signal to see that it arrives."))
            return redirect(made)
    with_new_token(form, request)
    return render_page(request, "console/signal_form.html", {"form": form})


@require_safe
def stream(request: HttpRequest, stream_id: uuid.UUID) -> HttpResponse:
    """One receiver: whether it takes what is sent, what waits, and the last signals."""
    stream = stream_or_404(request, stream_id)
    now = moment_of(request)
    context = {
        "stream": stream,
        "crumbs": crumbs(),
        "trouble": trouble_of(stream),
        "last_error": error_in_words(stream.last_error),
        "failing": stream.status == StreamStatus.ENABLED and stream.failing_since is not None,
        "gives_up_at": stream.failing_since + GIVEN_UP_AFTER if stream.failing_since else None,
        "waits_for": _waits_for(stream, now),
        "hears": [type_in_words(type_) for type_ in SUPPORTED if type_ in stream.events_requested],
        "rows": _rows(stream),
        "issuer": settings.ISSUER,
        "may_manage": allowed(Actor.of(request), May.MANAGE_SIGNALS),
    }
    return render_page(request, "console/signal_stream.html", context)


def stream_or_404(request: HttpRequest, stream_id: uuid.UUID) -> Stream:
    """Return a receiver that this person may see."""
    visible = Stream.objects.visible_to(person_of(request)).with_backlog().select_related("resource", "created_by")
    return get_object_or_404(visible, pk=stream_id)


def crumbs() -> list[tuple[str, str]]:
    """Where the pages of receivers stand."""
    return [(_("Resources"), reverse("resources")), (_("Signals"), reverse("signal-streams"))]


def trouble_of(stream: Stream) -> str:
    """Return what is wrong with a receiver, in one sentence. Empty where nothing is."""
    if stream.status != StreamStatus.ENABLED:
        return stopped_in_words(stream)
    return error_in_words(stream.last_error) if stream.failing_since is not None else ""


def _waits_for(stream: Stream, now: datetime) -> datetime | None:
    """When it is tried again, where that is not now."""
    next_try = stream.next_try_at
    return next_try if next_try is not None and next_try > now else None


def _rows(stream: Stream) -> list[Row]:
    """The last signals, newest first."""
    return [
        Row(
            signal,
            type_in_words(signal.type),
            "delivered" if signal.delivered_at else "set-aside" if signal.set_aside_at else "waiting",
            reverse("event", args=[signal.event_id]) if signal.event_id else "",
        )
        for signal in stream.signals.order_by("-number")[:SHOWN_SIGNALS]
    ]
