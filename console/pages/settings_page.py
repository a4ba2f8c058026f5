"""Settings: the organisation and its policy, for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.models import Organisation
from agents.organisation import change_policy
from agents.permissions import May
from console.accounts.requests import PersonRequest
from console.forms.people import PolicyForm
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: PersonRequest) -> HttpResponse:
    """Show and change the organisation's name and policy."""
    by = Actor.of(request)
    require(by, May.CHANGE_POLICY)
    organisation = get_object_or_404(Organisation, pk=1)
    initial = {
        "name": organisation.name,
        "second_person_activates": organisation.second_person_activates,
        "dpop_nonces": organisation.dpop_nonces,
    }
    form = PolicyForm(request.POST or None, initial=initial)
    if form.is_valid():
        with said_in(form, request):
            change_policy(**form.cleaned_data, by=by, now=request.now)
            messages.success(request, _("Saved."))
            return redirect("settings")
    context = {"form": form, "changes_url": f"{reverse('trail')}?kind=organisation.policy_changed"}
    return render_page(request, "console/settings.html", context)
