"""What waits for a person: things that only they, or people with their role, can do now. Nothing is stored for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from agents.models import Agent, AgentScope, Credential, Ownership, Scope, State, User
from agents.models.client import CredentialQuerySet
from agents.permissions import May
from agents.warnings import owners_at
from consent.differences import what_changed
from consent.models import Consent, PendingConsent, Report
from console.names import page_of, strong
from console.templatetags.mandate import when

SOON = timedelta(days=14)
LIVE_OWNERSHIPS: Prefetch[str, Any, Any] = Prefetch(
    "ownerships", Ownership.objects.live().select_related("user"), to_attr="live_ownership_list"
)
MOST = 5
"""Of one sort; the rest is told as a number that leads to its list."""
MOST_LOOKED_AT = 50
"""Where each row is held against a rule before it is shown."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing, as a row of ``components/event_row.html``: the time it counts by, a sentence, and a button."""

    when: SafeString
    icon: str
    sentence: SafeString
    action_url: str
    action: str
    refused: bool = False
    chips: list[str] = field(default_factory=list)


def waiting_for(person: User, now: datetime) -> list[Waiting]:
    """Return what waits for this person, the most urgent sort first: nine lists at most for an administrator."""
    found: list[Waiting] = []
    for permission, waits in (
        (May.ACTIVATE_AGENT, _pending),
        (May.LOOK_AT_REPORT, _reported),
        (May.LOOK_AT_CHANGES, _changed),
        (May.CONFIRM_REQUIRED_SCOPE, _to_confirm),
        (May.CONFIRM_CONSENT, _unanswered),
        (May.CONFIRM_CONSENT, _drifted),
        (May.AGREE_AS_APPROVER, _to_agree),
        (May.HAND_OVER_AGENT, _without_usable_owner),
    ):
        if person.has_perm(permission):
            found += waits(person, now)
    found += _ending_agents(person, now) + _ending_keys(person, now)
    return found


def _pending(person: User, now: datetime) -> list[Waiting]:
    agents = Agent.objects.filter(state=State.PENDING)
    if not person.has_perm(May.ACTIVATE_AGENT, Agent(submitted_by=person)):
        agents = agents.exclude(submitted_by=person)  # another one has to activate these
    listed = list(agents.order_by("created_at", "pk").prefetch_related(LIVE_OWNERSHIPS)[: MOST + 1])
    rows = [
        Waiting(
            _ago(agent.created_at, now),
            "bot",
            format_html(
                _("{agent} of {owner} waits to be activated"),
                agent=strong(agent.name),
                owner=agent.owner.display_name if agent.owner else _("nobody"),
            ),
            agent.get_absolute_url(),
            _("Look at it"),
        )
        for agent in listed[:MOST]
    ]
    return rows + _rest(len(listed), now, _("More agents wait to be activated"), f"{reverse('agents')}?state=pending")


def _reported(_person: User, now: datetime) -> list[Waiting]:
    listed = list(Report.objects.open().select_related("agent", "user")[: MOST + 1])
    return [
        Waiting(
            _ago(report.reported_at, now),
            "flag",
            format_html(
                _("{person} reported what {agent} asked for"),
                person=report.user.display_name,
                agent=strong(report.agent.name),
            ),
            report.get_absolute_url(),
            _("Look at it"),
        )
        for report in listed[:MOST]
    ]


def _changed(person: User, now: datetime) -> list[Waiting]:
    """Agents in use that somebody else changed, where policy wants that a second person looks at it."""
    found = Agent.objects.exclude(changed_since=None).exclude(state=State.RETIRED).order_by("changed_since", "pk")
    listed = [agent for agent in found[:MOST_LOOKED_AT] if person.has_perm(May.LOOK_AT_CHANGES, agent)]
    rows = [
        Waiting(
            _ago(agent.changed_since, now),
            "git-compare",
            format_html(_("{agent} was changed since somebody looked at it"), agent=strong(agent.name)),
            reverse("agent-changes", args=[agent.pk]),
            _("See what was changed"),
        )
        for agent in listed[:MOST]
    ]
    return rows + _rest(len(listed), now, _("More agents were changed"), reverse("agents"))


def _to_confirm(person: User, now: datetime) -> list[Waiting]:
    """Sensitive scopes that owners set as required: confirmed by an administrator who does not keep the agent."""
    scopes = (
        AgentScope.objects.live()
        .filter(
            scope__in=Scope.objects.sensitive(),
            required=True,
            confirmed_by=None,
            agent__state__in=[State.PENDING, State.ACTIVE],
        )
        .exclude(agent__in=Ownership.objects.live().filter(user=person).values("agent"))
        .select_related("agent", "scope__resource")
        .order_by("added_at", "pk")
    )
    listed = list(scopes[: MOST + 1])
    return [
        Waiting(
            _ago(row.added_at, now),
            "lock",
            format_html(
                _("{agent} is to need {scope} at {resource} for its task"),
                agent=strong(row.agent.name),
                scope=format_html("<code>{}</code>", row.scope.name),
                resource=strong(row.scope.resource.name),
            ),
            f"{row.agent.get_absolute_url()}#confirm",
            _("Confirm or not"),
        )
        for row in listed[:MOST]
    ]


def _why_it_waits(consent: Consent, now: datetime) -> str:
    if consent.is_paused(now):
        return _("{agent} is paused for the organisation: {person} answered for it and left")
    return _("{agent} pauses for the organisation: {person} answered for it and left")


