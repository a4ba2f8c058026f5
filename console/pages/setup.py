"""Set-up: the first administrator, by the one-time link that was printed where Mandate was started."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from agents import links, people
from agents.actors import Actor, require
from agents.errors import InvalidInput
from agents.models import Agent, Event, OneTimeLink, Resource, User
from agents.permissions import May
from agents.sign_in import factors_of
from agents.trail.kinds import Kind
from consent.models import Consent
from console.accounts.adapters import sign_in_with_link
from console.accounts.answers import see_other
from console.accounts.requests import OurRequest, PersonRequest
from console.forms.people import SetUpForm
from console.languages import language_for
from console.pages.link_cookies import forget_cookie, token_of, trade_for_cookie
from console.pages.parts import never_stored, render_page

PAGE = "setup"


@login_not_required
@require_safe
def open_link(request: OurRequest, token: str) -> HttpResponse:
    """Trade the secret in the address for a cookie."""
    return trade_for_cookie(PAGE, token)


@login_not_required
@see_other
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: OurRequest) -> HttpResponse:
    """Ask for the first administrator and the organisation, and make both."""
    token = token_of(request, PAGE)
    links.find(OneTimeLink.Kind.SETUP, token, request.now)
    form = SetUpForm(request.POST or None)
    if form.is_valid():
        try:
            person = people.set_up(
                token=token, now=request.now, facts=request.facts, language=language_for(request), **form.cleaned_data
            )
        except InvalidInput as error:
            form.add_error(error.field if error.field in form.fields else None, error.sentence)
        else:
            sign_in_with_link(request, person)
            return forget_cookie(redirect("first-steps"), PAGE)
    return never_stored(render_page(request, "console/setup.html", {"form": form}))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a new Mandate needs, and whether it is done."""

    title: str | Promise
    text: str | Promise
    done: bool
    url: str
    action: str | Promise


@require_safe
def first_steps(request: PersonRequest) -> HttpResponse:
    """The way from an empty Mandate to the first token."""
    require(Actor.of(request), May.CHANGE_POLICY)
    steps = [
        Step(
            _("Protect your account"),
            _("A passkey or an app with codes, so that a password alone opens nothing."),
            not factors_of(request.user).is_password_alone,
            reverse("mfa_index"),
            _("Add a passkey"),
        ),
        Step(
            _("Register a resource"),
            _("An API or MCP server that agents call, and what it offers, in words that people understand."),
            Resource.objects.exists(),
            reverse("resource-create"),
            _("Register resource"),
        ),
        Step(
            _("Register an agent"),
            _("Who it is, what it is for, and who answers for it."),
            Agent.objects.exists(),
            reverse("agent-register"),
            _("Register agent"),
        ),
        Step(
            _("Invite people"),
            _("Those who own agents, those for whom agents act, and somebody who audits."),
            User.objects.count() > 1 or OneTimeLink.objects.invitations().live(request.now).exists(),
            reverse("people-invite"),
            _("Invite somebody"),
        ),
        Step(
            _("Let somebody allow it"),
            _(
                "An assistant sends people to a page where they decide. One that acts by itself is allowed by an administrator, on its page."
            ),
            Consent.objects.exists(),
            reverse("agents"),
            _("See agents"),
        ),
        Step(
            _("Get the first token"),
            _("The agent's page has what to paste, and notices when it works."),
            # The trail keeps it for ever; rows of tokens are swept when they are over.
            Event.objects.filter(kind=Kind.TOKEN_ISSUED).exists(),
            reverse("agents"),
            _("See agents"),
        ),
    ]
    following = next((step for step in steps if not step.done), None)
    return render_page(request, "console/setup_next.html", {"steps": steps, "following": following})
