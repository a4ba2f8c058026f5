"""Narrow, shorten or revoke many consents at once: those that were ticked in the list, or all that a query finds.

A GET says whom it concerns and what stops; a POST does it with a reason. What was looked at is what is changed: consents
given after the look (``seen``) are not among them. At most ``MOST`` a time; the page then offers to go on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.db.models import Count, Exists, Max, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.models import LastUse, Resource, Scope, User
from agents.permissions import May
from agents.promises import when_it_counts
from consent import many
from consent.models import AccessToken, Consent, ConsentScope
from consent.models.consent_queries import ConsentQuerySet
from consent.screens.preview import AtResource, places_of
from consent.screens.who_and_when import moment_of, person_of
from consent.until import zone_of
from console.forms.bulk import BulkForm, NarrowForm, ShortenForm
from console.pages.consents import ConsentFilter
from console.pages.errors import said_in
from console.pages.parts import never_stored, render_page

MOST = 500
SHOWN = 12
CHANGES = {"revoke", "narrow", "shorten"}
FILTERS = ("q", "state", "whom", "agent", "person")


@dataclass(frozen=True, slots=True)
class Stopping:
    """Whom it concerns and what stops. below: live consents derived from these. shown: the first few of them."""

    consents: int
    people: int
    organisation: int
    agents: int
    tokens: int
    below: int
    last_used: datetime | None
    places: list[AtResource]
    promise: str
    shown: list[Consent]

    @property
    def more(self) -> int:
        return self.consents - len(self.shown)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, change: str) -> HttpResponse:
    """Ask about many consents, and change them."""
    require(Actor.of(request), May.CHANGE_CONSENTS)
    if change not in CHANGES:
        raise Http404
    now = moment_of(request)
    sent = request.POST if request.method == "POST" else request.GET
    seen = _seen(sent, now)
    chosen = _chosen(sent, person_of(request), seen, now)
    form = _form(request, change, chosen, now)
    if request.method == "POST" and form.is_valid():
        with said_in(form, request):
            return _do(request, change, chosen, form)
    context = {
        "change": change,
        "crumbs": [(_("Consents"), reverse("consents"))],
        "form": form,
        "stopping": _stopping(chosen, now),
        **form.shown(),
        "sent": _to_send_again(sent, seen),
        "most": MOST,
        "back_url": _list_url(sent),
    }
    status = 400 if request.method == "POST" else 200
    return never_stored(render_page(request, "console/consents_bulk.html", context, status=status))


def _form(request: HttpRequest, change: str, chosen: ConsentQuerySet, now: datetime) -> BulkForm:
    data = request.POST if request.method == "POST" else None
    if change == "narrow":
        return NarrowForm(data, scopes=_scopes(chosen, now))
    if change == "shorten":
        latest = chosen.aggregate(last=Max("ends_at"))["last"] or now
        return ShortenForm(data, latest=latest, now=now, zone=zone_of(person_of(request).time_zone))
    return BulkForm(data)


def _do(request: HttpRequest, change: str, chosen: ConsentQuerySet, form: BulkForm) -> HttpResponse:
    by, now, reason = Actor.of(request), moment_of(request), form.cleaned_data["reason"]
    only = 0
    if isinstance(form, NarrowForm):
        chosen, only = _with_something_left(chosen, form.cleaned_data["take"], now)
    elif isinstance(form, ShortenForm):
        only = chosen.filter(ends_at__lte=form.ends_at).count()
        chosen = chosen.filter(ends_at__gt=form.ends_at)
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    ids, rest = ids[:MOST], len(ids) > MOST
    if isinstance(form, NarrowForm):
        take = frozenset(form.cleaned_data["take"])
        done = many.narrow_many(ids, take=take, reason=reason, by=by, now=now)
        said = ngettext("%(n)s consent is narrowed.", "%(n)s consents are narrowed.", done.changed)
    elif isinstance(form, ShortenForm):
        done = many.shorten_many(ids, ends_at=form.ends_at, reason=reason, by=by, now=now)
        said = ngettext("%(n)s consent ends earlier now.", "%(n)s consents end earlier now.", done.changed)
    else:
        done = many.revoke_many(ids, reason=reason, by=by, now=now)
        said = ngettext("%(n)s consent is revoked.", "%(n)s consents are revoked.", done.changed)
    messages.success(request, said % {"n": done.changed})
    _say_what_was_left(request, change, done, only + done.only)
    if rest:
        messages.info(request, _("There are more. Look at the rest and go on."))
        again = QueryDict(mutable=True)
        for name, value in _to_send_again(request.POST, _seen(request.POST, now)):
            again.appendlist(name, value)
        return redirect(f"{reverse('consents-bulk', args=[change])}?{again.urlencode()}")
    return redirect(_list_url(request.POST))


def _with_something_left(chosen: ConsentQuerySet, take: Iterable[Scope], now: datetime) -> tuple[ConsentQuerySet, int]:
    """Return those that hold some of it and something else, and how many hold nothing else."""
    taken = [scope.pk for scope in take]
    held = ConsentScope.objects.held(now).filter(consent=OuterRef("pk"), scope__in=taken)
    others = ConsentScope.objects.held(now).filter(consent=OuterRef("pk")).exclude(scope__in=taken)
    chosen = chosen.filter(Exists(held))
    return chosen.filter(Exists(others)), chosen.filter(~Exists(others)).count()


def _say_what_was_left(request: HttpRequest, change: str, done: many.Done, only: int) -> None:
    if done.left:
        ended = ngettext(
            "%(n)s had ended meanwhile, or had nothing of it left.",
            "%(n)s had ended meanwhile, or had nothing of it left.",
            done.left,
        )
        messages.info(request, ended % {"n": done.left})
    if only and change == "shorten":
        sooner = ngettext(
            "%(n)s ends sooner anyway, so it is as it was.", "%(n)s end sooner anyway, so they are as they were.", only
        )
        messages.info(request, sooner % {"n": only})
    elif only:
        left = ngettext(
            "%(n)s holds nothing else, so it is as it was: to end it, revoke it.",
            "%(n)s hold nothing else, so they are as they were: to end them, revoke them.",
            only,
        )
        messages.info(request, left % {"n": only})


def _seen(sent: QueryDict, now: datetime) -> datetime:
    """Return when the person looked: what was given later is not among what they decide about."""
    try:
        moment = parse_datetime(sent.get("seen", ""))
        # In UTC, where the first hours that there are in some zones have no place.
        moment = moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        moment = None
    return min(moment, now) if moment is not None else now


def _chosen(sent: QueryDict, viewer: User, seen: datetime, now: datetime) -> ConsentQuerySet:
    """Return the consents in question: those ticked, or all of the query, as far as they can still be changed."""
    mine = Consent.objects.changeable_by(viewer).standing().filter(ends_at__gt=now, starts_at__lte=seen)
    if sent.get("all"):
        return _filters(sent).apply(mine, now)
    return mine.filter(pk__in=_ids(sent))


def _ids(sent: QueryDict) -> list[uuid.UUID]:
    found = []
    for value in sent.getlist("consent")[:MOST]:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return found


def _filters(sent: QueryDict) -> ConsentFilter:
    return ConsentFilter({name: sent.get(name, "") for name in FILTERS})


def _to_send_again(sent: QueryDict, seen: datetime) -> list[tuple[str, str]]:
    """Return what says which consents are meant, for the form and for the way on."""
    if sent.get("all"):
        which = [("all", "1"), *((name, str(sent[name])) for name in FILTERS if sent.get(name))]
    else:
        which = [("consent", str(consent_id)) for consent_id in _ids(sent)]
    return [*which, ("seen", seen.isoformat())]


def _list_url(sent: QueryDict) -> str:
    query = QueryDict(mutable=True)
    query.update({name: str(sent[name]) for name in FILTERS if sent.get(name)})
    return reverse("consents") + (f"?{query.urlencode()}" if query else "")


def _scopes(chosen: ConsentQuerySet, now: datetime) -> list[Scope]:
    """Return what the consents in question hold, by resource and name."""
    held = ConsentScope.objects.held(now).filter(scope=OuterRef("pk"), consent__in=chosen.values("pk"))
    rows = Scope.objects.filter(Exists(held)).select_related("resource").prefetch_related("wordings")
    return list(rows.order_by("resource__name", "name", "pk"))


def _stopping(chosen: ConsentQuerySet, now: datetime) -> Stopping:
    ids = chosen.values("pk")
    figures = chosen.aggregate(
        consents=Count("pk"),
        people=Count("user", distinct=True),
        organisation=Count("pk", filter=Q(user=None)),
        agents=Count("agent", distinct=True),
    )
    held = ConsentScope.objects.held(now).filter(consent__in=ids, scope__resource=OuterRef("pk"))
    resources = list(Resource.objects.filter(Exists(held)).order_by("name", "pk"))
    last = LastUse.objects.filter(subject_id__in=ids).order_by("-used_at").values_list("used_at", flat=True).first()
    return Stopping(
        **figures,
        tokens=AccessToken.objects.out(now).filter(consent__in=ids).count(),
        below=Consent.objects.live(now).below(ids).count(),
        last_used=last,
        places=places_of(resources),
        promise=when_it_counts(resources),
        shown=list(chosen.select_related("agent", "user").order_by("-starts_at", "-id")[:SHOWN]),
    )
