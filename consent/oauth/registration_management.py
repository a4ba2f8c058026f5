"""Managing a registration (RFC 7592), by the token that the registration answered with.

§2.1 reading      manage        §2.2 changing     _change        §2.3 deleting     _remove        §3 the answer     registration.answer
What people have read of a client that is in use waits until somebody has seen the change: the answer is then what counts.
The token is not rotated. Errors: invalid_token (401), invalid_redirect_uri, invalid_client_metadata; slow_down (429) for
one that changes again and again.
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agents.actors import Actor, RequestFacts, facts_of
from agents.credentials import proves
from agents.errors import Ended, InvalidInput
from agents.models import Client, Source
from agents.programs import registration_management
from agents.programs.registration import BadMetadata, read_claims
from agents.programs.self_registered import TooManyRegistrations
from consent.oauth.errors import OAuthRefusal, json_response, unavailable
from consent.oauth.registration import answer, bearer_of, invalid_token, read_body, refused, too_many

METHODS = ("GET", "PUT", "DELETE")
OURS = frozenset(
    {"client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token", "registration_client_uri"}
)  # fmt: skip
"""Members of our answer that a client may send back and that say nothing new (§2.2)."""


@csrf_exempt
@login_not_required
def manage(request: HttpRequest, client_id: str) -> HttpResponse:
    """Answer one request about a registration (§2)."""
    facts = facts_of(request)
    try:
        client = _proven(request, client_id)
        if request.method == "PUT":
            client = _change(request, client, facts)
        elif request.method == "DELETE":
            registration_management.remove(client, by=Actor.client(client.pk, facts), now=facts.now)
            return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
        elif request.method != "GET":
            refusal = OAuthRefusal("invalid_request", "Use GET, PUT or DELETE.", status=405, client_id=client.pk)
            response = refused(refusal, facts)
            response["Allow"] = ", ".join(METHODS)
            return response
        return json_response(answer(client))
    except OAuthRefusal as refusal:
        return refused(refusal, facts)
    except Ended:
        return refused(_unknown(), facts)
    except DatabaseFault as problem:
        return unavailable(problem)


def _change(request: HttpRequest, client: Client, facts: RequestFacts) -> Client:
    """Take over what is sent (§2.2): the whole registration, with the client's own id. Raises OAuthRefusal."""
    said = read_body(request)
    same = said.get("client_id") == client.client_id and _is_its_secret(said.get("client_secret"), client)
    if not same:
        raise OAuthRefusal(
            "invalid_client_metadata",
            "client_id and client_secret are those of the registration.",
            client_id=client.pk,
            agent_id=client.agent_id,
        )
    try:
        claims = read_claims({name: value for name, value in said.items() if name not in OURS})
        return registration_management.change(client, claims, by=Actor.client(client.pk, facts), now=facts.now)
    except BadMetadata as problem:
        raise OAuthRefusal(problem.code, str(problem), client_id=client.pk, agent_id=client.agent_id) from problem
    except TooManyRegistrations as problem:
        refusal = too_many(problem, "This registration was changed too often. Try again later.")
        refusal.client_id, refusal.agent_id = client.pk, client.agent_id
        raise refusal from problem
    except InvalidInput as problem:
        raise OAuthRefusal(
            "invalid_client_metadata", "jwks holds a key that some client has.", client_id=client.pk
        ) from problem


def _is_its_secret(sent: object, client: Client) -> bool:
    if sent is None:
        return True
    digests = client.credentials.filter(public_jwk__isnull=True).values_list("digest", flat=True)
    return isinstance(sent, str) and any(proves(sent, digest) for digest in digests)


def _unknown() -> OAuthRefusal:
    return invalid_token("This registration access token is unknown, revoked, or another client's.")


def _proven(request: HttpRequest, client_id: str) -> Client:
    """Return the client whose own token this is. The same refusal for an unknown client and for another's token (§2)."""
    named = client_id.replace("\0", "\ufffd")  # which PostgreSQL takes for no text
    client = Client.objects.filter(client_id=named, registration_source=Source.DCR, ended_at=None).first()
    right = proves(bearer_of(request), client.registration_digest if client is not None else "")
    if client is None or not right:
        raise _unknown()
    return client
