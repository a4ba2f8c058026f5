"""Keeping what somebody decided until an approver agrees, and closing it without one: withdrawn, replaced, over.

Agreeing is in ``approvers.py``. Nothing here makes a consent.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.acr import SignIn
from agents.actors import Actor, allowed
from agents.details.detail import Detail
from agents.errors import Ended, Forbidden
from agents.models import Agent, ApproverRole, DetailVersion, Ownership, Scope, ScopeWording, User
from agents.models.user import UserQuerySet
from agents.permissions import May
from agents.programs.personal import acting_for
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, record
from consent.approval import Approval
from consent.conditions import conditions_from
from consent.mail import tell_approver
from consent.models import AccessRequest, Origin, PendingConsent, RequestDecision
from consent.models.consent import fold_purpose, purpose_key
from consent.models.pending import Said
from consent.passing_on.passing import passing_from
from consent.requests import answer

WAITS_FOR = timedelta(days=3)
"""How long an approver has. Never longer than what was allowed would hold."""
MOST_TOLD = 20


class ApprovalClosed(Ended):
    """Somebody agreed or refused already, or it was withdrawn or waited too long."""

    code = "approval_closed"

    def __init__(self) -> None:
        super().__init__(_("This was decided already, or it waited too long. Nothing was changed by you."))


def keep(
    approval: Approval, role: str, *, by: Actor, now: datetime, request: AccessRequest | None = None
) -> PendingConsent:
    """Keep a decision that was checked, in the caller's transaction, and tell who can agree. It replaces one for the same.

    Records ``consent.waits_for_approver``, and ``consent.approval_over`` for one that it replaces.
    """
    if by.user is None or approval.client.agent is None:
        raise Forbidden(May.APPROVE_CONSENT)
    # The lock under which it was checked went with the savepoint that was rolled back. Of two decisions at once for the
    # same purpose the second waits here, and replaces the first.
    agent = Agent.objects.locked(approval.client.agent.pk)
    purpose = fold_purpose(approval.purpose)
    key = purpose_key(purpose)
    same = PendingConsent.objects.open().filter(client=approval.client, user=approval.user, purpose_key=key)
    for old in same.select_for_update(of=("self",)):
        close(old, Said.REPLACED, by=by, now=now)
    made = PendingConsent.objects.create(
        agent=agent,
        client=approval.client,
        user=approval.user,
        decided_by=by.user,
        approver_role=role,
        purpose=purpose,
        purpose_key=key,
        approval=as_kept(approval),
        request=request,
        created_at=now,
        expires_at=min(now + WAITS_FOR, approval.ends_at),
    )
    scopes = approval.scopes
    write(
        Kind.CONSENT_WAITS,
        made,
        by=by,
        now=now,
        purpose=purpose,
        scopes=sorted(scope.name for scope in scopes),
        data_class=heaviest(scope.data_class for scope in scopes),
        role=role,
        ends_at=approval.ends_at,
        methods=list(approval.signed_in.methods),
    )
    for person in who_may_agree(made).order_by("pk")[:MOST_TOLD]:
        tell_approver(made, person, now=now)
    return made


def who_may_agree(pending: PendingConsent) -> UserQuerySet:
    """Return the people who could agree now: for whom ``PendingConsent.may_be_agreed_to_by`` is true."""
    part_of_it = [pk for pk in (pending.decided_by_id, pending.user_id) if pk]
    keepers = Ownership.objects.live().filter(agent=pending.agent_id).values("user")
    return User.objects.who_may_agree(pending.approver_role).exclude(pk__in=part_of_it).exclude(pk__in=keepers)


@transaction.atomic
def withdraw(pending_id: uuid.UUID, *, by: Actor, now: datetime) -> PendingConsent:
    """Take back what oneself allowed, before anybody agreed; a question that it answered is refused by that.

    Raises Forbidden, ApprovalClosed. Records ``consent.approval_over``.
    """
    pending = PendingConsent.objects.locked(pending_id)
    if by.user is None or by.user.pk not in {pending.decided_by_id, pending.user_id}:
        raise Forbidden(May.AGREE_AS_APPROVER, pending)
    if not pending.is_waiting(now):
        raise ApprovalClosed
    _take_back(pending, by=by, now=now)
    return pending


def withdraw_all(person: User, *, by: Actor, now: datetime) -> list[PendingConsent]:
    """Take back all that waits for this person, in the caller's transaction: they stop everything. Returns these."""
    mine = list(PendingConsent.objects.open().filter(user=person).order_by("pk").select_for_update(of=("self",)))
    for pending in mine:
        _take_back(pending, by=by, now=now)
    return mine


def _take_back(pending: PendingConsent, *, by: Actor, now: datetime) -> None:
    close(pending, Said.WITHDRAWN, by=by, now=now)
    asked = open_question(pending, now)
    if asked is not None:
        answer(asked, RequestDecision.REFUSED, now=now)


def open_question(pending: PendingConsent, now: datetime) -> AccessRequest | None:
    """Return the question out of band that this answers, locked, while its agent still waits for the answer."""
    if pending.request_id is None:
        return None
    rows = AccessRequest.objects.select_for_update(of=("self",)).select_related("agent", "client")
    asked = rows.filter(pk=pending.request_id).first()
    return asked if asked is not None and asked.is_waiting(now) else None


