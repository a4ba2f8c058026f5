"""What the shell of every page shows: the organisation, the person, and where they may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from agents.models.organisation import Organisation
from agents.models.user import User
from agents.permissions import May
from consent.models import AccessRequest

LOOKS_AFTER_AGENTS = May.SEE_CONSENTS
"""What whoever has agents to look after may: theirs, or everybody's."""


@dataclass(frozen=True)
class Place:
    """One place of the navigation: the name of its page, what one must be allowed to see it, and the paths that belong to it."""

    page: str
    label: Promise
    icon: str
    needs: May | None = None
    """None: everybody sees it who has signed in."""
    also: tuple[str, ...] = ()
    """Names of pages elsewhere that count as being here."""
    heads: tuple[str, ...] = ()
    """Names of pages elsewhere that count as being here, with every page below them."""
    alone: bool = False
    """Whether only the page itself counts, not the paths below it."""


@dataclass(frozen=True)
class Item:
    """A place as one person sees it on one page. count: how many things there wait for them."""

    url: str
    label: Promise
    icon: str
    current: bool
    count: int | None = None
    page: str = ""


PLACES = (
    Place("overview", _("Overview"), "layout-dashboard", LOOKS_AFTER_AGENTS),
    Place("agents", _("Agents"), "bot", LOOKS_AFTER_AGENTS),
    Place("unclaimed", _("Unclaimed"), "package", May.SEE_UNCLAIMED, also=("client-changes",)),
    Place("consents", _("Consents"), "file-check-2", May.SEE_CONSENTS),
    Place("resources", _("Resources"), "server", May.SEE_RESOURCES, heads=("signal-streams",)),
    Place("trail", _("Trail"), "scroll-text", May.SEE_TRAIL),
    Place("people", _("People"), "users-round", May.SEE_PEOPLE),
)
OWN_PLACES = (
    Place("inbox", _("Inbox"), "inbox", heads=("device",)),
    Place("my-agents", _("My agents"), "user-round-check"),
    Place(
        "account",
        _("Account"),
        "user-round",
        heads=("account_change_password", "account_set_password", "mfa_index", "account-sessions"),
    ),
    Place("settings", _("Settings"), "settings", May.CHANGE_POLICY),
)
ACCOUNT_PLACES = (
    Place("account", _("You"), "user-round", alone=True),
    Place("account_change_password", _("Password"), "key-round", heads=("account_set_password",)),
    Place("mfa_index", _("Passkeys and codes"), "fingerprint"),
    Place("account-sessions", _("Sessions"), "laptop"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``nav``, ``nav_own``, ``nav_account``, ``find_url``, ``home_url``, ``organisation_name``. Nothing is asked until shown."""
    return {
        "nav": SimpleLazyObject(lambda: items(request, PLACES)),
        "nav_own": SimpleLazyObject(lambda: items(request, OWN_PLACES)),
        "nav_account": SimpleLazyObject(lambda: items(request, ACCOUNT_PLACES)),
        "find_url": SimpleLazyObject(lambda: _find_url(request)),
        "home_url": SimpleLazyObject(lambda: _home_url(request)),
        "organisation_name": SimpleLazyObject(_organisation_name),
    }


def items(request: HttpRequest, places: tuple[Place, ...]) -> list[Item]:
    """Return the places that this person sees, each with whether they are there now."""
    person = _person(request)
    shown = []
    for place in places:
        if person is None or (place.needs is not None and not person.has_perm(place.needs)):
            continue
        url = reverse(place.page)
        count = COUNTS[place.page](request) if place.page in COUNTS else None
        shown.append(Item(url, place.label, place.icon, _is_at(request, place, url), count, place.page))
    return shown


def _waiting_requests(request: HttpRequest) -> int:
    facts = getattr(request, "facts", None)  # none on an error page that came before the middleware
    now = facts.now if facts else timezone.now()
    return AccessRequest.objects.to_answer(now).filter(user=request.user.pk).count()


COUNTS: dict[str, Callable[[HttpRequest], int]] = {"inbox": _waiting_requests}
"""What waits at a place, by its page. Each is one query, asked only where the navigation is drawn."""


def _is_at(request: HttpRequest, place: Place, url: str) -> bool:
    match = request.resolver_match
    if match is not None and match.url_name in place.also:
        return True
    heads = {url, *(reverse(page) for page in place.heads)}
    below = not place.alone
    return any(request.path == head or (below and head != "/" and request.path.startswith(head)) for head in heads)


def _person(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _find_url(request: HttpRequest) -> str:
    person = _person(request)
    return reverse("find") if person is not None and person.has_perm(May.SEE_TRAIL) else ""


def _home_url(request: HttpRequest) -> str:
    person = _person(request)
    if person is None:
        return reverse("account_login")
    return reverse("overview" if person.has_perm(LOOKS_AFTER_AGENTS) else "my-agents")


def _organisation_name() -> str:
    organisation = Organisation.current()
    return organisation.name if organisation else ""
