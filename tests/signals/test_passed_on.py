"""What was passed on is told of too: each resource hears when whoever passed the work on is stopped."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents import clients, lifecycle
from agents.actors import Actor
from agents.models import Event
from consent import mandate
from consent.models import Consent
from consent.signals.concerned import concerns

pytestmark = pytest.mark.django_db


def consents_told_of(kind, resource):
    told = concerns(Event.objects.filter(kind=kind).latest("pk"))
    return {str(each.told.about) for each in told if each.resource_id == resource.pk}


@pytest.mark.parametrize("how", ["consent.revoked", "agent.suspended", "client.ended"])
def test_the_resource_hears_of_every_hop_below(planner, reader, subject, passed_twice, mara, directory, how):
    """The reader holds something at the directory, which checks tokens itself; the assistant alone is stopped."""
    reader.takes(planner.takes(subject, resource=directory.uri))
    by = {"reason": "Stop.", "by": Actor.person(mara), "now": timezone.now()}
    if how == "consent.revoked":
        mandate.revoke(passed_twice.pk, **by)
    elif how == "agent.suspended":
        lifecycle.suspend(passed_twice.agent, **by)
    else:
        clients.end(passed_twice.client, **by)
    below = {str(key) for key in Consent.objects.exclude(parent=None).values_list("pk", flat=True)}
    assert len(below) == 2
    assert below <= consents_told_of(how, directory)
