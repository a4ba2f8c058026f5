"""One-time links: 256 random bits in an address, of which only a digest is kept.

Whoever holds the link may do once what it is for. Looking at one uses nothing up; ``claim`` does, and decides by one
statement who was first.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.actors import Actor
from agents.errors import LinkRefused
from agents.models.link import OneTimeLink
from agents.models.user import Role, User
from agents.trail.kinds import Kind
from agents.trail.record import record

SETUP_LIFE = timedelta(hours=1)
INVITATION_LIFE = timedelta(days=7)
LONGEST_TOKEN = 100
TRIES = 3


def new_token() -> str:
    """Return a fresh secret of 256 bits that can stand in an address."""
    return secrets.token_urlsafe(32)


def digest_of_token(token: str) -> str:
    """Return the digest under which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def invitation_address(token: str) -> str:
    """Return the whole address of an invitation: from the setting, never from a Host header (security.md S6)."""
    return settings.ISSUER + reverse("invitation-link", args=[token])


def issue_setup_link(*, now: datetime) -> str:
    """Make the link for the first administrator and end those made before. Returns its secret; it holds for an hour.

    Raises LinkRefused while there is an administrator. Records ``link.issued``.
    """
    for _number in range(TRIES - 1):
        try:
            return _issue_setup_link(now)
        except IntegrityError:
            # Another process made one in between, and only one may be open: end that one too.
            continue
    return _issue_setup_link(now)


@transaction.atomic
def _issue_setup_link(now: datetime) -> str:
    if User.objects.administrators().exists():
        raise LinkRefused(_("There is an administrator already. Ask them for an invitation."))
    OneTimeLink.objects.unused().filter(kind=OneTimeLink.Kind.SETUP).update(revoked_at=now)
    token = new_token()
    link = OneTimeLink.objects.create(
        kind=OneTimeLink.Kind.SETUP,
        digest=digest_of_token(token),
        role=Role.ADMINISTRATOR,
        created_at=now,
        ends_at=now + SETUP_LIFE,
    )
    record(Kind.LINK_ISSUED, by=Actor.system(), now=now, link=link.pk)
    return token


def find(kind: OneTimeLink.Kind, token: str, now: datetime) -> OneTimeLink:
    """Return the link that this token opens. Uses nothing up. Raises LinkRefused, which says why."""
    link = None
    if 0 < len(token) <= LONGEST_TOKEN:
        digest = digest_of_token(token)
        link = OneTimeLink.objects.filter(kind=kind, digest=digest).first()
        if link is not None and not hmac.compare_digest(link.digest, digest):
            link = None
    if link is None:
        raise LinkRefused(
            _("This link is not one of ours, or a newer one took its place. Check that it was copied whole.")
        )
    if link.used_at is not None:
        raise LinkRefused(_("This link was used already, and works only once. If it was you, sign in."))
    if link.revoked_at is not None:
        raise LinkRefused(_("This link was withdrawn, or a newer one took its place."))
    if link.ends_at <= now:
        raise LinkRefused(_("This link has ended. Ask for a new one."))
    return link


def claim(link: OneTimeLink, *, now: datetime) -> None:
    """Use the link up, in the caller's transaction. Raises LinkRefused for everybody but the first."""
    won = OneTimeLink.objects.live(now).filter(pk=link.pk).update(used_at=now)
    if not won:
        raise LinkRefused(_("This link was used or withdrawn a moment ago, and works only once."))


def must_still_be_vouched_for(maker_id: uuid.UUID, *, reader_id: uuid.UUID | None = None) -> None:
    """Lock the administrator who made a link, in the caller's transaction. Raises LinkRefused when they are none now.

    Whoever is dismissed must not come back, or take somebody else's place, by a link made before. reader_id: whose row the
    caller changes next. If that is an administrator too, both are locked here, in the one order in which administrators are
    locked everywhere (``agents/people.py``): two of them, each with a link of the other, would wait for each other.
    """
    locked = User.objects.administrators().select_for_update().filter(pk__in={maker_id, reader_id or maker_id})
    if maker_id not in {person.pk for person in locked.order_by("pk")}:
        raise LinkRefused(_("Whoever made this link may not do so any more. Ask an administrator for a new one."))
