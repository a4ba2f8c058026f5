"""The chain as ``components/chain.html`` draws it: human → consent → token → action, each one click from the others."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

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


def token_link(token_id: uuid.UUID, *, detail: str = "", broken: bool = False, trail: str = "") -> Link:
    """Return a token, named by the end of its id. trail: the page that it leads to, with everything done with it."""
    url = f"{trail}?token={token_id}" if trail else ""
    return Link(f"…{token_id.hex[-6:]}", url, detail, broken=broken)


def chain_of_consent(consent: Consent, *, now: datetime, person_url: str = "", agent_url: str = "") -> Chain:
    """Return the chain of a consent as it stands now: who, what for, and the agent that acts."""
    agent: Agent = consent.agent
    return Chain(
        human=human_link(consent.user, consent=consent, url=person_url),
        consent=consent_link(consent, at=now, now=now),
        action=Link(
            agent.name, agent_url, _("acts under it") if consent.is_live(now) else _("acted under it"), chosen=True
        ),
    )
