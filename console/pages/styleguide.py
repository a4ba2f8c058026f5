"""The gallery of parts, for development only: each component once, with the data it is made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html

from console.templatetags.chips import CHIPS

ISSUED = (883, 853, 924, 1115, 1046, 257, 206, 976, 1076, 1160, 1136, 1066, 285, 253)
REFUSED = (4, 0, 3, 0, 5, 0, 0, 4, 0, 38, 3, 2, 0, 0)


@dataclass(frozen=True)
class SampleDay:
    date: date
    issued: int
    refused: int


@dataclass(frozen=True)
class SampleTab:
    label: str
    url: str = "#tabs"
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class SampleLink:
    title: str
    url: str = ""
    detail: str = ""
    broken: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class SampleChain:
    human: SampleLink
    consent: SampleLink
    token: SampleLink
    action: SampleLink | None = None


@dataclass(frozen=True)
class SampleScope:
    title: str
    detail: str
    access: str
    data: str
    name: str = ""
    value: str = ""
    checked: bool = False
    needed: bool = False
    code: str = ""
    chips: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SampleEvent:
    at: datetime
    icon: str
    sentence: str
    quote: str = ""
    chips: list[str] = field(default_factory=list)
    url: str = ""
    refused: bool = False
    action_url: str = ""
    action: str = ""


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80)
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    purpose = forms.CharField(
        label="Purpose", widget=forms.Textarea(attrs={"rows": 3}), help_text="People read it on every consent screen."
    )
    team = forms.CharField(label="Team", required=False)
    environment = forms.ChoiceField(
        label="Runs in", choices=[("production", "production"), ("staging", "staging"), ("development", "development")]
    )
    until = forms.ChoiceField(
        label="Until",
        choices=[("1h", "1 hour"), ("today", "today, 18:00"), ("30d", "30 days")],
        widget=forms.RadioSelect,
        initial="today",
    )
    told = forms.BooleanField(
        label="Tell me by mail when it is used for the first time",
        required=False,
        help_text="One mail, not one for each use.",
    )


def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every part of the pages. Served only where ``STYLEGUIDE`` is on."""
    if not settings.STYLEGUIDE:
        raise Http404
    now = timezone.now()
    return render(
        request, "console/styleguide.html", {"now": now, **_navigation_parts(), **_chain_parts(now), **_form_parts(now)}
    )


def _navigation_parts() -> dict[str, Any]:
    return {
        "crumbs": [("Agents", "#crumbs"), ("Discharge Assistant", "#crumbs")],
        "tabs": [
            SampleTab("Overview", current=True),
            SampleTab("Consents", count=14),
            SampleTab("Clients", count=2),
            SampleTab("Activity"),
        ],
        "chips": list(CHIPS),
        "page": Paginator(range(1204), 8).page(2),
        "names": [
            "Discharge Assistant",
            "Pay\u202etnegA lap\u202c",
            "Clаims Filer",
            "مساعد الخروج",
            "Lab\u200bMonitor",
            "𝐂laims",
            "👩\u200d⚕\ufe0f Ward helper",
        ],
    }


def _chain_parts(now: datetime) -> dict[str, Any]:
    human = SampleLink("Dr. Jonas Weber", "#chain", "approved with a passkey")
    consent = SampleLink("Discharge letters, ward 3B", "#chain", "until today, 18:00")
    token = SampleLink("…c41d", detail="5 minutes, bound to a key")
    action = SampleLink("Read 3 patient files", detail="today, 10:42:07")
    ended = SampleLink("Discharge letters, ward 3B", "#chain", "revoked today, 10:43", broken=True)
    agent = format_html("<strong>{}</strong>", "Discharge Assistant")
    return {
        "chain": SampleChain(human, consent, token, action),
        "broken_chain": SampleChain(human, ended, SampleLink("…c41d", detail="worth nothing since then", broken=True)),
        "events": [
            SampleEvent(
                now - timedelta(minutes=2),
                "hand",
                format_html("{} asks for <strong>{}</strong>", agent, "see billing data"),
                "resubmit a rejected claim",
                action_url="#events",
                action="Decide",
            ),
            SampleEvent(
                now - timedelta(hours=1),
                "eye",
                format_html("{} read 3 patient files for Dr. Jonas Weber", agent),
                "discharge letters, ward 3B",
                ["health"],
                "#events",
            ),
            SampleEvent(
                now - timedelta(hours=2),
                "ban",
                format_html("{} asked for <code>letters:send</code>: not in the consent", agent),
                chips=["refused"],
                url="#events",
                refused=True,
            ),
            SampleEvent(now - timedelta(days=2), "scissors", "Dr. Jonas Weber narrowed the consent", url="#events"),
        ],
        "scopes": [
            SampleScope(
                "Read patient files of ward 3B",
                "Diagnoses, medication, reports. Not: billing, other wards.",
                "read",
                "health",
                needed=True,
            ),
            SampleScope(
                "Write draft letters",
                "Drafts wait for your signature; nothing is sent.",
                "write",
                "health",
                "scope",
                "letters:write",
                checked=True,
            ),
            SampleScope(
                "Delete drafts it has written",
                "Left off unless you tick it.",
                "delete",
                "none",
                "scope",
                "letters:delete",
            ),
            SampleScope(
                "See your appointments",
                "used 41 times, last at 10:42 ·",
                "read",
                "personal",
                code="calendar:read",
                chips=["new"],
            ),
        ],
        "days": [
            SampleDay(now.date() - timedelta(days=13 - place), issued, refused)
            for place, (issued, refused) in enumerate(zip(ISSUED, REFUSED, strict=True))
        ],
    }


def _form_parts(now: datetime) -> dict[str, Any]:
    return {
        "form": SampleForm(),
        "bad_form": SampleForm(
            {"name": "", "email": "mara@st-anna", "purpose": "", "environment": "production", "until": "never"},
            auto_id="bad_%s",
        ),
        "facts": [
            ("Kind", "assistant, acts for people"),
            ("Client", "discharge-prod", "code"),
            ("Live tokens", 0),
            ("Successor", ""),
            (
                "Ends",
                format_html(
                    '<time datetime="{}">{}</time>', (now + timedelta(days=21)).date().isoformat(), "15 Dec, in 21 days"
                ),
            ),
        ],
        "moments": [
            now,
            now - timedelta(minutes=3),
            now - timedelta(hours=5),
            now + timedelta(minutes=20),
            now - timedelta(days=3),
            now - timedelta(days=500),
            None,
        ],
        "secret": "MANDATE_KEY=mdt_7f3c_6Yv0mUe1hZ8wq2TnXo5RkL4sPjD9aBcE_k1Qz",
        "code": 'agent = OAuth2Session("discharge-prod", os.environ["MANDATE_KEY"])\nagent.fetch_token("https://id.example/oauth/token", resource="https://records.example")',
    }
