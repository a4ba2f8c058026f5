"""Narrow, shorten, revoke: each asks first, says what stops, takes the reason, and shows that it worked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor, require
from agents.errors import InvalidInput, Refused
from agents.models import Scope
from agents.permissions import May
from agents.texts import one_line
from agents.trail.kinds import Kind
from agents.trail.record import text_of
from agents.trail.refusals import record_refusal
from consent import mandate
from consent.clock import Clock, clock_of_consent
from consent.errors import NothingToConfirm, NotNarrower, NotShorter, NotTighter, OfferChanged
from consent.models import Consent
from consent.screens.preview import preview_of
from consent.screens.storing import never_stored
from consent.screens.ticking import render_clock
from consent.screens.who_and_when import moment_of, person_of
from consent.telling_who import detail, title
from consent.until import CUSTOM, chosen_end, earlier_ends, zone_of

FormProblem = (NotNarrower, NotShorter, NotTighter, NothingToConfirm, OfferChanged, InvalidInput)
"""Refusals that are said beside the form. All others are pages of their own."""


def seen_consent(request: HttpRequest, consent_id: uuid.UUID, *, change: str) -> Consent:
    """Return the consent, if this person may see it. Otherwise 404: what is not theirs looks like what does not exist."""
    found = Consent.objects.visible_to(person_of(request)).with_scopes().filter(pk=consent_id).first()
    if found is None:
        if request.method == "POST":
            # Without the id: whoever tried can read this event, and must not learn from it that there is one.
            _record_refusal(request, "not_visible", change=change)
        raise Http404
    return found


def _record_refusal(request: HttpRequest, code: str, *, change: str, consent: Consent | None = None) -> None:
    ids = {"consent_id": consent.pk, "agent_id": consent.agent_id, "user_id": consent.user_id} if consent else {}
    record_refusal(
        Kind.CONSENT_CHANGE_REFUSED,
        reason_code=code,
        by=Actor.of(request),
        now=moment_of(request),
        change=change,
        **ids,
    )


def reason_of(request: HttpRequest, consent: Consent) -> str:
    """Return the reason that the form gives. Whoever changes somebody else's consent must give one."""
    text = request.POST.get("reason", "")
    if not is_own(request, consent) and not text.strip():
        raise InvalidInput("reason", _("Say why: whom it concerns reads it."))
    return one_line("reason", text, longest=500, needed=False)


def is_own(request: HttpRequest, consent: Consent) -> bool:
    """Whether the agent acts for the person who looks."""
    return consent.user_id == request.user.pk


def way_back(request: HttpRequest, consent: Consent) -> str:
    """Return the page to go to afterwards: one's own agents, or the consent."""
    return reverse("my-agents") if is_own(request, consent) else consent.get_absolute_url()


def page(
    request: HttpRequest, template: str, consent: Consent, problem: Refused | None, **context: Any
) -> HttpResponse:
    """Show the page that asks before a change, again where something is to be mended."""
    context = {
        "consent": consent,
        "own": is_own(request, consent),
        "back_url": way_back(request, consent),
        "preview": preview_of(consent, moment_of(request)),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
        "problem_field": getattr(problem, "field", ""),
        "now": moment_of(request),
        **context,
    }
    return render(request, template, context, status=400 if problem else 200)


def try_change(request: HttpRequest, consent: Consent, change: str, action: Callable[[], object]) -> Refused | None:
    """Do it. Returns what is to be said beside the form, if it was refused for something that can be mended there."""
    try:
        action()
    except FormProblem as problem:
        if not isinstance(problem, InvalidInput):
            _record_refusal(request, problem.code, change=change, consent=consent)
        return problem
    return None


# -------------------------------------------------------------------------------------------------------------- narrow


WHO = "who"
"""How a form says that the agent goes on being told who the person is, among the permissions that stay."""


