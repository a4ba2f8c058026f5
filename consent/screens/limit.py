"""``/consents/<id>/limit/``: let a live consent count less often, from fewer places or fewer times. Never more."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.errors import InvalidInput, Refused
from agents.permissions import May
from consent.condition_words import limits_in_words
from consent.limiting import limit as limit_consent
from consent.models import Consent
from consent.screens.changes import page, reason_of, seen_consent, try_change, way_back
from consent.screens.limits import Limits, conditions_of, limits_context, limits_of, read_limits
from consent.screens.preview import preview_of
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of


@never_stored
@require_http_methods(["GET", "POST"])
def limit(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show what it is limited to, filled in, and put something tighter in its place."""
    consent = seen_consent(request, consent_id, change="limit")
    require(Actor.of(request), May.NARROW_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    problem: Refused | None = None
    limits = limits_of(consent.limits, uses=None if consent.once else consent.uses_left)
    if request.method == "POST":
        limits = _read(request, consent)

        def do() -> object:
            conditions = conditions_of(limits, consent.agent)
            if consent.once and conditions.uses is None:
                conditions = conditions.with_uses(consent.uses_left)
            return limit_consent(
                consent.pk, conditions=conditions, reason=reason_of(request, consent), by=Actor.of(request), now=now
            )

        problem = try_change(request, consent, "limit", do)
        if problem is None:
            said = _("Limited. Times of day count %(when)s; networks and the number the next time it gets a token.")
            messages.success(request, said % {"when": preview_of(consent, now).promise})
            return redirect(way_back(request, consent))
    return page(
        request,
        "consent/limit.html",
        consent,
        problem,
        **limits_context(
            limits,
            consent.agent,
            zone_name=consent.time_zone,
            problem=problem if isinstance(problem, InvalidInput) else None,
            before=limits_in_words(consent),
        ),
    )


def _read(request: HttpRequest, consent: Consent) -> Limits:
    try:
        return read_limits(request.POST)
    except ValueError:
        # No form of ours sends this; what is said to it does not matter, as long as nothing is changed.
        return limits_of(consent.limits, uses=consent.uses_left)
