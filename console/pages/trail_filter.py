"""What the address of the trail page asks for, and the filters as chips that can be taken off one by one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Agent, Client, DataClass, Resource, User
from agents.trail.groups import Group
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.search import Search
from consent.models import Consent
from console.filters import search_input
from console.forms.choices import offer_words
from console.templatetags.moments import day

OUTCOMES = [
    ("", gettext_lazy("Allowed and refused")),
    (Outcome.ALLOWED.value, gettext_lazy("Allowed")),
    (Outcome.REFUSED.value, gettext_lazy("Refused")),
    (Outcome.REPORTED.value, gettext_lazy("Reported by resources")),
]
DATA = [
    ("", gettext_lazy("All data")),
    (DataClass.PERSONAL.value, gettext_lazy("Personal data")),
    (DataClass.HEALTH.value, gettext_lazy("Health data")),
    (DataClass.FINANCIAL.value, gettext_lazy("Financial data")),
]
WHEN = [
    ("", gettext_lazy("Any time")),
    ("today", gettext_lazy("Today")),
    ("yesterday", gettext_lazy("Yesterday")),
    ("week", gettext_lazy("Last 7 days")),
    ("month", gettext_lazy("Last 30 days")),
]
GROUPS = [
    ("", gettext_lazy("Everything")),
    (Group.TOKENS.value, gettext_lazy("Tokens")),
    (Group.RECEIPTS.value, gettext_lazy("Receipts")),
    (Group.CONSENTS.value, gettext_lazy("Consents")),
    (Group.AGENTS.value, gettext_lazy("Agents and clients")),
    (Group.RESOURCES.value, gettext_lazy("Resources and scopes")),
    (Group.PEOPLE.value, gettext_lazy("People")),
    (Group.INSTALLATION.value, gettext_lazy("This installation")),
]
IDS = ("agent", "person", "client", "consent", "token", "request")
LONGEST_WORDS = 200


class TrailFilter(forms.Form):
    """The controls of the trail page. A value that is none of the choices asks for nothing."""

    q = forms.CharField(
        required=False,
        label=gettext_lazy("Find events"),
        widget=search_input(gettext_lazy("Words of a purpose, a name, a token, a request")),
    )
    outcome = forms.ChoiceField(required=False, label=gettext_lazy("Outcome"), choices=OUTCOMES)
    data = forms.ChoiceField(  # type: ignore[assignment]  # a field: the form's metaclass takes it out of the class
        required=False, label=gettext_lazy("Data"), choices=DATA
    )
    kind = forms.ChoiceField(required=False, label=gettext_lazy("What happened"), choices=GROUPS)
    when = forms.ChoiceField(required=False, label=gettext_lazy("When"), choices=WHEN)
    resource = forms.ChoiceField(required=False, label=gettext_lazy("Resource"))


@dataclass(frozen=True, slots=True)
class FilterChip:
    """A filter that is on: its words, and the address without it."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The search of an address, the form that shows it, and its page."""

    search: Search
    form: TrailFilter
    params: dict[str, str]
    """What was understood, and nothing else: the address to share."""
    before: int | None
    after: int | None


def read_filter(query: QueryDict, now: datetime, resources: list[Resource]) -> Asked:
    """Read the address. What is unknown or unreadable in it is left out, so that an address never breaks."""
    words = " ".join(query.get("q", "").replace("\0", " ").split())[:LONGEST_WORDS]
    params: dict[str, str] = {}
    if words:
        params["q"] = words
    kinds = {value for value, _label in GROUPS} | {kind.value for kind in Kind}
    for name, allowed in (
        ("outcome", {value for value, _label in OUTCOMES}),
        ("data", {value for value, _label in DATA}),
        ("kind", kinds),
        ("when", {value for value, _label in WHEN}),
        ("resource", {str(resource.pk) for resource in resources}),
    ):
        if (value := query.get(name, "")) and value in allowed:
            params[name] = value
    for name in IDS:
        if (found := _uuid(query.get(name, ""))) is not None:
            params[name] = str(found)
    if (on := _date(query.get("on", ""))) is not None:
        params["on"] = on.date().isoformat()
    since, until = _times(params, now)
    ids = {name: uuid.UUID(params[name]) for name in (*IDS, "resource") if name in params}
    search = Search(
        words=words,
        outcome=params.get("outcome", ""),
        data_class=params.get("data", ""),
        group=params.get("kind", ""),
        since=since,
        until=until,
        **ids,
    )
    form = TrailFilter(initial=params, auto_id="filter-%s")
    offer_words(form, "resource", [("", _("Every resource")), *((str(one.pk), one.name) for one in resources)])
    before, after = _number(query.get("before", "")), _number(query.get("after", ""))
    return Asked(search, form, params, before, None if before is not None else after)


