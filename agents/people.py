"""People: the first administrator, roles, and who may sign in at all. Invitations: ``invitations.py``."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents import links, organisation
from agents.accounts import LONGEST_NAME, checked_time_zone, insert, must_be_free, new_account
from agents.actors import Actor, ActorKind, RequestFacts, require
from agents.errors import Ended, Forbidden, InvalidInput, LinkRefused, NotReady
from agents.invitations import withdraw_all_of
from agents.languages import checked_language
from agents.models.link import OneTimeLink
from agents.models.user import Role, User, folded_email
from agents.permissions import May
from agents.sign_in import end_sessions
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


def set_up(
    *,
    token: str,
    name: str,
    email: str,
    password: str,
    organisation_name: str,
    time_zone: str,
    now: datetime,
    facts: RequestFacts,
    language: str = "",
) -> User:
    """Make the first administrator and the organisation. The link is used up; of many at once, one comes through.

    Raises LinkRefused, InvalidInput. Records ``organisation.set_up``.
    """
    link = links.find(OneTimeLink.Kind.SETUP, token, now)
    # Checked and hashed before the transaction: fifty at once would otherwise queue for its lock while each hashes.
    person = new_account(
        email=email,
        name=name,
        role=Role.ADMINISTRATOR,
        password=password,
        time_zone=time_zone,
        language=language,
        now=now,
    )
    organisation_name = one_line("organisation_name", organisation_name, longest=organisation.LONGEST_NAME)
    with transaction.atomic():
        links.claim(link, now=now)
        if User.objects.administrators().exists():
            raise LinkRefused(_("There is an administrator already. Ask them for an invitation."))
        must_be_free(person.email)
        made = organisation.create(organisation_name, now=now)
        insert(person)
        OneTimeLink.objects.filter(pk=link.pk).update(used_by=person)
        record(Kind.ORGANISATION_SET_UP, by=Actor.person(person, facts), now=now, user_id=person.pk, name=made.name)
    return person


@transaction.atomic
def change_role(person: User, *, role: str, reason: str, by: Actor, now: datetime) -> User:
    """Give somebody another role, which counts from their next request.

    Whom they invited as an administrator and who is not here yet must be invited anew. Raises Forbidden, InvalidInput,
    NotReady for the last administrator. Records ``person.role_changed``, ``person.invitation_withdrawn`` for each.
    """
    administrators = _locked_administrators()
    require(by, May.CHANGE_ROLE, person)
    _must_still_administer(by, administrators, May.CHANGE_ROLE, person)
    if role not in Role.values:
        raise InvalidInput("role", _("Choose one of the roles."))
    reason = reason_of(reason)
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.role == role:
        raise InvalidInput("role", _("This is the role they have. Choose another one."))
    if role != Role.ADMINISTRATOR:
        _must_not_be_the_last(person, administrators)
    administered = person.is_administrator
    before, person.role = person.role, role
    person.note_office(administered=administered, now=now)
    person.save(update_fields=["role", "left_office_at"])
    record(Kind.ROLE_CHANGED, by=by, now=now, user_id=person.pk, reason=reason, before=before, after=role)
    if administered:
        withdraw_all_of(person, by=by, now=now)
    return person


@transaction.atomic
def deactivate(person: User, *, reason: str, by: Actor, now: datetime) -> User:
    """Keep somebody from signing in. Their sessions end, and what rests on them is refused from its next use.

    Agents they own and consents they gave stay as they are and count again when they come back. Invitations they made
    do not. Raises Forbidden, InvalidInput, Ended, NotReady for the last administrator.
    Records ``person.deactivated``, ``person.invitation_withdrawn`` for each.
    """
    administrators = _locked_administrators()
    require(by, May.DEACTIVATE_PERSON, person)
    _must_still_administer(by, administrators, May.DEACTIVATE_PERSON, person)
    reason = reason_of(reason)
    person = User.objects.select_for_update().get(pk=person.pk)
    if not person.is_active:
        raise Ended(_("They cannot sign in already."))
    _must_not_be_the_last(person, administrators)
    administered = person.is_administrator
    person.is_active, person.deactivated_at = False, now
    person.note_office(administered=administered, now=now)
    person.save(update_fields=["is_active", "deactivated_at", "left_office_at"])
    end_sessions(person)
    record(Kind.PERSON_DEACTIVATED, by=by, now=now, user_id=person.pk, reason=reason)
    withdraw_all_of(person, by=by, now=now)
    return person


@transaction.atomic
def reactivate(person: User, *, reason: str, by: Actor, now: datetime) -> User:
    """Let somebody sign in again. Raises Forbidden, InvalidInput, Ended. Records ``person.reactivated``."""
    administrators = _locked_administrators()
    require(by, May.DEACTIVATE_PERSON, person)
    _must_still_administer(by, administrators, May.DEACTIVATE_PERSON, person)
    reason = reason_of(reason)
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.is_active:
        raise Ended(_("They can sign in already."))
    person.is_active, person.deactivated_at = True, None
    person.note_office(administered=False, now=now)
    person.save(update_fields=["is_active", "deactivated_at", "left_office_at"])
    record(Kind.PERSON_REACTIVATED, by=by, now=now, user_id=person.pk, reason=reason)
    return person


@transaction.atomic
def allow_password_link(person: User, *, reason: str, by: Actor, now: datetime) -> None:
    """Write down that an administrator makes somebody a link for a new password, before there is one.

    Raises Forbidden, InvalidInput, NotReady for somebody who is deactivated. Records ``person.password_link_issued``.
    """
    require(by, May.RESTORE_ACCESS, person)
    reason = reason_of(reason)
    if not User.objects.active().filter(pk=person.pk).exists():
        raise NotReady(_("They cannot sign in. Reactivate them first."))
    record(Kind.PASSWORD_LINK_ISSUED, by=by, now=now, user_id=person.pk, reason=reason)


@transaction.atomic
def edit_own_facts(
    person: User,
    *,
    name: str | None = None,
    time_zone: str | None = None,
    language: str | None = None,
    by: Actor,
    now: datetime,
) -> User:
    """Change one's own name, time zone and language; None leaves one as it is, and an empty language is the browser's.

    Raises InvalidInput. Records ``person.edited`` when anything changed.

    The event says which facts changed, not from what to what: a name can be erased, an event cannot.
    """
    after: dict[str, str] = {}
    if name is not None:
        after["name"] = one_line("name", name, longest=LONGEST_NAME)
    if time_zone is not None:
        after["time_zone"] = checked_time_zone(time_zone)
    if language is not None:
        after["language"] = checked_language(language)
    changed = [field for field, value in after.items() if getattr(person, field) != value]
    if changed:
        User.objects.filter(pk=person.pk).update(**{field: after[field] for field in changed})
        for field in changed:
            setattr(person, field, after[field])
        record(Kind.PERSON_EDITED, by=by, now=now, user_id=person.pk, changed=changed)
    return person


@transaction.atomic
def recover_administrator(*, email: str, now: datetime) -> User:
    """Make somebody an active administrator, whatever they were. Only for whoever can run commands on the server.

    Their sessions end. Raises InvalidInput for an address that nobody has. Records ``person.administrator_recovered``.
    """
    person = User.objects.select_for_update().filter(email=folded_email(email)).first()
    if person is None:
        raise InvalidInput("email", _("Nobody here has this address."))
    person.role, person.is_active, person.deactivated_at = Role.ADMINISTRATOR, True, None
    person.note_office(administered=False, now=now)
    person.save(update_fields=["role", "is_active", "deactivated_at", "left_office_at"])
    end_sessions(person)
    record(Kind.ADMINISTRATOR_RECOVERED, by=Actor.system(), now=now, user_id=person.pk)
    return person


def _locked_administrators() -> set[uuid.UUID]:
    """Return who administers now, under locks taken in one order, so that two cannot remove each other at once."""
    rows: Iterable[User] = User.objects.administrators().select_for_update().order_by("pk")
    return {person.pk for person in rows}


def _must_still_administer(by: Actor, administrators: set[uuid.UUID], permission: May, person: User) -> None:
    """Raise Forbidden for somebody who lost the role while they waited for the lock."""
    if by.kind == ActorKind.USER and by.id not in administrators:
        raise Forbidden(permission, person)


def _must_not_be_the_last(person: User, administrators: set[uuid.UUID]) -> None:
    if administrators == {person.pk}:
        raise NotReady(_("This is the last administrator. Make somebody else one first."))
