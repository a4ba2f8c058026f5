"""One event with its whole chain: who authorised it, why, what was retrieved, and what happened around it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from agents.models import Event
from agents.permissions import May
from agents.trail.around import around
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from consent.clock import AGENT_STOPS, STOPS_OF_CONSENT, first_refusal_after
from consent.models import Consent
from console.accounts.requests import PersonRequest
from console.agreed import whose_words
from console.chain import Chain, Link, consent_link, human_link, passed_links, token_link, up_to_the_root, visible_among
from console.detail_words import life_in_words, moment_of
from console.fact_words import fact_name, fact_value
from console.names import Names, as_uuid
from console.pages.parts import render_page
from console.reasons import reason_in_words
from console.receipt_words import table_of
from console.sentences import kind_of, tell, tell_one
from console.templatetags.mandate import chip, thin, when
from console.templatetags.moments import exact

LARGEST_NUMBER = 2**63 - 1
STOPPING = frozenset({Kind.CONSENT_PAUSED.value, *(kind.value for kind in (*STOPS_OF_CONSENT, *AGENT_STOPS))})
"""The kinds of events by which something that was allowed stops."""
CHANGED = {
    Kind.CONSENT_NARROWED.value: gettext_lazy("scopes"),
    Kind.CONSENT_SHORTENED.value: gettext_lazy("end"),
    Kind.AGENT_HANDED_OVER.value: gettext_lazy("owner"),
    Kind.DEPUTIES_CHANGED.value: gettext_lazy("deputies"),
    Kind.ROLE_CHANGED.value: gettext_lazy("role"),
}
"""What a single value before and after is of."""


@require_safe
def event(request: PersonRequest, number: int) -> HttpResponse:
    """Show one event. What the person may not read does not exist for them."""
    viewer, now = request.user, request.now
    if number > LARGEST_NUMBER:
        raise Http404
    shown = get_object_or_404(Event.objects.visible_to(viewer), pk=number)
    neighbours = around(shown, viewer=viewer)
    names = Names.of([shown, *neighbours], viewer)
    consent = _consent_of(shown)
    told = tell_one(shown, names, now, linked=False)
    trail = reverse("trail") if viewer.has_perm(May.SEE_TRAIL) else ""
    context = {
        "event": shown,
        "told": told,
        "crumbs": [(_("Trail"), trail)] if trail else [],
        "here": _("Event %(number)s") % {"number": thin(shown.pk)},
        "chain": _chain(shown, consent, names, now, trail),
        "purpose": names.text(shown.purpose_digest),
        "agent": names.agents.get(shown.agent_id) if shown.agent_id else None,
        "written_by": whose_words(consent),
        "reason": names.text(shown.reason_digest),
        "reason_by": names.actor(shown),
        "retrieved": list(table_of(shown.detail)) if shown.kind == Kind.RECEIPT_REPORTED else [],
        "reported_by": names.resource(shown.resource_id),
        "after_revocation": _is_after_revocation(shown, consent),
        "changes": _changes(shown, names),
        "around": tell(neighbours, names, now, current=shown.pk, quoted=False),
        "facts": _facts(shown, names, trail),
        "copies": _copies(shown),
        "more": _more(shown, trail),
    }
    return render_page(request, "console/event.html", context)


def _consent_of(shown: Event) -> Consent | None:
    if not shown.consent_id:
        return None
    above = (
        "parent__user",
        "parent__approved_by",
        "parent__agent",
        "parent__parent__agent",
        "parent__parent__parent__agent",
    )
    rows = Consent.objects.select_related("user", "approved_by", "agent", *above)
    return rows.filter(pk=shown.consent_id).first()


def _chain(shown: Event, consent: Consent | None, names: Names, now: Any, trail: str) -> Chain:
    """Return the chain as it stood when the event happened."""
    person = names.people.get(shown.user_id) if shown.user_id else None
    actor = names.people.get(shown.actor_id) if shown.actor_kind == "user" and shown.actor_id else None
    if consent is not None:
        human = human_link(person, consent=consent, url=names.person_url((consent.user or consent.approved_by).pk))
    else:
        someone = actor or person
        human = human_link(someone, url=names.person_url(someone.pk)) if someone else None
    line = up_to_the_root(consent) if consent is not None else []
    root, shares = next(iter(line), None), line[1:]
    seen = visible_among(line, names.viewer) if shares else frozenset()
    what = kind_of(shown)
    action = Link(
        tell_one(shown, names, now, linked=False).title,
        detail=when({"now": now}, shown.at, "clock"),
        broken=shown.outcome == Outcome.REFUSED,
    )
    return Chain(
        human=human,
        consent=_root_link(root, shown, names, now, seen) if root else None,
        passed=passed_links(shares, at=shown.at, now=now, open_to=seen),
        token=token_link(shown.token_id, detail=_token_in_words(shown), trail=trail) if shown.token_id else None,
        action=action if what else None,
    )


def _root_link(root: Consent, shown: Event, names: Names, now: Any, seen: frozenset[Any]) -> Link:
    """Return the consent that the human gave: the event's own, or the one from which that is derived."""
    own = names.consent_url(shown) if root.pk == shown.consent_id else ""
    url = own or (reverse("consent", args=[root.pk]) if root.pk in seen else "")
    return consent_link(root, at=shown.at, now=now, url=url)


