"""The trail: find events by words and filters, newest first, in pages that go on from an event's number."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.actors import Actor, require
from agents.models import Event, Resource, User
from agents.permissions import May
from agents.trail.search import COUNTED, Found, find_events
from console.names import Names
from console.pages.parts import render_part, wants_part
from console.pages.trail_filter import chips_of, read_filter
from console.sentences import tell
from console.templatetags.mandate import thin


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Events that the person may read: all for administrators and auditors, for owners those of their agents."""
    require(Actor.of(request), May.SEE_TRAIL)
    viewer: User = request.user  # type: ignore[assignment]  # signed in: LoginRequiredMiddleware
    now = request.facts.now  # type: ignore[attr-defined]  # set by RequestFactsMiddleware
    asked = read_filter(request.GET, now, list(Resource.objects.all()))
    found = find_events(asked.search, viewer=viewer, before=asked.before, after=asked.after)
    path = reverse("trail")
    names = Names.of(found.events, viewer)
    context = {
        "form": asked.form,
        "kept": [(name, value) for name, value in asked.params.items() if name not in asked.form.fields],
        "chips": chips_of(asked, path, viewer, now),
        "filtered": bool(asked.params),
        "rows": tell(found.events, names, now),
        "summary": _summary(found),
        "older_url": _page(path, asked.params, "before", found.older),
        "newer_url": _page(path, asked.params, "after", found.newer),
        "looked_back_to": _moment_of(found.looked_back_to),
        "reads_everything": names.reads_everything,
        "by_part": wants_part(request),
    }
    response = render_part(request, "console/trail.html", "found", context)
    if wants_part(request):
        place = asked.params.copy()
        for name, number in (("before", asked.before), ("after", asked.after)):
            if number is not None:
                place[name] = str(number)
        response["HX-Push-Url"] = f"{path}?{place.urlencode()}" if place else path
    return response


def _page(path: str, params: QueryDict, name: str, number: int | None) -> str:
    if number is None:
        return ""
    page = params.copy()
    page[name] = str(number)
    return f"{path}?{page.urlencode()}"


def _summary(found: Found) -> str:
    shown = len(found.events)
    if found.count is None:
        return _("%(shown)s shown") % {"shown": thin(shown)} if shown else ""
    if found.count > COUNTED:
        return _("%(shown)s of more than %(all)s") % {"shown": thin(shown), "all": thin(COUNTED)}
    return _("%(shown)s of %(all)s") % {"shown": thin(shown), "all": thin(found.count)} if found.count else ""


def _moment_of(number: int | None) -> object:
    """Return when the event was written down to which the search came, or None."""
    if number is None:
        return None
    return Event.objects.filter(pk__gte=number).order_by("pk").values_list("at", flat=True).first()
