"""A form that is not what its screen had sent: nothing is done by it, and the page says so."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from consent.screens.form import FormTampered


def cannot_be_taken(request: HttpRequest, problem: FormTampered, *, url: str) -> HttpResponse:
    """Say that this form cannot be taken. url: of the screen as it is now."""
    context = {
        "title": _("This form cannot be taken"),
        "sentence": problem.sentence,
        "detail": problem.code,
        "url": url,
        "way_on": _("Look at it again"),
    }
    return render(request, "problem.html", context, status=400)
