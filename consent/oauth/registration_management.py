"""Managing a registration (RFC 7592), by the token that the registration answered with.

§2.1 reading, §2.2 changing, §2.3 deleting      manage          §3 the answer       registration.answer
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agents.actors import RequestFacts
from agents.credentials import proves
from agents.models import Client, Source
from consent.oauth.errors import OAuthRefusal, json_response, unavailable
from consent.oauth.registration import answer, bearer_of, invalid_token, refused


@csrf_exempt
@login_not_required
def manage(request: HttpRequest, client_id: str) -> HttpResponse:
    """Answer one request about a registration (§2)."""
    facts: RequestFacts = request.facts  # type: ignore[attr-defined]  # set by RequestFactsMiddleware
    try:
        client = _proven(request, client_id)
        if request.method != "GET":
            refusal = OAuthRefusal("invalid_request", "Use GET.", status=405, client_id=client.pk)
            response = refused(refusal, facts)
            response["Allow"] = "GET"
            return response
        return json_response(answer(client))
    except OAuthRefusal as refusal:
        return refused(refusal, facts)
    except DatabaseFault:
        return unavailable()


def _proven(request: HttpRequest, client_id: str) -> Client:
    """Return the client whose own token this is. The same refusal for an unknown client and for another's token (§2)."""
    client = Client.objects.filter(client_id=client_id, registration_source=Source.DCR, ended_at=None).first()
    right = proves(bearer_of(request), client.registration_digest if client is not None else "")
    if client is None or not right:
        raise invalid_token("This registration access token is unknown, revoked, or another client's.")
    return client
