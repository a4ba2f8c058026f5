"""Accepting an invitation, by the one-time link that came with it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from agents import invitations, links
from agents.errors import InvalidInput
from agents.models import OneTimeLink
from console.accounts.adapters import sign_in_with_link
from console.accounts.answers import see_other
from console.accounts.requests import OurRequest
from console.forms.people import AcceptForm
from console.languages import language_for
from console.pages.link_cookies import forget_cookie, token_of, trade_for_cookie
from console.pages.parts import never_stored, render_page

PAGE = "invitation"


@login_not_required
@require_safe
def open_link(request: OurRequest, token: str) -> HttpResponse:
    """Trade the secret in the address for a cookie."""
    return trade_for_cookie(PAGE, token)


@login_not_required
@see_other
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: OurRequest) -> HttpResponse:
    """Ask for a name and a password, and make the account."""
    token = token_of(request, PAGE)
    link = links.find(OneTimeLink.Kind.INVITATION, token, request.now)
    form = AcceptForm(request.POST or None, initial={"name": link.name, "time_zone": "UTC"})
    if form.is_valid():
        try:
            person = invitations.accept_invitation(
                token=token, now=request.now, facts=request.facts, language=language_for(request), **form.cleaned_data
            )
        except InvalidInput as error:
            form.add_error(error.field if error.field in form.fields else None, error.sentence)
        else:
            sign_in_with_link(request, person)
            return forget_cookie(redirect("/"), PAGE)
    return never_stored(render_page(request, "console/invitation.html", {"form": form, "link": link}))
