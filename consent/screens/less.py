"""``/consents/<id>/less/``: lower an amount, take accounts or whole details out of what a live consent holds in detail."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.details.detail import Detail
from agents.errors import InvalidInput, NotReady, Refused
from agents.models import DetailVersion
from agents.permissions import May
from consent.detail_lines import DetailLine
from consent.lessening import lessen
from consent.models import Consent, ConsentScope
from consent.screens.changes import page, reason_of, seen_consent, try_change, way_back
from consent.screens.details_answer import DetailsAnswer, read_lines
from consent.screens.details_rows import DetailRow, rows_of
from consent.screens.preview import preview_of
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of


@dataclass(frozen=True, slots=True)
class Held:
    """One scope of the consent, with its details as lines of a form and as ``components/details.html`` draws them."""

    row: ConsentScope
    lines: tuple[DetailLine, ...]
    details: list[DetailRow]


@never_stored
@require_http_methods(["GET", "POST"])
def less(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show what it holds in detail, each with what may be made less, and put less in its place."""
    consent = seen_consent(request, consent_id, change="lessen")
    require(Actor.of(request), May.NARROW_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    lines = _lines(consent, request)
    if not lines:
        raise NotReady(_("Nothing of it was allowed in detail. Narrow it instead."))
    problem: Refused | None = None
    answer: DetailsAnswer | None = None
    if request.method == "POST":
        answer = _answer(request, lines)

        def do() -> object:
            if answer is None:
                raise InvalidInput("detail", _("This form is not the one that was shown to you. Nothing was changed."))
            left = {row.scope_id: answer.left(these, row.wording.title) for row, these in lines}
            return lessen(consent.pk, left=left, reason=reason_of(request, consent), by=Actor.of(request), now=now)

        problem = try_change(request, consent, "lessen", do)
        if problem is None:
            messages.success(
                request, _("Less is allowed. It counts %(when)s.") % {"when": preview_of(consent, now).promise}
            )
            return redirect(way_back(request, consent))
    held = [Held(row, these, rows_of(these, answer, ticked=True)) for row, these in lines]
    return page(request, "consent/less.html", consent, problem, held=held)


def _lines(consent: Consent, request: HttpRequest) -> list[tuple[ConsentScope, tuple[DetailLine, ...]]]:
    """Return the scopes that are held in detail, with their details in the versions that were agreed to. One query."""
    rows = [row for row in consent.held(moment_of(request)) if row.details]
    ids = {each["version"] for row in rows for each in row.details}
    versions = {str(version.pk): version for version in DetailVersion.objects.filter(pk__in=ids).select_related("type")}
    return [
        (
            row,
            tuple(
                DetailLine(Detail(versions[each["version"]], each["value"]), f"{row.scope_id}-{number}", new=False)
                for number, each in enumerate(row.details)
            ),
        )
        for row in rows
    ]


def _answer(request: HttpRequest, lines: list[tuple[ConsentScope, tuple[DetailLine, ...]]]) -> DetailsAnswer | None:
    try:
        return read_lines(request.POST, [line for _row, these in lines for line in these])
    except ValueError:
        return None
