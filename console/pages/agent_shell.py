"""What all pages of one agent share: finding it, its head with tabs and moves, and what would stop with it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.lifecycle import MOVES, Move
from agents.models import Agent, Client, Resource, State, User
from agents.permissions import May
from agents.promises import when_it_counts
from agents.review import Reviewed, reviewed
from consent.models import AccessToken, Consent, ConsentScope
from consent.passing_on.passing_words import passes_in_words
from consent.screens.preview import AtResource, places_of
from consent.screens.who_and_when import moment_of, person_of
from console.templatetags.mandate import bdi_name


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of the agent, as a link."""

    url: str
    label: str
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class MoveWords:
    """How people read one move."""

    short: str | Promise
    """One word or two, for the button that leads to the question."""
    button: str | Promise
    """What it does, as the button that does it says."""
    title: str | Promise
    """The question, with the agent's name in it."""
    done: str | Promise
    icon: str
    tone: str
    why: str | Promise
    stops: bool = False
    """Whether its tokens are refused afterwards."""


MOVE_WORDS: dict[str, MoveWords] = {
    "submit": MoveWords(
        gettext_lazy("Submit"),
        gettext_lazy("Submit for activation"),
        gettext_lazy("Submit %(agent)s for activation?"),
        gettext_lazy("%(agent)s waits for an administrator."),
        "send",
        "primary",
        gettext_lazy("What should the administrator know?"),
    ),
    "activate": MoveWords(
        gettext_lazy("Activate"),
        gettext_lazy("Activate agent"),
        gettext_lazy("Activate %(agent)s?"),
        gettext_lazy("%(agent)s is active."),
        "circle-check",
        "primary",
        gettext_lazy("Why may it act? The owner sees this."),
    ),
    "send-back": MoveWords(
        gettext_lazy("Send back"),
        gettext_lazy("Send back to draft"),
        gettext_lazy("Send %(agent)s back to draft?"),
        gettext_lazy("%(agent)s is a draft again."),
        "undo-2",
        "",
        gettext_lazy("What is missing? The owner sees this."),
    ),
    "suspend": MoveWords(
        gettext_lazy("Suspend"),
        gettext_lazy("Suspend agent"),
        gettext_lazy("Suspend %(agent)s?"),
        gettext_lazy("%(agent)s is suspended."),
        "circle-pause",
        "stop",
        gettext_lazy("Why? The owner sees this."),
        stops=True,
    ),
    "resume": MoveWords(
        gettext_lazy("Resume"),
        gettext_lazy("Resume agent"),
        gettext_lazy("Let %(agent)s act again?"),
        gettext_lazy("%(agent)s is active again."),
        "play",
        "primary",
        gettext_lazy("Why may it act again? The owner sees this."),
    ),
    "retire": MoveWords(
        gettext_lazy("Retire"),
        gettext_lazy("Retire agent"),
        gettext_lazy("Retire %(agent)s for good?"),
        gettext_lazy("%(agent)s is retired."),
        "archive",
        "stop",
        gettext_lazy("Why? The owner sees this."),
        stops=True,
    ),
}


