"""Trusted issuers: who may say for whom agents act, and how far that goes. For administrators."""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import linked_people, trusted_issuers
from agents.actors import Actor, require
from agents.models import LinkedPerson, TrustedIssuer
from agents.permissions import May
from agents.trusted_issuers import Terms, terms_of, where_its_keys_are
from consent.models import Consent
from consent.screens.who_and_when import moment_of
from consent.until import life_in_words
from consent.vouched import end_issuer
from console.forms.reasons import ReasonForm
from console.forms.trusted_issuers import TrustedIssuerForm
from console.pages.errors import said_in
from console.pages.parts import render_page

PEOPLE_SHOWN = 100


@require_safe
def trusted_list(request: HttpRequest) -> HttpResponse:
    """Show whom administrators trust."""
    require(Actor.of(request), May.TRUST_ISSUER)
    context = {
        "issuers": TrustedIssuer.objects.live().select_related("trusted_by").prefetch_related("clients", "scopes"),
        "changes_url": f"{reverse('trail')}?kind=issuer.trusted",
    }
    return render_page(request, "console/trusted_issuers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Trust one more."""
    by = Actor.of(request)
    require(by, May.TRUST_ISSUER)
    form = TrustedIssuerForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            reason = form.cleaned_data["reason"]
            row = trusted_issuers.trust(_with_keys(form.terms()), reason=reason, by=by, now=moment_of(request))
            messages.success(request, _("%(name)s is trusted from now on.") % {"name": row.name})
            return redirect(row)
    return render_page(request, "console/trusted_issuer_form.html", {"form": form})


@require_safe
def one(request: HttpRequest, issuer_id: uuid.UUID) -> HttpResponse:
    """Show one: its rule, and whom it means."""
    row = _seen(request, issuer_id)
    now = moment_of(request)
    people = LinkedPerson.objects.live().filter(issuer=row).select_related("user")
    context = {
        "issuer": row,
        "clients": row.clients.select_related("agent").order_by("agent__name", "name"),
        "scopes": row.scopes.select_related("resource").prefetch_related("wordings").order_by("resource__name", "name"),
        "life": life_in_words(row.consent_life),
        "people": people[:PEOPLE_SHOWN],
        "people_count": people.count(),
        "consents": Consent.objects.live(now).filter(issuer=row).count(),
    }
    return render_page(request, "console/trusted_issuer.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, issuer_id: uuid.UUID) -> HttpResponse:
    """Decide its rule anew."""
    row, by = _seen(request, issuer_id), Actor.of(request)
    form = TrustedIssuerForm(request.POST or None, before=terms_of(row))
    if form.is_valid():
        with said_in(form, request):
            reason = form.cleaned_data["reason"]
            trusted_issuers.change(row.pk, _with_keys(form.terms()), reason=reason, by=by, now=moment_of(request))
            messages.success(request, _("Saved. What follows from its word from now on follows this rule."))
            return redirect(row)
    return render_page(request, "console/trusted_issuer_form.html", {"form": form, "issuer": row})


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, issuer_id: uuid.UUID) -> HttpResponse:
    """Trust it no longer, with a reason."""
    row, by, now = _seen(request, issuer_id), Actor.of(request), moment_of(request)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            end_issuer(row.pk, reason=form.cleaned_data["reason"], by=by, now=now)
            messages.success(request, _("%(name)s is not trusted any more.") % {"name": row.name})
            return redirect("trusted-issuers")
    context = {
        "form": form,
        "issuer": row,
        "title": _("Trust this issuer no longer?"),
        "sentence": _("Its word brings nothing from now on, and every consent that follows from it ends: %(count)s.")
        % {"count": Consent.objects.live(now).filter(issuer=row).count()},
        "confirm": _("End the trust"),
    }
    return render_page(request, "console/trusted_issuer_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def unlink(request: HttpRequest, issuer_id: uuid.UUID, linked_id: uuid.UUID) -> HttpResponse:
    """Forget whom it means by a name, with a reason."""
    row, by, now = _seen(request, issuer_id), Actor.of(request), moment_of(request)
    link = get_object_or_404(LinkedPerson.objects.live().filter(issuer=row).select_related("user"), pk=linked_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with said_in(form, request):
            linked_people.unlink(link.pk, reason=form.cleaned_data["reason"], by=by, now=now)
            messages.success(request, _("Forgotten. The next time it finds them by their address again."))
            return redirect(row)
    context = {
        "form": form,
        "issuer": row,
        "title": _("Forget what it calls this person?"),
        "sentence": _(
            "%(person)s is linked to one name of this issuer. Do this where that name was wrong, or was given to somebody "
            "else. What was allowed so far stands until it ends."
        )
        % {"person": link.user.display_name},
        "confirm": _("Forget it"),
    }
    return render_page(request, "console/trusted_issuer_confirm.html", context)


def _seen(request: HttpRequest, issuer_id: uuid.UUID) -> TrustedIssuer:
    require(Actor.of(request), May.TRUST_ISSUER)
    return get_object_or_404(TrustedIssuer.objects.live().select_related("trusted_by"), pk=issuer_id)


def _with_keys(terms: Terms) -> Terms:
    """Return the terms with where the keys are, read from the issuer's own document where nothing was given."""
    if terms.keys or terms.jwks_uri:
        return terms
    return replace(terms, jwks_uri=where_its_keys_are(terms.issuer))
