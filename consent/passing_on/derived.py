"""Derived consents: under which work stands that was passed on from one agent to another (decisions.md, Delegation).

Each has a parent, the same human and purpose, and at most what its parent holds. There is one for each client that took
work over from a consent, so that a person sees it, narrows it or takes it back like any other; what was taken back is not
passed on again. It counts only while everything above it does: that is asked at each use (``consent/oauth/chain.py``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.ids import uuid7
from agents.models import Client, Scope
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, text_digest
from consent.client_metadata import metadata_of
from consent.consent_events import live_tokens, names, record_change
from consent.models import Consent, ConsentScope, Origin


@transaction.atomic
def take_over(
    parent_id: uuid.UUID,
    *,
    client_id: uuid.UUID,
    scopes: Iterable[uuid.UUID],
    ends_at: datetime,
    by: Actor,
    now: datetime,
) -> Consent:
    """Return the consent under which this client stands with what it took over from the parent, holding these scopes too.

    scopes: ids, all held by the parent. What a person took away from it stays away. ends_at: of everything above.
    Raises ConsentEnded where somebody ended the parent, or this, meanwhile. Records ``consent.passed_on`` for what is new.
    """
    # Under the lock of the parent: whoever revokes it takes the same one, and of many first exchanges one makes the row.
    parent = Consent.objects.locked(parent_id)
    parent.must_be_live(now)
    client = Client.objects.select_related("agent").get(pk=client_id)
    share = Consent.objects.filter(parent=parent, client=client).first()
    made = share is None
    if share is None:
        share = _make(parent, client, ends_at, now)
    share.must_be_live(now)
    there = set(share.consent_scopes.values_list("scope_id", flat=True))
    held = ConsentScope.objects.held(now).filter(consent=parent, scope__in=set(scopes) - there)
    added = list(held.select_related("scope", "wording").order_by("scope_id"))
    for row in added:
        ConsentScope.objects.create(consent=share, scope=row.scope, wording=row.wording, started_at=now)
    if made or added:
        _record(share, parent, [row.scope for row in added], with_purpose=made, by=by, now=now)
    return share


def _make(parent: Consent, client: Client, ends_at: datetime, now: datetime) -> Consent:
    consent_id = uuid7()
    if client.agent is None:
        raise TypeError("only a client with an agent takes work over")
    return Consent.objects.create(
        id=consent_id,
        parent=parent,
        origin=Origin.DERIVED,
        agent=client.agent,
        client=client,
        user=parent.user,
        approved_by=parent.approved_by,
        purpose=parent.purpose,
        purpose_key=parent.purpose_key,
        purpose_digest=text_digest("purpose", parent.purpose, consent_id),
        client_metadata=metadata_of(client),
        sign_in_methods=parent.sign_in_methods,
        acr=parent.acr,
        auth_time=parent.auth_time,
        time_zone=parent.time_zone,
        starts_at=now,
        ends_at=ends_at,
    )


def _record(
    share: Consent, parent: Consent, added: list[Scope], *, with_purpose: bool, by: Actor, now: datetime
) -> None:
    record_change(
        Kind.CONSENT_PASSED_ON,
        share,
        by=by,
        now=now,
        scopes=names(added),
        data_class=heaviest(scope.data_class for scope in added),
        purpose=share.purpose if with_purpose else "",
        parent=parent.pk,
        passed_by=parent.agent_id,
        ends_at=share.ends_at,
    )


def end_what_went_too_far(root: Consent, *, reason: str, by: Actor, now: datetime) -> list[Consent]:
    """Revoke what stands below a consent and is no longer allowed to, in the caller's transaction. Returns these.

    Use refused it from the same moment on; this says so on every page. Records ``consent.revoked`` for each.
    """
    ended = []
    below = {
        share.pk: share for share in Consent.objects.below([root.pk]).select_for_update(of=("self",)).order_by("pk")
    }
    for share in below.values():
        path, above = [share.agent_id], share
        while above.parent_id in below:
            above = below[above.parent_id]
            path.append(above.agent_id)
        if share.revoked_at is not None or share.ends_at <= now or root.passes.allows(path[::-1]):
            continue
        share.revoked_at, share.revoked_by = now, by.user
        tokens = live_tokens(share, now)
        share.stop_event = record_change(Kind.CONSENT_REVOKED, share, by=by, now=now, reason=reason, live_tokens=tokens)
        share.save(update_fields=["revoked_at", "revoked_by", "stop_event"])
        ended.append(share)
    return ended
