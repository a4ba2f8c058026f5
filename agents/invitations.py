"""Invitations: one-time links by which somebody joins with the role that an administrator gave them."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from agents import links
from agents.accounts import LONGEST_NAME, checked_email, insert, must_be_free, new_account
from agents.actors import Actor, RequestFacts, require
from agents.errors import Ended, InvalidInput
from agents.mail import send_later
from agents.models.link import LinkQuerySet, OneTimeLink
from agents.models.organisation import Organisation
from agents.models.user import Role, User
from agents.permissions import May
from agents.texts import one_line
from agents.trail.kinds import Kind
from agents.trail.record import record


@transaction.atomic
def invite(*, email: str, name: str, role: str, by: Actor, now: datetime) -> tuple[OneTimeLink, str]:
    """Invite somebody, and write them a mail with the link where there is a mail server.

    Returns the invitation and the secret of its link, which holds for seven days. An open invitation to the same
    address ends. Raises Forbidden, InvalidInput. Records ``person.invited``, and ``person.invitation_withdrawn`` for that one.
    """
    require(by, May.INVITE_PERSON)
    email = checked_email(email)
    must_be_free(email)
    if role not in Role.values:
        raise InvalidInput("role", _("Choose one of the roles."))
    _withdraw_all(OneTimeLink.objects.filter(email=email), by=by, now=now)
    token = links.new_token()
    link = OneTimeLink(
        kind=OneTimeLink.Kind.INVITATION,
        digest=links.digest_of_token(token),
        email=email,
        name=one_line("name", name, longest=LONGEST_NAME, needed=False),
        role=role,
        created_by=by.user,
        created_at=now,
        ends_at=now + links.INVITATION_LIFE,
    )
    try:
        with transaction.atomic():  # a savepoint: an address has one open invitation, which decides between two at once
            link.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput("email", _("Somebody invited this address a moment ago.")) from error
    record(Kind.PERSON_INVITED, by=by, now=now, role=role, link=link.pk)
    _send_invitation(link, token, by=by, now=now)
    return link, token


def _send_invitation(link: OneTimeLink, token: str, *, by: Actor, now: datetime) -> None:
    context = {
        "link": links.invitation_address(token),
        "inviter": by.user.display_name if by.user else "",
        "organisation": Organisation.current(),
        "role": link.get_role_display(),
        "ends_at": link.ends_at,
    }
    # Nothing is known of whoever reads it: the language of the page on which they were invited is the best guess.
    send_later("invitation", link.email, context, now=now, ends_at=link.ends_at, language=get_language() or "")


def accept_invitation(
    *,
    token: str,
    name: str,
    password: str,
    time_zone: str,
    now: datetime,
    facts: RequestFacts,
    language: str = "",
) -> User:
    """Make the invited person, with the address and role of the invitation. Of many at once, one comes through.

    language: in which they read the invitation, and read on.

    Raises LinkRefused, also when whoever invited administers no more; InvalidInput. Records ``person.joined``.
    """
    link = links.find(OneTimeLink.Kind.INVITATION, token, now)
    person = new_account(
        email=link.email,
        name=name,
        role=link.role,
        password=password,
        time_zone=time_zone,
        language=language,
        now=now,
    )
    with transaction.atomic():
        if link.created_by_id is not None:
            # The person first, then the link: whoever dismisses the one who invited takes them in this order.
            links.must_still_be_vouched_for(link.created_by_id)
        links.claim(link, now=now)
        must_be_free(person.email)
        insert(person)
        OneTimeLink.objects.filter(pk=link.pk).update(used_by=person)
        record(
            Kind.PERSON_JOINED,
            by=Actor.person(person, facts),
            now=now,
            user_id=person.pk,
            role=person.role,
            link=link.pk,
        )
    return person


@transaction.atomic
def withdraw_invitation(link_id: uuid.UUID, *, by: Actor, now: datetime) -> OneTimeLink:
    """End an invitation that nobody accepted yet. Raises Forbidden, Ended. Records ``person.invitation_withdrawn``."""
    require(by, May.INVITE_PERSON)
    link = OneTimeLink.objects.invitations().select_for_update().get(pk=link_id)
    if link.used_at is not None or link.revoked_at is not None:
        raise Ended(_("This invitation was accepted or withdrawn already."))
    return _withdraw(link, by=by, now=now)


def withdraw_all_of(person: User, *, by: Actor, now: datetime) -> None:
    """End what somebody who was dismissed left open, by which they could come back. Records ``person.invitation_withdrawn``."""
    _withdraw_all(OneTimeLink.objects.filter(created_by=person), by=by, now=now)


def _withdraw_all(rows: LinkQuerySet, *, by: Actor, now: datetime) -> None:
    for link in rows.unused().invitations().select_for_update().order_by("pk"):
        _withdraw(link, by=by, now=now)


def _withdraw(link: OneTimeLink, *, by: Actor, now: datetime) -> OneTimeLink:
    link.revoked_at = now
    link.save(update_fields=["revoked_at"])
    if link.ended_recorded_at is None:  # or else the trail says already that nobody used it
        record(Kind.INVITATION_WITHDRAWN, by=by, now=now, link=link.pk)
    return link
