"""What the shell of every page shows: the organisation, the person, and where they may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from agents.models.organisation import Organisation
from agents.models.user import Role
from consent.models import AccessRequest

EVERYBODY = frozenset(Role)
OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
STAFF = OVERSIGHT | {Role.OWNER}


@dataclass(frozen=True)
class Place:
    """One place of the navigation: the name of its page, who sees it, and the paths that belong to it."""

    page: str
    label: Promise
    icon: str
    seen_by: frozenset[Role]
    fallback: str = ""
    """A page that serves while the first has no URL."""
    also: tuple[str, ...] = ()
    """Names of pages whose paths count as being here."""
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
    Place("overview", _("Overview"), "layout-dashboard", STAFF),
    Place("agents", _("Agents"), "bot", STAFF),
    Place("consents", _("Consents"), "file-check-2", OVERSIGHT),
    Place("resources", _("Resources"), "server", OVERSIGHT),
    Place("trail", _("Trail"), "scroll-text", STAFF),
    Place("people", _("People"), "users-round", OVERSIGHT),
)
OWN_PLACES = (
    Place("inbox", _("Inbox"), "inbox", EVERYBODY, also=("device",)),
    Place("my-agents", _("My agents"), "user-round-check", EVERYBODY),
    Place(
        "account",
        _("Account"),
        "user-round",
        EVERYBODY,
        fallback="mfa_index",
        also=("account_change_password", "account_set_password", "mfa_index", "account-sessions"),
    ),
    Place("settings", _("Settings"), "settings", frozenset({Role.ADMINISTRATOR})),
)
ACCOUNT_PLACES = (
    Place("account", _("You"), "user-round", EVERYBODY, alone=True),
    Place("account_change_password", _("Password"), "key-round", EVERYBODY, also=("account_set_password",)),
    Place("mfa_index", _("Passkeys and codes"), "fingerprint", EVERYBODY),
    Place("account-sessions", _("Sessions"), "laptop", EVERYBODY),
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
    role = _role(request)
    shown = []
    for place in places:
        if role not in place.seen_by:
            continue
        url = _url(place.page) or _url(place.fallback)
        if url:
            count = COUNTS[place.page](request) if place.page in COUNTS else None
            shown.append(Item(url, place.label, place.icon, _is_at(request, place, url), count, place.page))
    return shown


def _waiting_requests(request: HttpRequest) -> int:
    facts = getattr(request, "facts", None)  # none on an error page that came before the middleware
    now = facts.now if facts else timezone.now()
    return AccessRequest.objects.waiting(now).filter(user=request.user.pk).count()


COUNTS: dict[str, Callable[[HttpRequest], int]] = {"inbox": _waiting_requests}
"""What waits at a place, by its page. Each is one query, asked only where the navigation is drawn."""


def _is_at(request: HttpRequest, place: Place, url: str) -> bool:
    heads = {url, *(_url(page) for page in place.also)} - {""}
    below = not place.alone
    return any(request.path == head or (below and head != "/" and request.path.startswith(head)) for head in heads)


def _role(request: HttpRequest) -> Role | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return Role(user.role)


def _find_url(request: HttpRequest) -> str:
    return _url("find") if _role(request) in STAFF else ""


def _home_url(request: HttpRequest) -> str:
    role = _role(request)
    page = "overview" if role in STAFF else "my-agents" if role else "account_login"
    return _url(page) or "/"


def _organisation_name() -> str:
    organisation = Organisation.current()
    return organisation.name if organisation else ""


def _url(page: str) -> str:
    if not page:
        return ""
    try:
        return reverse(page)
    except NoReverseMatch:
        return ""
