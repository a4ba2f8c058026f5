"""Settings about programs that register themselves: policy, tokens to register with, and rules that adopt."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.models import AdoptionRule, Organisation, RegistrationToken
from agents.organisation import change_registration_policy
from agents.permissions import May
from agents.programs import adoption_rules
from consent.screens.who_and_when import moment_of, person_of
from console.forms.reasons import ReasonForm
from console.forms.registration import AdoptionRuleForm, RegistrationPolicyForm, RegistrationTokenForm
from console.pages.errors import said_in
from console.pages.once import first_time, with_new_token
from console.pages.parts import never_stored, render_page

SEEN = "seen"
"""What the form of a rule carries once its preview was shown: how many programs it would adopt at once."""


@require_http_methods(["GET", "HEAD", "POST"])
def registration(request: HttpRequest) -> HttpResponse:
    """Show and change the policy; show tokens and rules."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.DECIDE_REGISTRATION)
    organisation = get_object_or_404(Organisation, pk=1)
    names = ("registration", "client_documents", "adoption")
    form = RegistrationPolicyForm(request.POST or None, initial={name: getattr(organisation, name) for name in names})
    if form.is_valid():
        with said_in(form, request):
            change_registration_policy(**form.cleaned_data, by=by, now=now)
            messages.success(request, _("Saved."))
            return redirect("registration")
    tokens = RegistrationToken.objects.select_related("made_by").annotate(used=Count("clients"))
    context = {
        "form": form,
        "crumbs": [(_("Settings"), reverse("settings"))],
        "tokens": [(token, token.is_live(now)) for token in tokens[:50]],
        "rules": AdoptionRule.objects.live().select_related("agent", "token", "made_by"),
    }
    return render_page(request, "console/registration.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def issue_token(request: HttpRequest) -> HttpResponse:
    """Make a token. The answer shows it, the only one that ever does, so it is no redirect."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.DECIDE_REGISTRATION)
    form = RegistrationTokenForm(request.POST or None)
    context = {"crumbs": _crumbs(), "form": form}
    if form.is_valid():
        if not first_time(person_of(request), form.cleaned_data["once"], now=now):
            messages.warning(request, _("That token was shown already and cannot be shown again. Make another."))
            return redirect("registration")
        with said_in(form, request):
            issued = adoption_rules.issue_token(name=form.cleaned_data["name"], ends_at=form.ends_at(), by=by, now=now)
            context |= {"secret": issued.value, "token": issued.token}
            return never_stored(render_page(request, "console/registration_token.html", context))
    with_new_token(form, request)
    return render_page(request, "console/registration_token.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Let nobody register with this token any more, with a reason."""
    by = Actor.of(request)
    require(by, May.DECIDE_REGISTRATION)
    token = get_object_or_404(RegistrationToken, pk=token_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            adoption_rules.revoke_token(token, reason=form.cleaned_data["reason"], by=by, now=moment_of(request))
            messages.success(request, _("The token is revoked."))
            return redirect("registration")
    context = {
        "crumbs": _crumbs(),
        "form": form,
        "title": _("Revoke the token %(token)s?") % {"token": token.name},
        "sentence": _(
            "Nobody registers with it any more, and a rule for it ends. Programs that registered with it stay."
        ),
        "facts": [(_("Programs that registered with it"), token.clients.count())],
        "confirm": _("Revoke token"),
    }
    return render_page(request, "console/registration_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_rule(request: HttpRequest) -> HttpResponse:
    """Make a rule. Before it is saved, what it would adopt at once is shown, and sent a second time."""
    by, now, person = Actor.of(request), moment_of(request), person_of(request)
    require(by, May.DECIDE_REGISTRATION)
    form = AdoptionRuleForm(request.POST or None, person=person, now=now)
    context: dict[str, object] = {"crumbs": _crumbs(), "form": form}
    if form.is_valid():
        data = form.cleaned_data
        with said_in(form, request):
            host = (
                adoption_rules.checked_host(data["host"]) if data["match"] == AdoptionRule.Match.DOCUMENT_HOST else ""
            )
            found = adoption_rules.matching(data["match"], host=host, token=data["token"])
            mark = (
                f"{data['match']} {host} {data['token'].pk if data['token'] else ''} {data['agent'].pk} {found.count()}"
            )
            if request.POST.get(SEEN) != mark:
                context |= {"preview": found.order_by("-created")[:20], "count": found.count(), "mark": mark}
                return render_page(request, "console/registration_rule.html", context)
            adoption_rules.make_rule(
                match=data["match"],
                host=host,
                token=data["token"],
                agent=data["agent"],
                reason=data["reason"],
                by=by,
                now=now,
            )
            messages.success(request, _("The rule counts from now on."))
            return redirect("registration")
    return render_page(request, "console/registration_rule.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end_rule(request: HttpRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Let a rule adopt nothing more, with a reason."""
    by = Actor.of(request)
    require(by, May.DECIDE_REGISTRATION)
    rule = get_object_or_404(AdoptionRule.objects.select_related("agent"), pk=rule_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            adoption_rules.end_rule(rule, reason=form.cleaned_data["reason"], by=by, now=moment_of(request))
            messages.success(request, _("The rule is ended."))
            return redirect("registration")
    context = {
        "crumbs": _crumbs(),
        "form": form,
        "title": _("End this rule?"),
        "sentence": _("Programs that come wait for a person again. What it adopted stays where it is."),
        "facts": [(_("Matches"), str(rule)), (_("Agent"), rule.agent.name)],
        "confirm": _("End rule"),
    }
    return render_page(request, "console/registration_confirm.html", context)


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("settings")), (_("Programs that register themselves"), reverse("registration"))]
