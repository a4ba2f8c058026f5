"""What waits about consents: reports, consents that pause, and decisions that somebody else must agree to."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from agents.models import State, User
from agents.permissions import May
from agents.warnings import owners_at
from consent.differences import what_changed
from consent.models import Consent, PendingConsent, Report
from console.names import strong
from console.waiting.row import MOST, MOST_LOOKED_AT, Waiting, ago, rest


def reported(_person: User, now: datetime) -> list[Waiting]:
    """What people reported, and nobody looked at yet."""
    found = Report.objects.open().select_related("agent", "client", "user")
    return [
        Waiting(
            ago(report.reported_at, now),
            "flag",
            format_html(
                _("{person} reported what {agent} asked for"),
                person=report.user.display_name,
                agent=strong(report.about),
            ),
            report.get_absolute_url(),
            _("Look at it"),
        )
        for report in found[:MOST]
    ]


def _why_it_waits(consent: Consent, now: datetime) -> str:
    if consent.is_paused(now):
        return _("{agent} is paused for the organisation: {person} answered for it and left")
    return _("{agent} pauses for the organisation: {person} answered for it and left")


def unanswered(person: User, now: datetime) -> list[Waiting]:
    """Consents of the organisation whose administrator left: another one confirms them, or they pause."""
    consents = Consent.objects.unanswered(now).exclude(agent__state=State.RETIRED).with_scopes()
    found = consents.prefetch_related(owners_at("agent__ownerships")).order_by("ends_at", "pk")[:MOST_LOOKED_AT]
    listed = [consent for consent in found if person.has_perm(May.CONFIRM_CONSENT, consent)]
    listed.sort(key=lambda consent: consent.pauses_at or consent.ends_at)
    rows = [
        Waiting(
            ago(consent.pauses_at, now),
            "circle-pause" if consent.is_paused(now) else "hourglass",
            format_html(
                _why_it_waits(consent, now),
                agent=strong(consent.agent.name),
                person=strong(consent.answerable.display_name),
            ),
            consent.get_absolute_url(),
            _("Confirm or not"),
        )
        for consent in listed[:MOST]
    ]
    words = _("More consents wait for an administrator to confirm them")
    return rows + rest(len(listed), words, f"{reverse('consents')}?whom=organisation")


def drifted(person: User, now: datetime) -> list[Waiting]:
    """Consents of the organisation that pause until an administrator has seen what is different."""
    consents = Consent.objects.drifted(now).filter(user=None).exclude(agent__state=State.RETIRED).with_scopes()
    found = consents.prefetch_related(owners_at("agent__ownerships")).order_by("paused_at", "pk")[:MOST_LOOKED_AT]
    listed = [consent for consent in found if person.has_perm(May.AGREE_TO_CHANGE, consent)]
    rows = [
        Waiting(
            ago(consent.paused_at, now),
            "git-compare",
            format_html(
                _("{agent} is paused for the organisation: {what_changed}"),
                agent=strong(consent.agent.name),
                what_changed=what_changed({change["what"] for change in consent.paused_because}),
            ),
            reverse("consent-changes", args=[consent.pk]),
            _("Look at the change"),
        )
        for consent in listed[:MOST]
    ]
    words = _("More consents wait for an administrator to look at a change")
    return rows + rest(len(listed), words, f"{reverse('consents')}?whom=organisation")


def to_agree(person: User, now: datetime) -> list[Waiting]:
    """What others allowed and this person may agree to."""
    rows = PendingConsent.objects.waiting(now).for_the_role_of(person).with_what_is_asked()
    found = rows.prefetch_related(owners_at("agent__ownerships")).order_by("expires_at", "pk")[:MOST_LOOKED_AT]
    listed = [row for row in found if row.may_be_agreed_to_by(person)]
    return [
        Waiting(
            ago(row.created_at, now),
            "users-round",
            format_html(
                _("{person} allowed something to {agent}: somebody else must agree"),
                person=strong(row.decided_by.display_name),
                agent=strong(row.agent.name),
            ),
            row.get_absolute_url(),
            _("Agree or refuse"),
        )
        for row in listed[:MOST]
    ] + rest(len(listed), _("More waits for you to agree"), reverse("inbox"))
