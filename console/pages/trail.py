"""The trail: find events by words and filters, newest first, in pages that go on from an event's number."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.actors import Actor, require
from agents.models import Event, Resource
from agents.permissions import May
from agents.trail.search import COUNTED, Found, find_events
from consent.screens.parts import wants_part
from consent.screens.who_and_when import moment_of, person_of
from console.names import Names
from console.pages.parts import render_part
from console.pages.trail_filter import address, chips_of, read_filter
from console.sentences import tell
from console.templatetags.mandate import thin


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Events that the person may read: all for administrators and auditors, for owners those of their agents."""
    require(Actor.of(request), May.SEE_TRAIL)
    viewer = person_of(request)
    now = moment_of(request)
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
    }
    response = render_part(request, "console/trail.html", "found", context)
    if wants_part(request):
        numbers = {"before": asked.before, "after": asked.after}
        place = {name: str(number) for name, number in numbers.items() if number is not None}
        response["HX-Push-Url"] = address(path, {**asked.params, **place})
    return response


def _page(path: str, params: dict[str, str], name: str, number: int | None) -> str:
    return address(path, {**params, name: str(number)}) if number is not None else ""


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
