"""``/oauth/authorize/report``: a person finds that what is asked looks wrong, and tells the administrators."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from agents.actors import Actor
from agents.errors import InvalidInput, MandateError
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent import decision, reports, request_answers
from consent.errors import DecisionMadeAlready, DecisionRefused, RequestClosed
from consent.oauth.authorization_reading import AuthorizationRefused
from consent.oauth.par import read
from consent.screens.authorize import offer_of_request
from consent.screens.csp import without_form_action
from consent.screens.form import FormTampered, open_report
from consent.screens.requests import offer_of, seen_request
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of, person_of


@login_not_required
@without_form_action
@never_stored
@require_POST
def report_request(request: HttpRequest) -> HttpResponse:
    """Ask why, and take the report. It refuses the request, and sends nobody to an address that may be a trap."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    try:
        shown = open_report(request.POST)
        if not shown.is_of(request):
            raise FormTampered("person")
        asked = read(shown.sent, now=moment_of(request), decided_too=True, person=person_of(request))
        decision.must_be_undecided(shown.nonce, asked)
    except (DecisionRefused, DecisionMadeAlready) as problem:
        return _refused(request, problem)
    except AuthorizationRefused:
        return _refused(request, FormTampered("request"))
    offer = offer_of_request(request, asked)
    error = ""
    if "why" in request.POST:
        try:
            reports.report(
                offer,
                form_nonce=shown.nonce,
                request=asked,
                why=request.POST["why"],
                by=Actor.of(request),
                now=moment_of(request),
            )
            thanks = _("The administrators see it now. You were sent nowhere, and can close this page.")
            return _said(request, _("Reported. Nothing was allowed."), thanks, icon="flag")
        except InvalidInput as problem:
            error = problem.sentence
        except DecisionMadeAlready as problem:
            return _refused(request, problem)
    context = {"offer": offer, "sealed": request.POST["shown"], "why": request.POST.get("why", ""), "error": error}
    context["action"] = reverse("authorize-report")
    return render(request, "consent/report.html", context, status=400 if error else 200)


@never_stored
@require_POST
def report_question(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """The same for a question that came out of band."""
    asked, by, now = seen_request(request, request_id), Actor.of(request), moment_of(request)
    offer = offer_of(request, asked) if asked.is_waiting(now) else None
    if offer is None:
        raise RequestClosed
    error = ""
    if "why" in request.POST:
        try:
            why = request.POST["why"]
            request_answers.report(asked.pk, offer, form_nonce=f"report:{asked.pk}", why=why, by=by, now=now)
            messages.success(request, _("Reported. Nothing was allowed. The administrators see it now."))
            return redirect("inbox")
        except InvalidInput as problem:
            error = problem.sentence
    context = {"offer": offer, "why": request.POST.get("why", ""), "error": error}
    context["action"] = reverse("request-report", args=[asked.pk])
    return render(request, "consent/report.html", context, status=400 if error else 200)


def _refused(request: HttpRequest, problem: MandateError) -> HttpResponse:
    record_refusal(
        Kind.CONSENT_FORM_REFUSED,
        reason_code=problem.code,
        by=Actor.of(request),
        now=moment_of(request),
        user_id=request.user.pk,
    )
    made = isinstance(problem, DecisionMadeAlready)
    title = _("You have decided this already") if made else _("This form cannot be taken")
    return _said(request, title, problem.sentence, status=409 if made else 400)


def _said(request: HttpRequest, title: str, sentence: str, *, icon: str = "", status: int = 200) -> HttpResponse:
    context = {
        "title": title,
        "sentence": sentence,
        "icon": icon,
        "url": reverse("my-agents"),
        "way_on": _("Go to My agents"),
    }
    return render(request, "problem.html", context, status=status)
