"""One consent as a record: what was agreed word for word, what is left of it, who approved it how, and what it led to."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.last_use import last_used
from agents.models import User
from agents.permissions import May
from agents.promises import when_it_counts
from agents.trail.search import Search, find_events
from consent.condition_words import limits_in_words
from consent.consent_events import live_tokens
from consent.differences import differences_of, what_changed
from consent.models import Consent
from consent.passing_on.passed_on import passed_on_from, passes_of
from consent.screens.who_and_when import moment_of, person_of
from console.agreed import agreed_of, whose_words
from console.chain import chain_of_consent
from console.names import Names
from console.pages.parts import render_page
from console.sentences import tell
from console.templatetags.mandate import bdi_name, chip, thin, when

LATEST = 8
CHANGES = (
    (May.CONFIRM_CONSENT, "consent-confirm", "badge-check", "primary"),
    (May.NARROW_CONSENT, "consent-narrow", "scissors", ""),
    (May.NARROW_CONSENT, "consent-limit", "clock", ""),
    (May.NARROW_CONSENT, "consent-passing", "git-fork", ""),
    (May.SHORTEN_CONSENT, "consent-shorten", "hourglass", ""),
    (May.REVOKE_CONSENT, "consent-revoke", "octagon-x", "stop"),
)


@require_safe
def consent(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show one consent to whoever may read it; what is not theirs to read does not exist for them."""
    viewer = person_of(request)
    now = moment_of(request)
    shown = get_object_or_404(Consent.objects.visible_to(viewer).with_scopes(), pk=consent_id)
    events = find_events(Search(consent=shown.pk), viewer=viewer, size=LATEST).events
    names = Names.of(events, viewer)
    status = shown.status(now)
    for_whom = shown.user.display_name if shown.user else _("the organisation")
    sees_people = viewer.has_perm(May.SEE_PEOPLE)
    context = {
        "consent": shown,
        "for_whom": for_whom,
        "trail_url": reverse("trail") if viewer.has_perm(May.SEE_TRAIL) else "",
        "crumbs": [(_("Consents"), reverse("consents"))] if viewer.has_perm(May.SEE_CONSENTS) else [],
        "status": status,
        "agreed": agreed_of(shown, now),
        "chain": chain_of_consent(
            shown,
            now=now,
            viewer=viewer,
            person_url=reverse("person", args=[(shown.user or shown.approved_by).pk]) if sees_people else "",
            agent_url=reverse("agent", args=[shown.agent_id]) if viewer.has_perm(May.SEE_AGENT, shown.agent) else "",
        ),
        "changes": _changes(shown, viewer, status),
        "promise": when_it_counts(shown.resources(now)),
        "facts": _facts(shown, now),
        "events": tell(events, names, now, quoted=False),
        "written_by": whose_words(shown),
        "passes": passes_of([shown]).get(shown.pk),
        "passed": passed_on_from([shown], now).get(shown.pk, []),
    }
    return render_page(request, "console/consent.html", context)


def _changes(shown: Consent, viewer: User, status: str) -> list[tuple[str, str, str, str]]:
    """Return what this person may change now, as address, words, icon and tone. There is no way to extend."""
    if status not in {"live", "paused"}:
        return []
    paused = [(url, _("Look at the change…"), "git-compare", "primary")] if (url := _change_page(shown)) else []
    words = {
        "consent-confirm": _("Confirm…"),
        "consent-narrow": _("Narrow…"),
        "consent-limit": _("Limit…"),
        "consent-passing": _("Pass less on…"),
        "consent-shorten": _("Shorten…"),
        "consent-revoke": _("Revoke…"),
    }
    needs_nobody = not shown.waits_for_an_answer
    return paused + [
        (reverse(page, args=[shown.pk]), words[page], icon, tone)
        for permission, page, icon, tone in CHANGES
        if viewer.has_perm(permission, shown)
        if not (permission == May.CONFIRM_CONSENT and needs_nobody)
        if page != "consent-passing" or shown.passes
        if page != "consent-limit" or shown.parent_id is None
    ]


def _change_page(shown: Consent) -> str:
    return reverse("consent-changes", args=[shown.pk]) if shown.waits_to_be_looked_at else ""


def _facts(shown: Consent, now: Any) -> list[tuple[str, object]]:
    at = {"now": now}
    methods = format_html("{}", "") if not shown.sign_in_methods else chip(shown.sign_in_methods[0])
    facts: list[tuple[str, object]] = [
        (_("State"), chip(shown.status(now))),
        (_("Approved"), format_html("{} {}", when(at, shown.starts_at, "exact"), methods)),
        (_("By"), bdi_name(shown.approved_by.display_name)),
        (_("How"), shown.get_origin_display()),
        *_confirmation(shown, at),
        (_("Until"), _until(shown, at)),
        (_("Limited to"), "; ".join(limits_in_words(shown))),
    ]
    if shown.status(now) == "paused" and shown.waits_to_be_looked_at:
        paused = when(at, shown.paused_at, "exact")
        words = what_changed({difference.what for difference in differences_of(shown)})
        facts.append((_("Paused"), format_html("{}: {}", paused, words)))
    if shown.revoked_at:
        revoked = when(at, shown.revoked_at, "exact")
        link = format_html('<a href="{}">{}</a>', reverse("consent-stopped", args=[shown.pk]), _("what that stopped"))
        facts.append((_("Revoked"), format_html("{} {}", revoked, link)))
    if shown.superseded_at:
        replaced = when(at, shown.superseded_at, "exact")
        url = reverse("consent", args=[shown.superseded_by_id]) if shown.superseded_by_id else ""
        facts.append((_("Replaced"), format_html('{} <a href="{}">{}</a>', replaced, url, _("by a newer one"))))
    facts += [
        (_("Client"), format_html("{} <code>{}</code>", bdi_name(shown.client.name), shown.client.client_id)),
        (_("Returned to"), bdi_name(shown.redirect_host) if shown.redirect_host else ""),
        (_("Tokens out"), thin(live_tokens(shown, now))),
        (_("Last used"), when(at, last_used([shown.pk]).get(shown.pk), "words", _("never"))),
    ]
    return [fact for fact in facts if fact[1] != ""]


def _confirmation(shown: Consent, at: dict[str, Any]) -> list[tuple[str, object]]:
    """Say who answers for a consent of the organisation in place of its approver, and when it pauses without anybody."""
    facts: list[tuple[str, object]] = []
    if shown.confirmed_by and shown.confirmed_at:
        confirmed = when(at, shown.confirmed_at, "exact")
        facts.append((_("Confirmed"), format_html("{} {}", bdi_name(shown.confirmed_by.display_name), confirmed)))
    stands = shown.status(at["now"]) in {"live", "paused"}
    if shown.pauses_at is not None and stands and not shown.waits_to_be_looked_at:
        facts.append(
            (
                _("Paused since") if shown.is_paused(at["now"]) else _("Pauses unless confirmed"),
                when(at, shown.pauses_at, "exact"),
            )
        )
    return facts


def _until(shown: Consent, at: dict[str, Any]) -> object:
    if shown.once:
        return format_html("{} ({})", when(at, shown.ends_at, "exact"), _("one token only"))
    return when(at, shown.ends_at, "exact")
