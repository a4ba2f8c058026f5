"""Whom a change would concern, said before it is made: the form is shown again with that, and sent a second time.

The form then carries how many consents were shown. If there are more or fewer when it comes back, it is shown once more:
nobody pauses people whom they did not see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest

from agents.drift import Drift
from agents.errors import InvalidInput
from consent.drift import Affected, affected_by
from consent.screens.who_and_when import moment_of

FIELD = "affects"


def to_be_shown(request: HttpRequest, drifts: Callable[[], Sequence[Drift]]) -> Affected | None:
    """Return whom it would concern, if that has not been shown yet. None: go on.

    drifts: works out what the change would make different; what may not be at all is said by the change itself.
    """
    try:
        affected = affected_by(drifts(), moment_of(request))
    except InvalidInput:
        return None
    if not affected or request.POST.get(FIELD) == str(affected.consents):
        return None
    return affected
