"""What happened around an event: of the same request and token, else of the same consent or agent just before and after."""

from __future__ import annotations

from django.db.models import Q

from agents.models.user import User
from agents.trail.models import Event, EventQuerySet

MOST = 12
EACH_SIDE = 3


def around(event: Event, *, viewer: User) -> list[Event]:
    """Return the event with its neighbours, oldest first, at most ``MOST``, of those that the viewer may read."""
    found: dict[int, Event] = {event.pk: event}
    visible = Event.objects.visible_to(viewer)
    for name in ("request_id", "token_id"):
        if (value := getattr(event, name)) is not None:
            _add(found, visible.filter(Q(**{name: value})), event.pk, MOST // 2)
    for name in ("consent_id", "agent_id"):
        if len(found) <= EACH_SIDE and (value := getattr(event, name)) is not None:
            _add(found, visible.filter(Q(**{name: value})), event.pk, EACH_SIDE)
    nearest = sorted(found.values(), key=lambda other: abs(other.pk - event.pk))[:MOST]
    return sorted(nearest, key=lambda other: other.pk)


def _add(found: dict[int, Event], same: EventQuerySet, number: int, each_side: int) -> None:
    before = same.filter(pk__lt=number).order_by("-pk")[:each_side]
    after = same.filter(pk__gt=number).order_by("pk")[:each_side]
    found.update({other.pk: other for other in [*before, *after]})