def close_over(*, now: datetime, batch: int = 500) -> int:
    """Write down to what nobody agreed in time. Agreeing refused it before. Safe twice at once; returns how many."""
    written = 0
    while True:
        due = PendingConsent.objects.open().filter(expires_at__lte=now).order_by("expires_at")
        ids = list(due.values_list("pk", flat=True)[:batch])
        for pending_id in ids:
            with transaction.atomic():
                rows = PendingConsent.objects.open().filter(pk=pending_id).select_for_update(of=("self",))
                for pending in rows:
                    close(pending, Said.OVER, by=Actor.system(), now=now)
                    written += 1
        if len(ids) < batch:
            return written


def close(pending: PendingConsent, said: Said, *, by: Actor, now: datetime) -> None:
    """Close a locked row without a consent. Records ``consent.approval_over``."""
    pending.said, pending.closed_at, pending.closed_by = said, now, by.user
    pending.save(update_fields=["said", "closed_at", "closed_by"])
    write(Kind.APPROVAL_OVER, pending, by=by, now=now, because=said.value)


def write(kind: Kind, pending: PendingConsent, *, by: Actor, now: datetime, **facts: Any) -> int:
    """Record something about it, with its ids."""
    return record(
        kind,
        by=by,
        now=now,
        agent_id=pending.agent_id,
        client_id=pending.client_id,
        user_id=pending.user_id,
        pending=pending.pk,
        **facts,
    )


def may_agree(by: Actor, pending: PendingConsent) -> bool:
    """Whether to show the buttons."""
    return allowed(by, May.AGREE_AS_APPROVER, pending)


# --------------------------------------------------------------------------------------------------- an approval as kept


def as_kept(approval: Approval) -> dict[str, Any]:
    """Return all of a decision as plain JSON. With each scope stand the facts that were read."""
    signed_in = approval.signed_in
    return {
        "scopes": [
            {
                "scope": str(scope.pk),
                "wording": str(wording.pk),
                "required": scope in approval.required,
                "read": {name: getattr(scope, name) for name in READ},
                "details": [
                    {"version": str(detail.version.pk), "value": detail.value, "words": detail.sentence}
                    for detail in approval.details.get(scope, ())
                ],
            }
            for scope, wording in sorted(approval.scopes.items(), key=lambda pair: str(pair[0].pk))
        ],
        "ends_at": approval.ends_at.isoformat(),
        "once": approval.once,
        "conditions": approval.conditions.as_kept(),
        "uses": approval.conditions.uses,
        "shown": approval.shown,
        "redirect_host": approval.redirect_host,
        "methods": list(signed_in.methods),
        "acr": signed_in.acr,
        "auth_time": signed_in.at.isoformat() if signed_in.at else None,
        "acr_values": list(approval.acr_values),
        "origin": str(approval.origin),
        "passing": approval.passing.as_kept(),
        "tells_who": approval.tells_who,
        "time_zone": approval.time_zone,
    }


READ = ("access", "data_class", "marked_sensitive")
"""What a scope let an agent do when it was read. If it is another now, agreeing is refused (``approval.check_scopes``)."""


def approval_of(pending: PendingConsent) -> Approval:
    """Return the decision as it was made: ``as_kept`` undone."""
    kept = pending.approval
    lines = kept["scopes"]
    scopes = Scope.objects.select_related("resource").in_bulk([line["scope"] for line in lines])
    wordings = ScopeWording.objects.in_bulk([line["wording"] for line in lines])
    kept_details = [detail["version"] for line in lines for detail in line["details"]]
    versions = DetailVersion.objects.select_related("type").in_bulk(kept_details)
    details: dict[Scope, tuple[Detail, ...]] = {}
    read: dict[Scope, ScopeWording] = {}
    required = set()
    for line in lines:
        scope = scopes[uuid.UUID(line["scope"])]
        for name in READ:
            setattr(scope, name, line["read"][name])
        read[scope] = wordings[uuid.UUID(line["wording"])]
        if line["required"]:
            required.add(scope)
        if line["details"]:
            details[scope] = tuple(
                Detail(versions[uuid.UUID(detail["version"])], detail["value"]) for detail in line["details"]
            )
    at = kept["auth_time"]
    return Approval(
        client=acting_for(pending.client, pending.agent),
        user=pending.user,
        scopes=read,
        purpose=pending.purpose,
        ends_at=datetime.fromisoformat(kept["ends_at"]),
        once=kept["once"],
        conditions=conditions_from(kept["conditions"], kept["uses"]),
        required=frozenset(required),
        shown=kept["shown"],
        redirect_host=kept["redirect_host"],
        signed_in=SignIn(tuple(kept["methods"]), datetime.fromisoformat(at) if at else None, kept["acr"]),
        acr_values=tuple(kept["acr_values"]),
        origin=Origin(kept["origin"]),
        tells_who=kept.get("tells_who", False),
        details=details,
        passing=passing_from(kept.get("passing")),
        time_zone=kept.get("time_zone", ""),
    )


def role_in_words(role: str) -> str:
    """Return who must agree: an administrator."""
    return str(dict(ApproverRole.choices).get(role, role))
