"""The chain as ``components/chain.html`` draws it: human → consent → token → action, each one click from the others.

Where work was passed on, the agents that took it over stand between the consent and the token.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Agent, User
from consent.condition_words import limits_in_words
from consent.models import Consent
from console.templatetags.moments import clock, until

APPROVED_WITH = {
    "passkey": gettext_lazy("approved with a passkey"),
    "totp": gettext_lazy("approved with an authenticator app"),
    "password": gettext_lazy("approved with a password"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """One link. broken: it no longer held at the time shown, and ``detail`` says why. chosen: a name somebody chose."""

    title: str | SafeString
    url: str = ""
    detail: str | Promise | SafeString = ""
    broken: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """What stands behind an action. A missing link is not drawn."""

    human: Link | None = None
    consent: Link | None = None
    token: Link | None = None
    action: Link | None = None
    passed: tuple[Link, ...] = ()
    """The agents that took the work over, one after another: between the consent that the human gave and the token."""

    def __bool__(self) -> bool:
        return self.human is not None or self.consent is not None


def human_link(person: User | None, *, consent: Consent | None = None, url: str = "") -> Link | None:
    """Return the human of the chain: whom the agent acts for, or who approved for the organisation."""
    if consent is None:
        return Link(person.display_name, url, chosen=True) if person else None
    shown = consent.user or consent.approved_by
    proofs = [APPROVED_WITH[method] for method in consent.sign_in_methods if method in APPROVED_WITH]
    if consent.user_id is None:
        detail = _("approved for the organisation")
    elif consent.approved_by_id != consent.user_id:
        detail = _("approved by %(name)s") % {"name": consent.approved_by.display_name}
    else:
        detail = str(proofs[0]) if proofs else _("approved it")
    return Link(shown.display_name, url, detail, chosen=True)


def consent_link(consent: Consent, *, at: datetime, now: datetime, url: str = "") -> Link:
    """Return the consent as it stood at one moment. What ended it later is said, but does not break the chain then."""
    ended_at, said = _end_of(consent, now)
    broken = ended_at is not None and ended_at <= at
    if not broken and ended_at is not None and ended_at <= now:
        said = _("in force then; %(later)s") % {"later": said}
    return Link(consent.purpose, url, said, broken=broken, chosen=True)


def _end_of(consent: Consent, now: datetime) -> tuple[datetime | None, str]:
    """Return when the consent ended or ends first, and in words."""
    if consent.revoked_at is not None:
        return consent.revoked_at, _("revoked %(when)s") % {"when": clock(consent.revoked_at, now)}
    if consent.superseded_at is not None:
        return consent.superseded_at, _("replaced %(when)s") % {"when": clock(consent.superseded_at, now)}
    if consent.is_paused(now) and (paused_at := consent.pauses_at) is not None:
        return paused_at, _("paused %(when)s") % {"when": clock(paused_at, now)}
    if consent.ends_at <= now:
        return consent.ends_at, _("ended %(when)s") % {"when": clock(consent.ends_at, now)}
    said = [_("until %(end)s") % {"end": until(consent.ends_at, now)}, *limits_in_words(consent)]
    return consent.ends_at, "; ".join(said)


def up_to_the_root(consent: Consent) -> list[Consent]:
    """Return the consent that a human gave and those derived from it, down to this one."""
    line = [consent]
    while line[0].parent is not None:
        line.insert(0, line[0].parent)
    return line


def passed_links(
    shares: Sequence[Consent], *, at: datetime, now: datetime, open_to: Container[uuid.UUID]
) -> tuple[Link, ...]:
    """Return a link for each agent that took the work over. open_to: the ids of the consents that the viewer may open."""
    links = []
    for share in shares:
        ended_at, said = _end_of(share, now)
        broken = ended_at is not None and ended_at <= at
        url = reverse("consent", args=[share.pk]) if share.pk in open_to else ""
        by = share.parent.agent.name if share.parent else ""
        detail = said if broken else _("took it over from %(agent)s") % {"agent": by}
        links.append(Link(share.agent.name, url, detail, broken=broken, chosen=True))
    return tuple(links)


def visible_among(consents: Iterable[Consent], viewer: User) -> frozenset[uuid.UUID]:
    """Return the ids of those that the viewer may open. One query."""
    ids = [consent.pk for consent in consents]
    return frozenset(Consent.objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", flat=True))


def token_link(token_id: uuid.UUID, *, detail: str = "", broken: bool = False, trail: str = "") -> Link:
    """Return a token, named by the end of its id. trail: the page that it leads to, with everything done with it."""
    url = f"{trail}?token={token_id}" if trail else ""
    return Link(f"…{token_id.hex[-6:]}", url, detail, broken=broken)


def chain_of_consent(
    consent: Consent, *, now: datetime, viewer: User, person_url: str = "", agent_url: str = ""
) -> Chain:
    """Return the chain of a consent as it stands now: who, what for, who took it over, and the agent that acts."""
    agent: Agent = consent.agent
    root, *shares = up_to_the_root(consent)
    seen = visible_among([root, *shares], viewer) - {consent.pk} if shares else frozenset()
    return Chain(
        human=human_link(consent.user, consent=root, url=person_url),
        consent=consent_link(root, at=now, now=now, url=reverse("consent", args=[root.pk]) if root.pk in seen else ""),
        passed=passed_links(shares, at=now, now=now, open_to=seen),
        action=Link(
            agent.name, agent_url, _("acts under it") if consent.is_live(now) else _("acted under it"), chosen=True
        ),
    )