def _unanswered(person: User, now: datetime) -> list[Waiting]:
    """Consents of the organisation whose administrator left: another one confirms them, or they pause."""
    consents = Consent.objects.unanswered(now).exclude(agent__state=State.RETIRED).with_scopes()
    found = consents.prefetch_related(owners_at("agent__ownerships")).order_by("ends_at", "pk")[:MOST_LOOKED_AT]
    listed = [consent for consent in found if person.has_perm(May.CONFIRM_CONSENT, consent)]
    listed.sort(key=lambda consent: consent.pauses_at or consent.ends_at)
    rows = [
        Waiting(
            _ago(consent.pauses_at, now),
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
    return rows + _rest(len(listed), now, words, f"{reverse('consents')}?whom=organisation")


def _drifted(person: User, now: datetime) -> list[Waiting]:
    """Consents of the organisation that pause until an administrator has seen what is different."""
    consents = Consent.objects.drifted(now).filter(user=None).exclude(agent__state=State.RETIRED).with_scopes()
    found = consents.prefetch_related(owners_at("agent__ownerships")).order_by("paused_at", "pk")[:MOST_LOOKED_AT]
    listed = [consent for consent in found if person.has_perm(May.AGREE_TO_CHANGE, consent)]
    rows = [
        Waiting(
            _ago(consent.paused_at, now),
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
    return rows + _rest(len(listed), now, words, f"{reverse('consents')}?whom=organisation")


def _to_agree(person: User, now: datetime) -> list[Waiting]:
    """What others allowed and this person may agree to."""
    rows = PendingConsent.objects.waiting(now).for_the_role_of(person).with_what_is_asked()
    found = rows.prefetch_related(owners_at("agent__ownerships")).order_by("expires_at", "pk")[:MOST_LOOKED_AT]
    listed = [row for row in found if row.may_be_agreed_to_by(person)]
    return [
        Waiting(
            _ago(row.created_at, now),
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
    ] + _rest(len(listed), now, _("More waits for you to agree"), reverse("inbox"))


def _without_usable_owner(person: User, now: datetime) -> list[Waiting]:
    """Agents whose owner cannot sign in, or was given a role that keeps no agents. In the second case they run on.

    person: an administrator, who may hand over each of them.
    """
    stranded = Ownership.objects.live_owners().exclude(user__in=User.objects.who_may_own_agents())
    rows = stranded.exclude(agent__state=State.RETIRED).select_related("agent", "user").order_by("agent__created_at")
    listed = list(rows[: MOST + 1])
    found = [
        Waiting(
            SafeString(),
            "users-round",
            format_html(
                _("{agent} needs another owner: {person} may not keep agents any more")
                if row.user.is_active
                else _("{agent} needs another owner: {person} cannot sign in"),
                agent=strong(row.agent.name),
                person=row.user.display_name,
            ),
            page_of("agent-people", row.agent_id) or row.agent.get_absolute_url(),
            _("Hand it over"),
        )
        for row in listed[:MOST]
    ]
    return found + _rest(len(listed), now, _("More agents need another owner"), reverse("agents"))


def _ending_agents(person: User, now: datetime) -> list[Waiting]:
    mine = Ownership.objects.live().filter(user=person).values("agent")
    ending = Agent.objects.filter(
        pk__in=mine, state__in=[State.ACTIVE, State.SUSPENDED], ends_at__gt=now, ends_at__lte=now + SOON
    )
    listed = list(ending.order_by("ends_at", "pk")[:MOST])
    return [
        Waiting(
            _ago(agent.ends_at, now),
            "hourglass",
            format_html(_("{agent} comes to its end"), agent=strong(agent.name)),
            page_of("agent-edit", agent.pk) or agent.get_absolute_url(),
            _("Give it longer"),
        )
        for agent in listed
    ]


def _ending_keys(person: User, now: datetime) -> list[Waiting]:
    listed = list(
        ending_keys(person, now, own=True).select_related("client__agent", "resource").order_by("ends_at", "pk")[:MOST]
    )
    rows = []
    for key in listed:
        if key.client is not None and key.client.agent is not None:
            holder, url = key.client.agent.name, page_of("agent-clients", key.client.agent_id)
        elif key.resource is not None:
            holder, url = key.resource.name, key.resource.get_absolute_url()
        else:
            continue
        sentence = format_html(
            _("The key {key} of {holder} ends"), key=format_html("<code>{}</code>", str(key)), holder=strong(holder)
        )
        rows.append(Waiting(_ago(key.ends_at, now), "key-round", sentence, url, _("Issue another")))
    return rows


def ending_keys(person: User, now: datetime, *, own: bool) -> CredentialQuerySet:
    """Return the keys that end within two weeks: of all agents that the person may see, and of resources.

    own: only what this person looks after, which for an administrator are their own agents and the resources.
    """
    soon = Credential.objects.live(now).filter(ends_at__lte=now + SOON)
    if own:
        mine = Ownership.objects.live().filter(user=person).values("agent")
        looked_after = Q(client__agent__in=mine, client__ended_at=None)
        if person.has_perm(May.MANAGE_RESOURCE):
            looked_after |= Q(resource__isnull=False, resource__ended_at=None)
        return soon.filter(looked_after)
    visible = Agent.objects.visible_to(person).exclude(state=State.RETIRED)
    of_agents = Q(client__agent__in=visible, client__ended_at=None)
    if not person.reads_everything:
        return soon.filter(of_agents)
    return soon.filter(of_agents | Q(resource__isnull=False, resource__ended_at=None))


def _rest(listed: int, now: datetime, words: str, url: str) -> list[Waiting]:
    if listed <= MOST:
        return []
    return [Waiting(SafeString(), "ellipsis", format_html("{}", words), url, _("See all"))]


def _ago(moment: datetime | None, now: datetime) -> SafeString:
    return when({"now": now}, moment, "words")  # type: ignore[arg-type]  # only asked for its now
