"""Signing keys: which there are, changing them, and giving one up. For administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor, require
from agents.permissions import May
from consent import key_rotation
from consent.key_rotation import CHANGED_EVERY, PUBLISHED_BEFORE, Standing, Station
from consent.models import SigningKey
from consent.screens.who_and_when import moment_of
from console.forms.reasons import ReasonForm
from console.pages.errors import said_in
from console.pages.parts import render_page

STATIONS: dict[Station, tuple[str, Promise]] = {
    Station.WAITS: ("pending", gettext_lazy("published, waits")),
    Station.SIGNS: ("active", gettext_lazy("signs")),
    Station.CHECKS: ("ended", gettext_lazy("published for its last tokens")),
    Station.RETIRED: ("retired", gettext_lazy("retired")),
    Station.COMPROMISED: ("revoked", gettext_lazy("given up")),
}
"""The chip and the words of each station."""


@dataclass(frozen=True, slots=True)
class Row:
    """One key as the table draws it."""

    standing: Standing
    chip: str
    words: Promise


@require_safe
def signing_keys(request: HttpRequest) -> HttpResponse:
    """Show the keys that are published and the last ones that were."""
    require(Actor.of(request), May.MANAGE_SIGNING_KEYS)
    standings = key_rotation.standings(moment_of(request))
    signing = next((one.key for one in standings if one.station is Station.SIGNS), None)
    context = {
        "rows": [Row(one, *STATIONS[one.station]) for one in standings],
        "waiting": next((one.key for one in standings if one.station is Station.WAITS), None),
        "due_at": signing.signs_from + CHANGED_EVERY if signing else None,
        "days": CHANGED_EVERY.days,
        "changes_url": f"{reverse('trail')}?kind=signing_key.made",
    }
    return render_page(request, "console/signing_keys.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: HttpRequest) -> HttpResponse:
    """Publish the next key, with a reason."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.MANAGE_SIGNING_KEYS)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            key_rotation.rotate(reason=form.cleaned_data["reason"], by=by, now=now)
            messages.success(request, _("The next key is published. Nothing else has to be done."))
            return redirect("signing-keys")
    minutes = PUBLISHED_BEFORE // timedelta(minutes=1)
    context = {
        "form": form,
        "title": _("Change the signing key?"),
        "sentence": _(
            "A new key is published now and signs in %(minutes)s minutes, when everybody who checks tokens can know it. "
            "The key that signs now stays published until its last token has ended. No token is refused for it."
        )
        % {"minutes": minutes},
        "confirm": _("Change key"),
        "icon": "key-round",
    }
    return render_page(request, "console/signing_key_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: HttpRequest, kid: str) -> HttpResponse:
    """Make nothing count any more that this key signed, with a reason."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.MANAGE_SIGNING_KEYS)
    key = get_object_or_404(SigningKey, pk=kid)
    form = ReasonForm(request.POST or None, label=_("What happened?"))
    if form.is_valid():
        with said_in(form, request):
            key_rotation.give_up(key.kid, reason=form.cleaned_data["reason"], by=by, now=now)
            messages.success(request, _("The key is given up. Nothing that it signed counts here any more."))
            return redirect("signing-keys")
    context = {
        "form": form,
        "kid": key.kid,
        "title": _("Give this key up?"),
        "sentence": _(
            "Do this when somebody else may hold it. It leaves the published key set now, Mandate calls every token that it "
            "signed inactive, and another key signs. Agents ask for new tokens by themselves."
        ),
        "warning": _(
            "A resource that checks tokens itself goes on accepting what this key signed until it reads the key set again: "
            "within 5 minutes, or when you restart it."
        ),
        "confirm": _("Give key up"),
        "stop": True,
    }
    return render_page(request, "console/signing_key_confirm.html", context)
