"""Asking out of band: OpenID Connect Client-Initiated Backchannel Authentication, Core 1.0. Poll and ping.

§7.1 the request: hints                read_person       §7.1 binding_message, requested_expiry    read_binding_message, read_life
§7.1 client_notification_token         read_token        §7.3 auth_req_id, expires_in, interval    answer
§10.2 ping                             consent/pings.py  §10.1, §11 polling                        polling.py
§13 errors: invalid_request, unknown_user_id, unauthorized_client, invalid_binding_message, access_denied (403).
Left out: push (tokens would travel to an address), signed requests, user_code, id_token_hint and login_hint_token (an
address or an id says as much). ``purpose`` and ``resource`` are taken as at the authorization endpoint.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from agents.actors import Actor, RequestFacts
from agents.addresses import page_address
from agents.models import Agent, Client, GrantType, User
from agents.trail.kinds import Kind
from consent import requests
from consent.errors import NotToBeAsked, Silenced
from consent.oauth.asking import asking_client, proven, what_is_asked
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import OAuthRefusal, invalid_request, json_response
from consent.oauth.parameters import Form
from consent.requests import Question

LIFE = timedelta(minutes=15)
SHORTEST_LIFE = timedelta(seconds=30)
LONGEST_LIFE = timedelta(hours=24)
LONGEST_MESSAGE = 140
LONGEST_TOKEN = 1024
HINTS = ("login_hint", "id_token_hint", "login_hint_token")
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LINK = re.compile(r"(?i)://|www\.|\b[a-z0-9-]+\.(?:[a-z]{2,}\b/|(?:com|net|org|io|app|dev|info|example)\b)|[<>@]")
"""What people could take for something to open. The message is shown to compare, never to follow."""


@endpoint(Kind.REQUEST_REFUSED, tells=lambda _form: {"way": "ciba"})
def bc_authorize(asked: Asked) -> HttpResponse:
    """Take one backchannel authentication request (§7.1)."""
    with proven(asked) as client:
        return json_response(answer(asked.form, client, asked.facts))


def answer(form: Form, client: ProvenClient, facts: RequestFacts) -> dict[str, Any]:
    """Ask the person and return the acknowledgement (§7.3). Raises OAuthRefusal."""
    if client.is_public:
        raise OAuthRefusal("unauthorized_client", "Only a client that proves itself may ask people out of band.")
    row = asking_client(client, GrantType.CIBA)
    if form.get("request"):
        raise invalid_request("Send the parameters themselves: signed requests are not taken.")
    what = what_is_asked(form, row, facts)
    question = Question(
        client=row,
        scopes=what.scopes,
        purpose=what.purpose,
        acr_values=what.acr_values,
        details=what.details,
        openid=what.openid,
        life=read_life(form),
        binding_message=read_binding_message(form),
        notification_token=read_token(form, row),
    )
    person = read_person(form, question.agent)
    try:
        asked = requests.ask(question, person, by=Actor.client(client.pk, facts), now=facts.now)
    except NotToBeAsked as problem:
        description = f"{problem.sentence} {where_to_answer(problem)}"
        raise OAuthRefusal("access_denied", description, status=403, reason_code=problem.code) from problem
    life = int(question.life.total_seconds())
    return {"auth_req_id": asked.secret, "expires_in": life, "interval": requests.INTERVAL}


def where_to_answer(problem: NotToBeAsked) -> str:
    """Say where the person can lift it. Nobody else can."""
    silenced = isinstance(problem, Silenced)
    address = page_address("my-agents" if silenced else "inbox")
    return f"They let it ask again at {address}" if silenced else f"They answer at {address}"


def read_person(form: Form, agent: Agent) -> User:
    """Return whom the one hint names. Everybody whom the agent may not ask, known or not, is the same ``unknown_user_id``."""
    given = [name for name in HINTS if form.get(name)]
    if len(given) != 1:
        raise invalid_request("Name the person by exactly one hint: login_hint, with an address or a user id.")
    if given != ["login_hint"]:
        raise invalid_request("Only login_hint is taken here, with an address or a user id.")
    person = requests.person_to_ask(str(form["login_hint"]), agent)
    if person is None:
        raise OAuthRefusal(
            "unknown_user_id",
            "There is nobody by this hint whom this agent may ask. An administrator can let it ask somebody at "
            + page_address("agent-circle", agent.pk),
        )
    return person


def read_binding_message(form: Form) -> str:
    """Return the message. Raises OAuthRefusal invalid_binding_message for one that could deceive whoever reads it."""
    message = unicodedata.normalize("NFC", form.get("binding_message", ""))
    if len(message) > LONGEST_MESSAGE:
        raise OAuthRefusal("invalid_binding_message", f"binding_message may have {LONGEST_MESSAGE} characters.")
    if any(unicodedata.category(character) in _HIDDEN for character in message):
        raise OAuthRefusal("invalid_binding_message", "binding_message holds characters that cannot be seen.")
    if _LINK.search(message):
        raise OAuthRefusal("invalid_binding_message", "binding_message may not hold a link or an address.")
    return message.strip()


def read_life(form: Form) -> timedelta:
    """Return how long the question waits: what was asked for, within our bounds (§7.1, requested_expiry)."""
    asked = form.get("requested_expiry", "")
    if not asked:
        return LIFE
    if not (asked.isascii() and asked.isdigit() and int(asked[:9]) > 0):
        raise invalid_request("requested_expiry must be a number of seconds above zero.")
    return min(max(timedelta(seconds=int(asked[:9])), SHORTEST_LIFE), LONGEST_LIFE)


def read_token(form: Form, client: Client) -> str:
    """Return the token with which the client wants to be told, or nothing where it polls (§7.1)."""
    if not client.notification_endpoint:
        return ""
    token = form.get("client_notification_token", "")
    if not token:
        raise invalid_request("client_notification_token is missing: this client is told of decisions (ping).")
    if len(token) > LONGEST_TOKEN or not _TOKEN.match(token):
        raise invalid_request("client_notification_token must be a bearer token of at most 1024 characters.")
    return token