def _token_in_words(shown: Event) -> str:
    """Say for how long the token was good, from the event of its issue."""
    issued = (
        shown
        if shown.kind == Kind.TOKEN_ISSUED
        else Event.objects.filter(token_id=shown.token_id, kind=Kind.TOKEN_ISSUED).order_by("pk").first()
    )
    detail = issued.detail if issued and isinstance(issued.detail, dict) else {}
    return life_in_words(detail.get("life")) if "life" in detail else ""


def _is_after_revocation(shown: Event, consent: Consent | None) -> bool:
    """Whether a resource says that something was done when the consent was revoked already."""
    if shown.kind != Kind.RECEIPT_REPORTED or consent is None or consent.revoked_at is None:
        return False
    said = shown.detail.get("at") if isinstance(shown.detail, dict) else None
    return (moment_of(said) or shown.at) > consent.revoked_at


def _changes(shown: Event, names: Names) -> list[tuple[str, str, str]]:
    """Return what was changed as name, before and after. A consent's scopes and an agent's people are changes too."""
    detail = shown.detail if isinstance(shown.detail, dict) else {}
    if "before" not in detail and "after" not in detail:
        return []
    before, after = detail.get("before"), detail.get("after")
    if not isinstance(before, dict) and not isinstance(after, dict):
        name = CHANGED.get(shown.kind, "")
        fact = "role" if shown.kind == Kind.ROLE_CHANGED else ""
        return [(str(name), _known(before, names, fact), _known(after, names, fact))]
    before, after = (side if isinstance(side, dict) else {} for side in (before, after))
    listed = sorted({*before, *after})[:50]
    return [
        (fact_name(name), _known(before.get(name), names, name), _known(after.get(name), names, name))
        for name in listed
    ]


def _known(value: Any, names: Names, fact: str) -> str:
    """Return a value in words, with the names of people in place of their ids."""
    if isinstance(value, list):
        return ", ".join(_known(item, names, fact) for item in value[:20]) or "–"
    person_id = as_uuid(value)
    if person_id is not None and (person := names.people.get(person_id)) is not None:
        return person.display_name
    moment = moment_of(value)
    return exact(moment) if moment is not None else fact_value(fact, value) or "–"


