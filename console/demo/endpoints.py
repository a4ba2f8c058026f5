"""The token endpoints as agents and resources call them: the real views, with the time at which it is to have happened."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse

from agents.actors import RequestFacts
from consent.oauth.introspection import introspect
from consent.oauth.token import token
from console.demo.world import World

View = Callable[[HttpRequest], HttpResponse]


class _StoryRequest(WSGIRequest):
    """A request that carries its time and its facts from the start, as RequestFactsMiddleware notes them otherwise."""

    now: datetime
    facts: RequestFacts


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of an answer."""

    status: int
    body: dict[str, Any]


def ask_token(world: World, agent: str, at: datetime, *, key: str = "", **form: str) -> Answer:
    """Send a token request as this agent, with the key it works with or another one."""
    authorization = _basic(world.clients[agent].client_id, key or world.keys[agent])
    return _post(token, "/oauth/token", form, authorization, world.facts(agent, at))


def ask_worth(world: World, resource: str, presented: str, at: datetime) -> Answer:
    """Introspect a token as this resource."""
    authorization = _basic(world.resources[resource].identifier, world.resource_keys[resource])
    return _post(introspect, "/oauth/introspect", {"token": presented}, authorization, world.facts(resource, at))


def _basic(name: str, secret: str) -> str:
    pair = f"{quote(name, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _post(view: View, path: str, form: dict[str, str], authorization: str, facts: RequestFacts) -> Answer:
    body = urlencode(form).encode()
    request = _StoryRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": authorization,
            "REMOTE_ADDR": facts.address,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": BytesIO(body),
        }
    )
    request.facts, request.now = facts, facts.now
    response = view(request)
    return Answer(response.status_code, json.loads(response.content))
