"""The organisation and the policy that its administrators decide: a row with an event, never a setting."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import InvalidInput, LinkRefused
from agents.models.organisation import Adoption, Organisation, Registration
from agents.permissions import May
from agents.texts import one_line
from agents.trail.kinds import Kind
from agents.trail.record import record

LONGEST_NAME = 120


def create(name: str, *, now: datetime) -> Organisation:
    """Make the one organisation, in the transaction of the set-up, or take over the one whose administrators are gone.

    Raises LinkRefused when somebody else makes it at the same moment.
    """
    found = Organisation.current()
    if found is not None:
        found.name = name
        found.save(update_fields=["name"])
        return found
    try:
        with transaction.atomic():
            return Organisation.objects.create(pk=1, name=name, created_at=now)
    except IntegrityError as error:
        raise LinkRefused(_("Mandate was set up a moment ago.")) from error


@transaction.atomic
def change_policy(
    *, name: str, second_person_activates: bool, dpop_nonces: bool | None = None, by: Actor, now: datetime
) -> Organisation:
    """Change the name that people read on consent screens, who must activate agents, and whether proofs need a nonce.

    dpop_nonces: None leaves that as it is. Raises Forbidden, InvalidInput. Records ``organisation.policy_changed`` with what changed, if anything did.
    """
    require(by, May.CHANGE_POLICY)
    after: dict[str, Any] = {
        "name": one_line("name", name, longest=LONGEST_NAME),
        "second_person_activates": second_person_activates,
    }
    if dpop_nonces is not None:
        after["dpop_nonces"] = dpop_nonces
    return _change(after, by=by, now=now)


@transaction.atomic
def change_registration_policy(
    *, registration: str, client_documents: bool, adoption: str, by: Actor, now: datetime
) -> Organisation:
    """Decide whether programs may register themselves, be known by a document, and who may adopt them.

    What was adopted and allowed stays. Raises Forbidden, InvalidInput. Records ``organisation.policy_changed``.
    """
    require(by, May.DECIDE_REGISTRATION)
    if registration not in Registration.values or adoption not in Adoption.values:
        raise InvalidInput("registration", _("Choose among what is offered."))
    after = {"registration": registration, "client_documents": client_documents, "adoption": adoption}
    return _change(after, by=by, now=now)


def _change(after: dict[str, Any], *, by: Actor, now: datetime) -> Organisation:
    row = Organisation.objects.select_for_update().get(pk=1)
    before = {field: getattr(row, field) for field, value in after.items() if getattr(row, field) != value}
    if before:
        for field, value in after.items():
            setattr(row, field, value)
        row.save(update_fields=list(after))
        record(Kind.POLICY_CHANGED, by=by, now=now, before=before, after={field: after[field] for field in before})
    return row