@never_stored
@require_http_methods(["GET", "POST"])
def narrow(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Take permissions away. A GET may say which stay ticked (``keep``), as the form on My agents does."""
    consent = seen_consent(request, consent_id, change="narrow")
    require(Actor.of(request), May.NARROW_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    held = {str(row.scope_id): row for row in consent.held(now)}
    chosen = request.POST if request.method == "POST" else request.GET
    asked = set(chosen.getlist("keep")) if "keep" in chosen or request.method == "POST" else set(held)
    keep = {key for key, row in held.items() if key in asked or row.required}
    keep_who = WHO in asked or (request.method != "POST" and "keep" not in chosen)
    problem: Refused | None = None
    if request.method == "POST":

        def do() -> object:
            scopes: frozenset[Scope] = frozenset(held[key].scope for key in keep)
            return mandate.narrow(
                consent.pk,
                keep=scopes,
                keep_who=keep_who,
                reason=reason_of(request, consent),
                by=Actor.of(request),
                now=now,
            )

        problem = try_change(request, consent, "narrow", do)
        if problem is None:
            messages.success(request, _("Narrowed. It counts %(when)s.") % {"when": preview_of(consent, now).promise})
            return redirect("consent-stopped", consent.pk)
    return page(
        request,
        "consent/narrow.html",
        consent,
        problem,
        rows=[(row, key in keep) for key, row in held.items()],
        going=[row for key, row in held.items() if key not in keep],
        who={"title": title(), "detail": detail(), "kept": keep_who} if consent.tells_who else None,
    )


# ------------------------------------------------------------------------------------------------------------- shorten


@never_stored
@require_http_methods(["GET", "POST"])
def shorten(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Let it end earlier. There is no longer: more time is a new consent."""
    consent = seen_consent(request, consent_id, change="shorten")
    require(Actor.of(request), May.SHORTEN_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    zone = zone_of(person_of(request).time_zone)
    choices = earlier_ends(now, zone, before=consent.ends_at)
    until = request.POST.get("until") or next((choice.key for choice in choices), CUSTOM)
    problem: Refused | None = None
    if request.method == "POST":

        def do() -> object:
            end = chosen_end(
                until,
                request.POST.get("until_at", ""),
                latest=consent.ends_at,
                shown_at=now,
                now=now,
                zone=zone,
            )
            return mandate.shorten(
                consent.pk, ends_at=end.ends_at, reason=reason_of(request, consent), by=Actor.of(request), now=now
            )

        problem = try_change(request, consent, "shorten", do)
        if problem is None:
            messages.success(request, _("Shortened. It ends earlier now."))
            return redirect(way_back(request, consent))
    return page(
        request,
        "consent/shorten.html",
        consent,
        problem,
        choices=choices,
        until=until,
        until_at=request.POST.get("until_at", ""),
        earliest_at=now.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        latest_at=consent.ends_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        zone=zone.key,
    )


# ------------------------------------------------------------------------------------------------------------- confirm


@never_stored
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Answer for a consent of the organisation in place of an administrator who left."""
    consent = seen_consent(request, consent_id, change="confirm")
    require(Actor.of(request), May.CONFIRM_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    problem: Refused | None = None
    if request.method == "POST":

        def do() -> object:
            return mandate.confirm(consent.pk, reason=reason_of(request, consent), by=Actor.of(request), now=now)

        problem = try_change(request, consent, "confirm", do)
        if problem is None:
            messages.success(request, _("Confirmed. You answer for it now."))
            return redirect(consent.get_absolute_url())
    return page(
        request, "consent/confirm.html", consent, problem, held=consent.held(now), paused=consent.is_paused(now)
    )


# -------------------------------------------------------------------------------------------------------------- revoke


@never_stored
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """End it for good. Afterwards the same address shows what that stopped."""
    consent = seen_consent(request, consent_id, change="revoke")
    now = moment_of(request)
    problem: Refused | None = None
    if request.method == "POST":

        def do() -> object:
            return mandate.revoke(consent.pk, reason=reason_of(request, consent), by=Actor.of(request), now=now)

        problem = try_change(request, consent, "revoke", do)
        if problem is None:
            return redirect("consent-revoke", consent.pk)
    if consent.revoked_at is not None:
        return _stopped(request, consent, clock_of_consent(consent, now))
    require(Actor.of(request), May.REVOKE_CONSENT, consent)
    consent.must_be_live(now)
    return page(request, "consent/revoke.html", consent, problem)


@never_stored
@require_safe
def stopped(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show what the last narrowing or revocation stopped, and the first refusal as soon as it is seen."""
    consent = seen_consent(request, consent_id, change="stopped")
    clock = clock_of_consent(consent, moment_of(request))
    if clock is None:
        return redirect("my-consent", consent.pk)
    return _stopped(request, consent, clock)


def _stopped(request: HttpRequest, consent: Consent, clock: Clock | None) -> HttpResponse:
    digest = clock.change.reason_digest if clock else ""
    context = {
        "consent": consent,
        "clock": clock,
        "watch_url": reverse("consent-stopped", args=[consent.pk]),
        "own": is_own(request, consent),
        "back_url": way_back(request, consent),
        "reason": text_of([digest]).get(digest, ""),
        "now": moment_of(request),
    }
    return render_clock(request, "consent/stopped.html", context)