def _facts(shown: Event, names: Names, trail: str) -> list[tuple[str, object]]:
    local = timezone.localtime(shown.at)
    second = date_format(local, _("j M Y, H:i:s"))
    clock = f"{second}.{local.microsecond // 1000:03d} {local.tzname()}"
    facts: list[tuple[str, object]] = [
        (_("When"), format_html('<time datetime="{}">{}</time>', shown.at.isoformat(), clock)),
        (_("Outcome"), chip(shown.outcome)),
    ]
    if shown.reason_code:
        facts.append(
            (_("Why"), format_html("{} <code>{}</code>", reason_in_words(shown.reason_code), shown.reason_code))
        )
    facts.append((_("Done by"), _actor(shown, names)))
    facts += _clock(shown, trail)
    if shown.scopes:
        facts.append((_("Scopes"), _codes(shown.scopes.split())))
    if shown.agent_id:
        facts.append((_("Agent"), _linked(names.agent(shown.agent_id), names.agent_url(shown.agent_id))))
    if shown.client_id:
        client = names.clients.get(shown.client_id)
        said = format_html("<code>{}</code>", client.client_id) if client else names.client(shown.client_id)
        facts.append((_("Client"), _linked(said, f"{trail}?client={shown.client_id}" if trail else "")))
    if shown.resource_id:
        facts.append((_("Resource"), _linked(names.resource(shown.resource_id), names.resource_url(shown.resource_id))))
    if shown.address_digest:
        facts.append((_("From"), names.text(shown.address_digest)))
    facts.append((_("Kind"), format_html("<code>{}</code>", shown.kind)))
    return facts


def _clock(shown: Event, trail: str) -> list[tuple[str, object]]:
    """Return what a change took away and how long it took until a use was refused for it (``consent/clock.py``)."""
    if shown.kind not in STOPPING:
        return []
    detail = shown.detail if isinstance(shown.detail, dict) else {}
    facts: list[tuple[str, object]] = []
    if isinstance(tokens := detail.get("live_tokens"), int):
        facts.append((_("Tokens that were out"), thin(tokens)))
    met = first_refusal_after(shown)
    seconds = met.detail.get("seconds") if met is not None and isinstance(met.detail, dict) else None
    if met is not None and isinstance(seconds, int | float):
        said = format_html("{}", _("after %(seconds)s s") % {"seconds": floatformat(seconds, 2)})
        facts.append((_("First refusal"), _linked(said, reverse("event", args=[met.pk]) if trail else "")))
    return facts


def _actor(shown: Event, names: Names) -> SafeString:
    url = names.person_url(shown.actor_id) if shown.actor_kind == "user" else ""
    kinds = {
        "user": _("a person"),
        "client": _("a client"),
        "resource": _("a resource"),
        "system": _("by itself"),
        "anonymous": _("not known to Mandate"),
    }
    return format_html(
        '{} <span class="small muted">{}</span>',
        _linked(names.actor(shown), url),
        kinds.get(shown.actor_kind, shown.actor_kind),
    )


def _codes(listed: list[str]) -> SafeString:
    return format_html_join(" ", "<code>{}</code>", ((scope,) for scope in listed))


def _linked(said: SafeString, url: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, said) if url else said


def _copies(shown: Event) -> list[tuple[str, str, str]]:
    """Return the ids that one copies into a ticket: term, name of the element, value."""
    ids = [
        (_("Request"), "copy-request", shown.request_id),
        (_("Token"), "copy-token", shown.token_id),
        (_("Consent"), "copy-consent", shown.consent_id),
    ]
    return [(term, name, str(value)) for term, name, value in ids if value]


def _more(shown: Event, trail: str) -> list[tuple[str, str]]:
    """Return the neighbouring views of the trail, as words and address."""
    if not trail:
        return []
    views = [
        ("request", shown.request_id, _("All of this request")),
        ("token", shown.token_id, _("All with this token")),
        ("consent", shown.consent_id, _("All under this consent")),
        ("agent", shown.agent_id, _("All of this agent")),
        ("person", shown.user_id, _("All about this person")),
    ]
    return [(words, f"{reverse('trail')}?{name}={value}") for name, value, words in views if value]
