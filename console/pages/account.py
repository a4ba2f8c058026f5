"""One's own account: who one is here, by what one proves it, and where one is signed in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from agents import people
from agents.actors import Actor
from agents.models import Session, User
from agents.sign_in import end_other_sessions, factors_of
from console.accounts.requests import PersonRequest
from console.forms.people import OwnFactsForm
from console.languages import language_for, remember
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: PersonRequest) -> HttpResponse:
    """Name, time zone and language, and the ways to everything else."""
    user: User = request.user
    form = OwnFactsForm(
        request.POST or None, initial={"name": user.name, "time_zone": user.time_zone, "language": user.language}
    )
    if form.is_valid():
        with said_in(form, request):
            people.edit_own_facts(user, **form.cleaned_data, by=Actor.of(request), now=request.now)
            with translation.override(language_for(request)):
                messages.success(request, _("Saved."))
            return remember(redirect("account"), user.language)
    context = {
        "form": form,
        "factors": factors_of(user),
        "session_count": Session.objects.of(user).live(request.now).count(),
    }
    return render_page(request, "console/account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: PersonRequest) -> HttpResponse:
    """Where one is signed in; a POST ends all sessions but this one."""
    user: User = request.user
    here: str = request.session.digest
    if request.method == "POST":
        ended = end_other_sessions(user, keep_session=here, by=Actor.of(request), now=request.now)
        said = ngettext("%(n)s other session ended.", "%(n)s other sessions ended.", ended) % {"n": ended}
        messages.success(request, said)
        return redirect("account-sessions")
    found = list(Session.objects.of(user).live(request.now))
    context = {"sessions": found, "session_count": len(found), "here": here}
    return render_page(request, "console/account_sessions.html", context)
