"""One person: what they are, what they answer for, and what an administrator may change about that."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import people as domain
from agents.actors import Actor, require
from agents.models import Credential, Ownership, Resource, Session, State, User
from agents.permissions import May
from agents.promises import when_it_counts
from agents.sign_in import factors_of
from consent.models import Consent, ConsentScope
from console.accounts.password_links import password_link as address_for
from console.accounts.requests import PersonRequest
from console.forms.people import RoleForm
from console.forms.reasons import ReasonForm
from console.pages.errors import said_in
from console.pages.once import take_secret
from console.pages.parts import never_stored, render_page

SHOWN_ONCE = "mandate_password_link"


@dataclass(frozen=True, slots=True)
class Stopping:
    """What rests on somebody: agents they own get no token without them, and consents they gave are worth nothing."""

    agents: list[Ownership]
    consents: int
    sessions: int
    promise: str
    """When that counts, at the slowest of the resources concerned."""
    keys: list[Credential]
    """Live keys that they made and may have kept. These go on working."""


def person_or_404(request: PersonRequest, person_id: uuid.UUID) -> User:
    """Return the person if the viewer may see people at all, or is that person."""
    return get_object_or_404(User.objects.visible_to(request.user), pk=person_id)


def what_rests_on(person: User, now: datetime) -> Stopping:
    """Count what stops counting when this person cannot sign in any more."""
    owned = list(Ownership.objects.live_owners().filter(user=person).select_related("agent").order_by("agent__name"))
    given = Consent.objects.live(now).given_by(person)
    concerned = Consent.objects.live(now).filter(Q(user=person) | Q(agent__in=[row.agent_id for row in owned]))
    held = ConsentScope.objects.held(now).filter(consent__in=concerned)
    resources = Resource.objects.filter(pk__in=held.values("scope__resource"))
    sessions = Session.objects.of(person).live(now).count()
    return Stopping(owned, given.count(), sessions, when_it_counts(resources), keys_made_by(person, now))


def keys_made_by(person: User, now: datetime) -> list[Credential]:
    """Return the live keys that somebody made, of clients and resources that are still there."""
    keys = Credential.objects.live(now).filter(created_by=person, client__ended_at=None, resource__ended_at=None)
    return list(keys.exclude(client__agent__state=State.RETIRED).select_related("client__agent", "resource"))


@require_safe
def person(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Facts of one person, for administrators, auditors and themselves."""
    return _page(request, person_or_404(request, person_id), RoleForm())


def _page(request: PersonRequest, shown: User, role_form: RoleForm) -> HttpResponse:
    viewer: User = request.user
    role_form.initial.setdefault("role", shown.role)
    keeps = Ownership.objects.live().filter(user=shown).select_related("agent").order_by("agent__name")
    context = {
        "person": shown,
        "role_form": role_form,
        "keeps": list(keeps),
        "resting": what_rests_on(shown, request.now),
        "factors": factors_of(shown),
        "crumbs": [(_("People"), reverse("people"))] if viewer.has_perm(May.SEE_PEOPLE) else [],
        "may_change_role": viewer.has_perm(May.CHANGE_ROLE, shown),
        "may_deactivate": viewer.has_perm(May.DEACTIVATE_PERSON, shown),
        "may_link": shown.is_active and viewer.has_perm(May.RESTORE_ACCESS, shown),
        "events_url": f"{reverse('trail')}?person={shown.pk}",
    }
    return render_page(request, "console/person.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def change_role(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Give somebody another role."""
    shown = person_or_404(request, person_id)
    by = Actor.of(request)
    require(by, May.CHANGE_ROLE, shown)
    form = RoleForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            changed = domain.change_role(shown, **form.cleaned_data, by=by, now=request.now)
            said = _("%(name)s is now %(role)s.")
            messages.success(request, said % {"name": changed.display_name, "role": changed.get_role_display()})
            return redirect("person", shown.pk)
    return _page(request, shown, form)


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Ask, with what stops, and then keep somebody from signing in."""
    return _with_reason(
        request,
        person_id,
        domain.deactivate,
        {
            "title": _("Keep %(name)s from signing in?"),
            "sentence": _(
                "Their sessions end now. What they allowed and what they own stays as it is and counts again when they come back; until then it is refused %(promise)s."
            ),
            "confirm": _("Deactivate"),
            "icon": "user-round-x",
            "tone": "stop",
            "done": _("%(name)s cannot sign in any more."),
            "stops": True,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def reactivate(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Ask, and then let somebody sign in again."""
    return _with_reason(
        request,
        person_id,
        domain.reactivate,
        {
            "title": _("Let %(name)s sign in again?"),
            "sentence": _("Agents they own and consents they gave that have not ended count again."),
            "confirm": _("Reactivate"),
            "icon": "user-round-check",
            "tone": "primary",
            "done": _("%(name)s can sign in again."),
            "stops": False,
        },
    )


def _with_reason(
    request: PersonRequest, person_id: uuid.UUID, change: Callable[..., User], words: dict[str, object]
) -> HttpResponse:
    shown = person_or_404(request, person_id)
    by = Actor.of(request)
    require(by, May.DEACTIVATE_PERSON, shown)
    name = {"name": shown.display_name}
    resting = what_rests_on(shown, request.now) if words["stops"] else None
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            change(shown, reason=form.cleaned_data["reason"], by=by, now=request.now)
            messages.success(request, str(words["done"]) % name)
            return redirect("person", shown.pk)
    context = {
        **words,
        "title": str(words["title"]) % name,
        "sentence": str(words["sentence"]) % {"promise": resting.promise if resting else ""},
        "form": form,
        "person": shown,
        "resting": resting,
    }
    return render_page(request, "console/person_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def password_link(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Make a one-time link by which somebody sets a new password, for whoever cannot get a mail."""
    shown = person_or_404(request, person_id)
    by = Actor.of(request)
    require(by, May.RESTORE_ACCESS, shown)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            domain.allow_password_link(shown, reason=form.cleaned_data["reason"], by=by, now=request.now)
            address = address_for(shown, maker=request.user)
            request.session[f"{SHOWN_ONCE}_{shown.pk}"] = {"address": address}
            return redirect("person-password-link-made", shown.pk)
    context = {
        "title": _("Make %(name)s a link for a new password?") % {"name": shown.display_name},
        "sentence": _(
            "Whoever holds it can set the password, once and within an hour; passkeys and codes are still asked for. Give it to them in person or by a way that you both trust. They and the auditors see that you made it."
        ),
        "confirm": _("Make the link"),
        "icon": "link",
        "tone": "primary",
        "form": form,
        "person": shown,
    }
    return render_page(request, "console/person_confirm.html", context)


@require_safe
def password_link_made(request: PersonRequest, person_id: uuid.UUID) -> HttpResponse:
    """Show the link once. A reload goes back to the person."""
    shown = person_or_404(request, person_id)
    require(Actor.of(request), May.RESTORE_ACCESS, shown)
    made = take_secret(request, f"{SHOWN_ONCE}_{shown.pk}")
    if not made:
        return redirect("person", shown.pk)
    back = reverse("person", args=[shown.pk])
    context = {
        "crumbs": [(_("People"), reverse("people")), (shown.display_name, back)],
        "title": _("Give this link to %(name)s") % {"name": shown.display_name},
        "sentence": _("It works once and for an hour. It is shown only now."),
        "address": made["address"],
        "back": back,
    }
    return never_stored(render_page(request, "console/people_link.html", context))
