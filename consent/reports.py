"""Reporting a request that looks wrong: it is refused, nobody is sent anywhere, and administrators look at it."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Ended
from agents.models import Client
from agents.permissions import May
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, record
from consent import decision
from consent.consent_events import names
from consent.models import Report
from consent.oauth.authorization import AuthorizationRequest
from consent.offer import Offer

LONGEST_WHY = 500


@transaction.atomic
def report(
    offer: Offer, *, form_nonce: str, request: AuthorizationRequest | None, why: str, by: Actor, now: datetime
) -> Report:
    """Refuse what is asked and tell the administrators. One report of a person about a client waits at a time.

    request: the client's, or None for a question that came out of band. why: in the person's own words, or empty.
    Raises InvalidInput, DecisionMadeAlready. Records ``consent.refused`` and ``consent.reported``.
    """
    why = one_line("why", why, longest=LONGEST_WHY, needed=False)
    decision.refuse(offer, form_nonce=form_nonce, request=request, by=by, now=now)
    if offer.person is None:
        raise TypeError("a person reports what a person is asked")
    number = record(
        Kind.REQUEST_REPORTED,
        by=by,
        now=now,
        agent_id=offer.agent.known_id,
        client_id=offer.client.pk,
        user_id=offer.person.pk,
        purpose=offer.purpose,
        reason=why,
        scopes=names([line.scope for line in offer.lines]),
        data_class=heaviest(line.scope.data_class for line in offer.lines),
        redirect_host=offer.redirect_host,
    )
    Client.objects.select_for_update(no_key=True).get(pk=offer.client.pk)  # two at once: the second finds the first
    waiting = Report.objects.open().filter(client=offer.client, user=offer.person).first()
    return waiting or Report.objects.create(
        agent=offer.agent if offer.agent.is_made else None,
        client=offer.client,
        user=offer.person,
        event=number,
        reported_at=now,
    )


@transaction.atomic
def look_at(report_id: uuid.UUID, *, found: str, by: Actor, now: datetime) -> Report:
    """Write down what an administrator found, so that it waits no more. Whatever it takes is done on the agent's own pages.

    Raises Forbidden, InvalidInput, Ended for one that somebody has looked at. Records ``consent.report_looked_at``.
    """
    report = Report.objects.select_for_update().get(pk=report_id)
    require(by, May.LOOK_AT_REPORT, report)
    found = reason_of(found)
    if report.looked_at is not None:
        raise Ended(_("Somebody has looked at this report already."))
    report.looked_at, report.looked_at_by = now, by.user
    report.save(update_fields=["looked_at", "looked_at_by"])
    record(
        Kind.REPORT_LOOKED_AT,
        by=by,
        now=now,
        agent_id=report.agent_id,
        client_id=report.client_id,
        reason=found,
        report=report.event,
    )
    return report