@dataclass(frozen=True, slots=True)
class OfferedMove:
    """A move that this person may make now, as a button and as the question that it asks."""

    name: str
    words: MoveWords
    url: str
    title: str
    sentence: str
    facts: list[tuple[str, object]]
    fields: list[tuple[str, str]]
    """What is sent along."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """What would stop if the agent stopped now."""

    consents: int
    tokens: int
    promise: str
    people: int = 0
    places: tuple[AtResource, ...] = ()


def agent_or_404(request: HttpRequest, agent_id: uuid.UUID) -> Agent:
    """Return the agent if the person may see it at all. What is not theirs to see does not exist for them."""
    user = person_of(request)
    return get_object_or_404(Agent.objects.visible_to(user), pk=agent_id)


def client_or_404(agent: Agent, client_id: uuid.UUID) -> Client:
    """Return a client of this agent, also one that was removed."""
    client = get_object_or_404(Client.objects.filter(agent=agent), pk=client_id)
    client.agent = agent
    return client


def what_stops(agent: Agent, request: HttpRequest) -> Stopping:
    """Count the live consents and tokens of the agent, and say when a change counts at the resources behind them."""
    now = moment_of(request)
    live = Consent.objects.live(now).filter(agent=agent)
    held = ConsentScope.objects.held(now).filter(consent__in=live)
    resources = Resource.objects.filter(pk__in=held.values("scope__resource"))
    tokens = AccessToken.objects.out(now).filter(consent__in=live).count()
    figures = live.aggregate(consents=Count("pk"), people=Count("user", distinct=True))
    behind = list(resources.order_by("name"))
    return Stopping(**figures, tokens=tokens, promise=when_it_counts(behind), places=tuple(places_of(behind)))


def shell(request: HttpRequest, agent: Agent, current: str, *, with_moves: bool = True) -> dict[str, Any]:
    """Return what the head of each page of the agent shows. current: the tab, by the name of its page."""
    user = person_of(request)
    stopping = what_stops(agent, request)
    may_edit = user.has_perm(May.EDIT_AGENT, agent) and agent.state != State.RETIRED
    return {
        "agent": agent,
        "crumbs": [(_("Agents"), reverse("agents"))],
        "tabs": _tabs(agent, current, stopping),
        "moves": _offered(agent, user, stopping) if with_moves else [],
        "may_edit": may_edit,
        "may_hand_over": user.has_perm(May.HAND_OVER_AGENT, agent) and agent.state != State.RETIRED,
        "waits_for_second": _waits_for_second(agent, user),
        "stopping": stopping,
    }


def _tabs(agent: Agent, current: str, stopping: Stopping) -> list[Tab]:
    clients = Client.objects.of_agent(agent).filter(ended_at=None).count()
    pages = (
        ("agent", _("Overview"), None),
        ("agent-consents", _("Consents"), stopping.consents),
        ("agent-clients", _("Clients"), clients),
        ("agent-activity", _("Activity"), None),
        ("agent-connect", _("Connect"), None),
    )
    return [Tab(reverse(page, args=[agent.pk]), label, page == current, count) for page, label, count in pages]


def _offered(agent: Agent, user: User, stopping: Stopping) -> list[OfferedMove]:
    return [
        offer(agent, name, stopping)
        for name, move in MOVES.items()
        if agent.state in move.starts and user.has_perm(move.permission, agent)
    ]


def offer(agent: Agent, name: str, stopping: Stopping) -> OfferedMove:
    """Return one move as a question, with what is true after it."""
    words = MOVE_WORDS[name]
    facts: list[tuple[str, object]] = []
    if words.stops and (stopping.consents or stopping.tokens):
        facts = [
            (_("Live consents"), stopping.consents),
            (_("People"), stopping.people),
            (_("Tokens that are out"), stopping.tokens),
            *((place.resource.name, place.promise) for place in stopping.places),
        ]
    fields: list[tuple[str, str]] = []
    if name == "activate":
        review = reviewed(agent)
        facts, fields = review_in_words(review), [("seen", review.digest())]
    url = reverse("agent-move", args=[agent.pk, name])
    title = str(words.title) % {"agent": agent.name}
    return OfferedMove(name, words, url, title, _sentence(MOVES[name], stopping), facts, fields)


def review_in_words(review: Reviewed) -> list[tuple[str, object]]:
    """Say what is approved by activating: the facts that ``Reviewed.digest`` stands for."""
    scopes = [
        (f"{name} ({_('required')})" if required else name, resource)
        for _uri, resource, name, required in review.scopes
    ]
    nothing = _("nothing")
    return [
        (_("Name"), bdi_name(review.name)),
        (_("Purpose"), bdi_name(review.purpose)),
        (_("Unit"), bdi_name(review.unit) if review.unit else "–"),
        (
            _("May ask for"),
            format_html_join(", ", "<code>{}</code> {}", ((n, bdi_name(r)) for n, r in scopes)) or nothing,
        ),
        (
            _("Returns to"),
            format_html_join(" ", "<code>{}</code>", ((uri,) for uri in review.redirect_uris)) or nothing,
        ),
        (_("May ask to pass work on to"), passes_in_words(review.passes_to, review.passes_deep) or nothing),
    ]


def _sentence(move: Move, stopping: Stopping) -> str:
    """Say what is true after the move."""
    after: dict[Move, str] = {
        MOVES["submit"]: _("An administrator looks at it and activates it or sends it back."),
        MOVES["activate"]: _("It can ask people for consents and get tokens under them."),
        MOVES["send-back"]: _("Its owner can change it and submit it again."),
        MOVES["resume"]: _("The consents that are still live count again."),
    }
    if move in after:
        return after[move]
    promise = {"promise": stopping.promise}
    if move is MOVES["suspend"]:
        return (
            _("It gets no token and those that it has are refused %(promise)s. What it did stays in the trail.")
            % promise
        )
    return (
        _(
            "It gets no token and those that it has are refused %(promise)s. This cannot be undone; what it did stays in the trail."
        )
        % promise
    )


def _waits_for_second(agent: Agent, user: User) -> bool:
    """Whether somebody reads this who activates agents, and may not activate this one: they submitted it themselves."""
    activates = agent.state == State.PENDING and user.has_perm(May.ACTIVATE_AGENT)
    return activates and not user.has_perm(May.ACTIVATE_AGENT, agent)
