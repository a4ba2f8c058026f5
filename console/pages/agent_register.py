"""Register an agent on one short page. Afterwards its Connect page says what is left to do."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.enrolment import Then, enrol
from agents.models import Agent, User
from agents.own_reasons import OwnReason
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.forms.agents import RegisterForm
from console.pages.errors import said_in
from console.pages.once import sent_before, with_new_token
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Register, and where it is asked submit or activate at once."""
    user = person_of(request)
    require(Actor.of(request), May.REGISTER_AGENT)
    somebody_else = User()
    form = RegisterForm(request.POST or None, user=user, chooses_owner=user.has_perm(May.REGISTER_AGENT, somebody_else))
    if form.is_valid():
        with said_in(form, request), transaction.atomic():
            if sent_before(form, request):
                messages.info(request, _("That form was sent before. Nothing was made a second time."))
                return redirect("agents")
            agent, _client = enrol(
                form.enrolment(),
                then=form.next_step(),
                reason=OwnReason.REGISTERED_IN_ONE_STEP,
                by=Actor.of(request),
                now=moment_of(request),
            )
            messages.success(request, _("%(agent)s is registered.") % {"agent": agent.name})
            return redirect("agent-connect", agent.pk)
    with_new_token(form, request)
    submitted_by_them = Agent(submitted_by=user)
    context = {
        "form": form,
        "groups": form.groups(),
        "then": dict(Then.__members__),
        "activates": user.has_perm(May.ACTIVATE_AGENT, submitted_by_them),
    }
    return render_page(request, "console/agent_register.html", context)
