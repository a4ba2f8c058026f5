"""The list of people, and invitations. A fixed number of queries, however many people there are."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents import invitations
from agents.actors import Actor, require
from agents.links import invitation_address
from agents.models import OneTimeLink, Ownership, User
from agents.permissions import May
from console.accounts.requests import PersonRequest
from console.forms.people import InviteForm, PeopleFilter
from console.pages.errors import said_in, said_in_message
from console.pages.once import take_secret
from console.pages.parts import never_stored, render_page, render_part

PAGE_SIZE = 25
SHOWN_ONCE = "mandate_invitation_link"


@require_safe
def people(request: PersonRequest) -> HttpResponse:
    """Everybody, for administrators and auditors: role, agents they answer for, last sign-in."""
    user: User = request.user
    require(Actor.of(request), May.SEE_PEOPLE)
    filters = PeopleFilter(request.GET, auto_id="filter-%s")
    owned = Prefetch(
        "ownerships",
        queryset=Ownership.objects.live_owners().select_related("agent").order_by("agent__name"),
        to_attr="owned",
    )
    found = _matching(User.objects.visible_to(user), filters).order_by("name", "email").prefetch_related(owned)
    waiting = OneTimeLink.objects.invitations().live(request.now).select_related("created_by")
    context = {
        "filters": filters,
        "filtered": any(filters.cleaned_data.values()),
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "may_invite": user.has_perm(May.INVITE_PERSON),
        "invitations": Paginator(waiting.order_by("-created_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("open")),
    }
    return render_part(request, "console/people.html", "list", context)


def _matching(found: QuerySet[User], filters: PeopleFilter) -> QuerySet[User]:
    filters.is_valid()
    asked = filters.cleaned_data
    if words := asked.get("q"):
        found = found.filter(Q(name__icontains=words) | Q(email__icontains=words))
    if role := asked.get("role"):
        found = found.filter(role=role)
    if state := asked.get("state"):
        found = found.filter(is_active=state == "active")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: PersonRequest) -> HttpResponse:
    """Invite somebody. The link is mailed, or without a mail server shown once to the person who made it."""
    by = Actor.of(request)
    require(by, May.INVITE_PERSON)
    form = InviteForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            link, token = invitations.invite(**form.cleaned_data, by=by, now=request.now)
            if settings.MAIL_IS_SENT:
                messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": link.email})
                return redirect("people")
            request.session[SHOWN_ONCE] = {"email": link.email, "token": token}
            return redirect("people-invited")
    context = {"form": form, "crumbs": [(_("People"), reverse("people"))], "mailed": settings.MAIL_IS_SENT}
    return render_page(request, "console/people_invite.html", context)


@require_safe
def invited(request: PersonRequest) -> HttpResponse:
    """Show the link once. A reload goes back to the list: it stands nowhere any more."""
    require(Actor.of(request), May.INVITE_PERSON)
    made = take_secret(request, SHOWN_ONCE)
    if not made:
        return redirect("people")
    context = {
        "crumbs": [(_("People"), reverse("people"))],
        "title": _("Give this link to %(email)s") % {"email": made["email"]},
        "sentence": _(
            "It works once and for seven days. It is shown only now: afterwards nobody can read it, only withdraw it."
        ),
        "address": invitation_address(made["token"]),
        "back": reverse("people"),
    }
    return never_stored(render_page(request, "console/people_link.html", context))


@require_POST
def withdraw(request: PersonRequest, link_id: uuid.UUID) -> HttpResponse:
    """End an invitation that nobody accepted yet."""
    require(Actor.of(request), May.INVITE_PERSON)
    link = get_object_or_404(OneTimeLink.objects.invitations(), pk=link_id)
    with said_in_message(request):
        invitations.withdraw_invitation(link.pk, by=Actor.of(request), now=request.now)
        messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": link.email})
    return redirect("people")