def chips_of(asked: Asked, path: str, viewer: User, now: datetime) -> list[FilterChip]:
    """Return the filters that have no control of their own as chips. At most one query for each."""
    chips: list[FilterChip] = []
    namers: dict[str, Callable[[], str]] = {
        "agent": lambda: _("agent: %(name)s") % {"name": _agent_name(asked.search.agent, viewer)},
        "person": lambda: _("person: %(name)s") % {"name": _person_name(asked.search.person, viewer)},
        "client": lambda: _("client: %(name)s") % {"name": _client_name(asked.search.client, viewer)},
        "consent": lambda: _("consent: %(name)s") % {"name": _consent_name(asked.search.consent, viewer)},
        "token": lambda: _("token: %(name)s") % {"name": f"…{_end(asked.params['token'])}"},
        "request": lambda: _("request: %(name)s") % {"name": f"…{_end(asked.params['request'])}"},
        "on": lambda: _("on %(day)s") % {"day": day(_date(asked.params["on"]) or now, now)},
    }
    if asked.params.get("kind", "") in Kind._value2member_map_:
        kind = Kind(asked.params["kind"])
        namers["kind"] = lambda: _(kind.facts.meaning).rstrip(".")
    for name, label in namers.items():
        if name in asked.params:
            rest = {other: value for other, value in asked.params.items() if other != name}
            chips.append(FilterChip(label(), address(path, rest)))
    return chips


def address(path: str, params: dict[str, str]) -> str:
    """Return the address of the page with these parameters."""
    return f"{path}?{urlencode(params)}" if params else path


def _times(params: dict[str, str], now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the moments between which events are asked for. Days are those of the page's time zone."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if "on" in params:
        start = _date(params["on"])
        return start, start + timedelta(days=1) if start else None
    match params.get("when", ""):
        case "today":
            return midnight.astimezone(UTC), None
        case "yesterday":
            return (midnight - timedelta(days=1)).astimezone(UTC), midnight.astimezone(UTC)
        case "week":
            return now - timedelta(days=7), None
        case "month":
            return now - timedelta(days=30), None
    return None, None


def _date(value: str) -> datetime | None:
    """Return the first moment of a day, in the page's time zone, from YYYY-MM-DD."""
    if len(value) != 10:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if not 1970 < found.year < 9999:
        return None
    return timezone.make_aware(datetime.combine(found.date(), time())).astimezone(UTC)


def _uuid(value: str) -> uuid.UUID | None:
    if not 32 <= len(value) <= 36:
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None


def _end(value: str) -> str:
    return value[-6:]


def _agent_name(agent_id: uuid.UUID | None, viewer: User) -> str:
    if agent_id is None:
        return _("unknown")
    found = Agent.objects.visible_to(viewer).filter(pk=agent_id).values_list("name", flat=True).first()
    return found or _("unknown")


def _person_name(person_id: uuid.UUID | None, viewer: User) -> str:
    """Name a person whom the viewer may know: anybody for those who read all, else who gave their agents a consent."""
    person = User.objects.filter(pk=person_id).first()
    if person is None:
        return _("unknown")
    known = person.pk == viewer.pk or viewer.reads_everything
    if known or Consent.objects.visible_to(viewer).filter(user=person).exists():
        return person.display_name
    return _("unknown")


def _client_name(client_id: uuid.UUID | None, viewer: User) -> str:
    clients = Client.objects.filter(pk=client_id)
    if not viewer.reads_everything:
        clients = clients.filter(agent__in=Agent.objects.visible_to(viewer))
    found = clients.first()
    return found.name or found.client_id if found else _("unknown")


def _consent_name(consent_id: uuid.UUID | None, viewer: User) -> str:
    if consent_id is None:
        return _("unknown")
    found = Consent.objects.visible_to(viewer).filter(pk=consent_id).values_list("purpose", flat=True).first()
    return found if found and len(found) <= 40 else f"{found[:40].rstrip()}…" if found else _("unknown")
