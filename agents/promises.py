"""When a change counts. Every promise on a page and in an answer is said here, from how the resources check tokens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.models import Resource


def when_it_counts(resources: Resource | Iterable[Resource]) -> str:
    """Say when a change counts at this resource, or at the slowest of these: “from its next request”, “within 5 minutes”.

    A resource that asks Mandate counts it at once, or when its cache ends; one that checks offline when the token
    ends. Without any resource nothing is accepted anywhere, so the next request is when it shows.
    """
    if isinstance(resources, Resource):
        resources = [resources]
    return delay_in_words(max((resource.effect_delay for resource in resources), default=timedelta(0)))


def delay_in_words(delay: timedelta) -> str:
    """Say a delay as a promise that is never shorter than the delay itself."""
    seconds = -(-delay // timedelta(seconds=1))
    if seconds <= 0:
        return _("from its next request")
    if seconds < 120 and seconds % 60:
        return ngettext("within %(n)s second", "within %(n)s seconds", seconds) % {"n": seconds}
    minutes = -(-seconds // 60)
    if (minutes < 120 and minutes % 60) or minutes < 60:
        return ngettext("within %(n)s minute", "within %(n)s minutes", minutes) % {"n": minutes}
    hours = -(-minutes // 60)
    return ngettext("within %(n)s hour", "within %(n)s hours", hours) % {"n": hours}
