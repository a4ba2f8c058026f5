"""Reading the document of a client that is known by its address, before anything of its request is checked.

Outside transactions, and for people who have signed in: see ``agents/programs/client_documents.py``.
"""

from __future__ import annotations

from django.http import HttpRequest

from agents.actors import Actor, allowed
from agents.permissions import May
from agents.programs import client_documents
from agents.programs.client_documents import DocumentRefused, TooManyRegistrations
from consent.oauth.authorization_reading import AuthorizationRefused, Sent
from consent.screens.who_and_when import moment_of, person_of


def bring_document(request: HttpRequest, sent: Sent) -> None:
    """Have the document read if the request names its client by one. Raises AuthorizationRefused, for a page.

    For somebody who can allow nothing nothing is read: then only what is known counts.
    """
    named = sent.get("client_id") or []
    if len(named) != 1 or not request.user.is_authenticated or not client_documents.is_address(named[0]):
        return
    by = Actor.of(request)
    if not allowed(by, May.APPROVE_CONSENT) or not client_documents.are_taken():
        return
    try:
        client_documents.resolve(named[0], person=person_of(request), by=by, now=moment_of(request))
    except DocumentRefused as refusal:
        raise AuthorizationRefused(refusal.code, str(refusal)) from refusal
    except TooManyRegistrations as refusal:
        raise AuthorizationRefused(refusal.code, "Too many programs were brought within an hour.") from refusal
