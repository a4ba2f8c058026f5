"""Sensitivity rules: what decisions on each class of permissions take. Everybody who sees resources reads them."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents.actors import Actor, allowed, require
from agents.drift import Drift
from agents.models import SensitivityClass
from agents.permissions import May
from agents.rule_changes import change_rule, drift_of_rule
from agents.rules import POINTS, Rule, Rules
from consent.rule_reach import Reach, reach_of
from consent.rule_words import LABELS, class_in_words, point_in_words, points_of
from consent.screens.who_and_when import moment_of
from console.forms.rules import RuleForm
from console.pages.errors import said_in
from console.pages.parts import render_page

SEEN = "seen"
"""What the form carries once the preview was shown: the change and how many consents went beyond it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One class as the table draws it."""

    key: str
    title: str
    points: list[tuple[object, str]]


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Show the rule of each class."""
    by = Actor.of(request)
    require(by, May.SEE_RESOURCES)
    current = Rules.current()
    rows = [
        Row(key, class_in_words(key), [(LABELS[name], said) for name, said in points_of(current.by_class[key]).items()])
        for key in SensitivityClass.values
    ]
    context = {
        "rows": rows,
        "labels": list(LABELS.values()),
        "may_change": allowed(by, May.CHANGE_POLICY),
        "changes_url": f"{reverse('trail')}?kind=sensitivity.rule_changed",
    }
    return render_page(request, "console/rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, sensitivity_class: str) -> HttpResponse:
    """Decide what one class takes. Before it is saved, whom that reaches is shown, and sent a second time."""
    by, now = Actor.of(request), moment_of(request)
    require(by, May.CHANGE_POLICY)
    if sensitivity_class not in SensitivityClass.values:
        raise Http404
    before = Rules.current().by_class[sensitivity_class]
    form = RuleForm(request.POST or None, rule=before)
    shown: dict[str, object] = {}
    if form.is_valid():
        rule = form.rule()
        drifts = drift_of_rule(sensitivity_class, before, rule)
        reach = reach_of(sensitivity_class, rule, drifts, now)
        if drifts and request.POST.get(SEEN) != _mark(drifts, reach):
            shown = {
                "reach": reach,
                "mark": _mark(drifts, reach),
                "changes": _changes(before, rule),
                "pause": "pause_beyond" in request.POST if SEEN in request.POST else True,
            }
        else:
            with said_in(form, request):
                pause = "pause_beyond" in request.POST
                reason = form.cleaned_data["reason"]
                change_rule(sensitivity_class, rule, pause_beyond=pause, reason=reason, by=by, now=now)
                messages.success(request, _("Saved. New decisions follow it from now on."))
                return redirect("rules")
    context = {"form": form, "key": sensitivity_class, "title": class_in_words(sensitivity_class), **shown}
    return render_page(request, "console/rule_form.html", context)


def _mark(drifts: list[Drift], reach: Reach) -> str:
    """Return what must still be so when the form comes back: nobody pauses people whom they did not see."""
    change = drifts[0].after if drifts else {}
    return f"{reach.beyond.consents} " + " ".join(f"{name}={change[name]}" for name in sorted(change))


def _changes(before: Rule, after: Rule) -> list[tuple[object, str, str]]:
    was, is_now = before.facts(), after.facts()
    return [
        (LABELS[name], point_in_words(name, was[name]), point_in_words(name, is_now[name]))
        for name in POINTS
        if was[name] != is_now[name]
    ]
