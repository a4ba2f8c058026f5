"""``/language/``: another language, for whoever reads. Kept in the browser, and with the person where there is one."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from agents import people
from agents.actors import Actor
from agents.languages import checked_language
from console.accounts.requests import OurRequest
from console.languages import remember
from console.ways_back import stays_here


@login_not_required
@require_POST
def choose_language(request: OurRequest) -> HttpResponse:
    """Take the choice and lead back to the page it was made on, never to another site (security.md S5)."""
    language = checked_language(request.POST.get("language", ""))
    if request.user.is_authenticated:
        people.edit_own_facts(request.user, language=language, by=Actor.of(request), now=request.now)
    back = request.POST.get("next", "")
    # A path and nothing else: ``redirect`` would take a bare word for the name of a page, and fail where there is none.
    if not (back.startswith("/") and stays_here(back)):
        back = settings.LOGIN_REDIRECT_URL
    response = HttpResponseRedirect(back)
    response.status_code = 303
    return remember(response, language)
