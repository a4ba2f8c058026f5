"""What is known of a request before anything else happens: its one time, its id, the caller's address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone

from agents.actors import RequestFacts
from agents.ids import uuid7
from console.accounts.requests import OurRequest


class RequestFactsMiddleware:
    """Attach ``request.facts`` and ``request.now``, and name the request in the answer.

    Whose address ``REMOTE_ADDR`` is, ``console/forwarding.py`` has settled before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: OurRequest) -> HttpResponse:
        _wait_for_the_rest(request)
        facts = RequestFacts(timezone.now(), uuid7(), request.META.get("REMOTE_ADDR", ""))
        request.facts, request.now = facts, facts.now
        response = self.get_response(request)
        response["X-Request-ID"] = str(facts.id)
        return response


def _wait_for_the_rest(request: HttpRequest) -> None:
    """Read the body before the clock: whoever sends the head early and the rest late would act at a time long past.

    What cannot be read is refused by whoever needs it, as ever.
    """
    if request.method not in {"GET", "HEAD"}:
        with suppress(RequestDataTooBig, UnreadablePostError, ValueError):  # too long, cut off, a length of letters
            request.body  # noqa: B018 - reading it is what waits, and keeps it
