"""Keys of a client: make one, which is shown once, and revoke."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from agents import credentials
from agents.actors import Actor, require
from agents.models import Agent, Client, Credential
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.forms.clients import KeyForm, PublicKeysForm
from console.forms.reasons import ReasonForm
from console.pages.agent_connect import connect_page
from console.pages.agent_shell import agent_or_404, client_or_404, shell
from console.pages.errors import said_in
from console.pages.once import first_time, with_new_token
from console.pages.parts import never_stored, render_page
from console.templatetags.mandate import bdi_name

MAKE_PAIR = """openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out agent.key
openssl pkey -in agent.key -pubout"""


@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, agent_id: uuid.UUID, client_id: uuid.UUID) -> HttpResponse:
    """Make one more key. The answer shows it, the only one that ever does, so it is no redirect.

    Sent a second time (a reload, Back and the button again) it makes nothing and shows nothing.
    """
    agent = agent_or_404(request, agent_id)
    client = client_or_404(agent, client_id)
    require(Actor.of(request), May.ISSUE_CREDENTIAL, agent)
    if client.signs:
        return _add_public(request, agent, client)
    now = moment_of(request)
    user = person_of(request)
    form = KeyForm(request.POST or None)
    if form.is_valid():
        if not first_time(user, form.cleaned_data["once"], now=now):
            messages.warning(
                request,
                _("That key was shown already and cannot be shown again. If it is lost, revoke it and make another."),
            )
            return redirect(f"{reverse('agent-connect', args=[agent.pk])}?client={client.pk}")
        with said_in(form, request):
            issued = credentials.issue(client, by=Actor.of(request), now=now, ends_at=form.ends_at())
            return never_stored(connect_page(request, agent, client=client, secret=issued.key))
    return _form_page(request, agent, client, form)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, agent_id: uuid.UUID, client_id: uuid.UUID, credential_id: uuid.UUID) -> HttpResponse:
    """Make a key prove nothing any more, with a reason."""
    agent = agent_or_404(request, agent_id)
    client = client_or_404(agent, client_id)
    credential = get_object_or_404(Credential.objects.filter(client=client), pk=credential_id)
    require(Actor.of(request), May.REVOKE_CREDENTIAL, agent)
    now = moment_of(request)
    form = ReasonForm(request.POST or None, label=_("Why?"))
    if form.is_valid():
        with said_in(form, request):
            credentials.revoke(credential, by=Actor.of(request), now=now, reason=form.cleaned_data["reason"])
            messages.success(request, _("The key %(key)s is revoked.") % {"key": credential})
            return redirect("agent-clients", agent.pk)
    others = client.credentials.live(now).exclude(pk=credential.pk).count()
    context = shell(request, agent, "", with_moves=False)
    context |= {
        "client": client,
        "form": form,
        "title": _("Revoke the key %(key)s?") % {"key": credential},
        "sentence": _("Nobody gets a token with it any more, and what was got with it stops %(when)s.")
        % {"when": context["stopping"].promise},
        "facts": [(_("Client"), bdi_name(client.name)), (_("Other live keys"), others)],
        "warning": "" if others else _("This is its only live key: the client gets no token until it has another."),
        "confirm": _("Revoke key"),
        "back": "agent-clients",
    }
    return render_page(request, "console/agent_confirm.html", context)


def _add_public(request: HttpRequest, agent: Agent, client: Client) -> HttpResponse:
    """Take the public halves of keys. Nothing is shown once here: the private half never leaves the agent."""
    form = PublicKeysForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            added = credentials.add_public_keys(
                client, form.keys(), by=Actor.of(request), now=moment_of(request), ends_at=form.ends_at()
            )
            said = ngettext("%(n)s key is added.", "%(n)s keys are added.", len(added)) % {"n": len(added)}
            messages.success(request, said)
            return redirect("agent-clients", agent.pk)
    return _form_page(request, agent, client, form)


def _form_page(request: HttpRequest, agent: Agent, client: Client, form: KeyForm | PublicKeysForm) -> HttpResponse:
    now = moment_of(request)
    if isinstance(form, KeyForm):
        with_new_token(form, request)
    context = {
        **shell(request, agent, "", with_moves=False),
        "client": client,
        "form": form,
        "live_keys": client.credentials.live(now).count(),
        "make_pair": MAKE_PAIR,
    }
    return render_page(request, "console/client_key.html", context)
