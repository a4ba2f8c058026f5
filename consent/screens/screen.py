"""Drawing the consent screen: one template for people and for the organisation, first shown or shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from consent.condition_words import in_words
from consent.conditions import NONE
from consent.differences import differences_of
from consent.models import Consent
from consent.offer import Offer
from consent.offer_lines import Line, Section
from consent.screens.details_rows import DetailRow, detail_rows
from consent.screens.form import Answer, seal
from consent.screens.limits import limits_context, limits_of
from consent.screens.proving import kept_answer
from consent.screens.takes import takes_of
from consent.telling_who import detail, title
from consent.until import CUSTOM, zone_of
from consent.whom import detail_with_whom


@dataclass(frozen=True, slots=True)
class Row:
    """One permission as ``components/scope_row.html`` draws it."""

    line: Line
    checked: bool
    disabled: bool
    detail: str
    chips: list[str] = field(default_factory=list)
    name: str = "scope"
    details: list[DetailRow] = field(default_factory=list)

    @property
    def value(self) -> str:
        return self.line.key

    @property
    def title(self) -> str:
        return self.line.wording.title

    @property
    def access(self) -> str:
        return self.line.scope.access

    @property
    def data(self) -> str:
        return self.line.scope.data_class

    @property
    def needed(self) -> bool:
        return self.line.locked


@dataclass(frozen=True, slots=True)
class Part:
    """The permissions at one resource, ready to be drawn."""

    section: Section
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Again:
    """Why the screen is shown once more. note: what happened. error: what is to be mended, at which field.

    good: what is done by now.
    """

    note: str = ""
    error: str = ""
    error_field: str = ""
    good: str = ""
    answer: Answer | None = None


def show(
    request: HttpRequest,
    offer: Offer,
    *,
    sent: Mapping[str, Sequence[str]],
    action: str,
    now: datetime,
    again: Again | None = None,
    status: int = 200,
    again_url: str = "",
    may_not: str = "",
    keeper_note: str = "",
    renews: Consent | None = None,
    template: str = "consent/screen.html",
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Return the screen. again_url: where somebody else who signs in comes back to.

    may_not: why this person cannot say yes, in a sentence. keeper_note: why not to all of it. renews: the paused consent
    whose change is asked about, for its own purpose only. template, more: a page that says more around the same screen.
    """
    if again is None and (kept := kept_answer(request, offer, now)):
        again = Again(good=_("That was you. Look at it once more: it counts when you allow it."), answer=kept)
    again = again or Again()
    answer = again.answer
    until = answer.until if answer else next((choice.key for choice in offer.ends if choice.chosen), "")
    context: dict[str, Any] = {
        "offer": offer,
        "parts": [
            Part(section, [_row(line, answer, within_new=section.new) for line in section.lines])
            for section in offer.sections
        ],
        "ends": offer.ends,
        "until": until,
        "custom": until == CUSTOM,
        "until_at": answer.until_at if answer else "",
        "earliest_at": _local(now, offer),
        "latest_at": _local(offer.latest, offer),
        "purpose": answer.purpose if answer else offer.purpose,
        "purpose_ok": bool(answer and answer.purpose_ok),
        "who": _who(offer, answer) if offer.asks_who else None,
        "own_words": bool(answer and answer.purpose != offer.purpose) or again.error_field == "purpose",
        "passes": answer.passes if answer else bool(offer.passing and offer.passing.ticked),
        "sealed": seal(offer, sent, request, now),
        "action": action,
        "again": again,
        "again_url": again_url,
        "may_not": may_not,
        "keeper_note": keeper_note,
        "takes": [] if may_not else takes_of(request, offer, now),
        "renews": renews,
        "can_leave_out": offer.asks_who or (len(offer.lines) > 1 and not all(line.locked for line in offer.lines)),
        "differences": differences_of(offer.paused) if offer.paused else [],
        "now": now,
        **_limits(offer, again),
        **(more or {}),
    }
    return render(request, template, context, status=status)


def _who(offer: Offer, answer: Answer | None) -> dict[str, Any]:
    """Return the line that asks to know who the person is, as ``components/scope_row.html`` draws it."""
    return {
        "title": title(),
        "detail": detail(),
        "name": "tells_who",
        "value": "on",
        "checked": answer.tells_who if answer else True,
        "chips": ["new"] if offer.held is not None and not offer.held.tells_who else [],
    }


def _limits(offer: Offer, again: Again) -> dict[str, Any]:
    """Return the fields that limit it, filled in with what held so far: nothing is lost unseen by a new consent."""
    so_far = offer.held.limits if offer.held else NONE
    if offer.held is not None and offer.held.once:
        so_far = so_far.with_uses(None)
    uses = so_far.uses
    if uses is not None and offer.paused is not None and (left := offer.paused.uses_left) is not None:
        uses = max(left, 1)  # what a renewed consent has used up stays used up, unless its person says otherwise
    answered = again.answer.limits if again.answer else limits_of(so_far, uses=uses)
    problem = InvalidInput(again.error_field, again.error) if again.error else None
    before = in_words(so_far, offer.held.time_zone) if offer.held else []
    return limits_context(answered, offer.agent, zone_name=offer.zone_name, problem=problem, before=before)


def _local(moment: datetime, offer: Offer) -> str:
    return moment.astimezone(zone_of(offer.zone_name)).strftime("%Y-%m-%dT%H:%M")


def _row(line: Line, answer: Answer | None, *, within_new: bool) -> Row:
    ticked = line.scope in answer.ticked if answer else line.ticked
    chips = ["new"] if line.new and not within_new else []
    if line.scope.marked_sensitive:
        chips.append("sensitive")
    if line.reworded:
        chips.append(_("other words now"))
    details = detail_rows(line, answer.details if answer else None, ticked=line.locked or line.ticked)
    return Row(line, line.locked or ticked, disabled=False, detail=_detail(line), chips=chips, details=details)


def _detail(line: Line) -> str:
    words = detail_with_whom(line.wording.detail, line.wording.concerns)
    said = [words] if words else []
    if line.at_most:
        said.append(_("At most %(life)s.") % {"life": line.at_most})
    if line.locked and line.confirmed_by:
        said.append(_("Needed for the task; confirmed by %(name)s.") % {"name": line.confirmed_by})
    elif line.locked:
        said.append(_("Needed for the task."))
    elif not line.ticked:
        said.append(_("Off unless you tick it."))
    if line.reworded:
        said.append(_("You agreed to other words before."))
    return " ".join(said)
