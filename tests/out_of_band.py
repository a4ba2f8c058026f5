"""An agent that asks out of band, a device that shows a code, and the person who reads and decides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.test import Client as Browser
from django.utils import timezone

from agents import circle, device_codes
from agents.models import Agent, Client, GrantType, Scope, User
from consent.models import AccessRequest
from consent.models.token import digest_of
from tests import builders
from tests.forms import form_of, text_of
from tests.grants import TokenClient, post

CIBA = GrantType.CIBA.value
DEVICE = GrantType.DEVICE.value
ASK = "/oauth/bc-authorize"
START = "/oauth/device_authorization"
TYPE = "/device"


def asking_client(agent: Agent, name: str = "ward robot", **facts: Any) -> TokenClient:
    """A client of this agent that may ask out of band, with its key."""
    granted = {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.CIBA}
    client = builders.client(agent, name, grant_types=granted, **facts)
    return TokenClient(client, builders.key(client).key)


def told_client(agent: Agent, endpoint: str, *, by: User) -> TokenClient:
    """A client that is told of decisions at this address."""
    asking = asking_client(agent, "told robot")
    from agents import clients

    clients.change(asking.client, notification_endpoint=endpoint, by=builders.actor(by), now=timezone.now())
    asking.client.refresh_from_db()
    return asking


def let_use_device_codes(client: Client, *, by: User) -> Client:
    """An administrator allows device codes."""
    return device_codes.allow(client, reason="Runs on ward displays.", by=builders.actor(by), now=timezone.now())


def joins_circle(agent: Agent, person: User, *, by: User, now: datetime | None = None) -> None:
    """An administrator lets the agent ask this person."""
    circle.join(agent, person, reason="Works on the ward.", by=builders.actor(by), now=now or timezone.now())


def asks(client: TokenClient, person: User | str, **form: Any) -> Any:
    """A backchannel authentication request; None leaves a parameter out."""
    hint = person if isinstance(person, str) else person.email
    sent = {"login_hint": hint, "scope": "openid calendar:read", "purpose": "Plan the ward round"} | form
    return post(ASK, {name: value for name, value in sent.items() if value is not None}, **client.header)


def asked_id(client: TokenClient, person: User | str, **form: Any) -> str:
    """What the client polls with after a right request."""
    answer = asks(client, person, **form)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["auth_req_id"])


def polls(client: TokenClient, auth_req_id: str, **form: Any) -> Any:
    return client.ask(grant_type=CIBA, auth_req_id=auth_req_id, **form)


def starts(client: TokenClient, **form: Any) -> Any:
    """A device authorization request."""
    sent = {"scope": "calendar:read", "purpose": "Show the rota"} | form
    return post(START, {name: value for name, value in sent.items() if value is not None}, **client.header)


def polls_device(client: TokenClient, device_code: str, **form: Any) -> Any:
    return client.ask(grant_type=DEVICE, device_code=device_code, **form)


def request_of(secret: str) -> AccessRequest:
    return AccessRequest.objects.get(digest=digest_of(secret))


def decides(
    person: User | Browser, request: AccessRequest, decision: str = "allow", *, scopes: Iterable[Scope] | None = None,
    **changed: Any,
) -> Any:  # fmt: skip
    """The person opens the request and answers it."""
    browser = person if isinstance(person, Browser) else builders.browser(person)
    page = browser.get(request.get_absolute_url())
    assert page.status_code == 200, page.status_code
    form: dict[str, Any] = dict(form_of(page, request.get_absolute_url()))
    if scopes is not None:
        form["scope"] = [str(scope.pk) for scope in scopes]
    if 'name="purpose_ok"' in text_of(page):
        form["purpose_ok"] = ["on"]
    return browser.post(request.get_absolute_url(), {**form, "decision": [decision], **changed})


def types_code(person: User | Browser, code: str, **headers: str) -> Any:
    """The person types a code on the page for it."""
    browser = person if isinstance(person, Browser) else builders.browser(person)
    return browser.post(TYPE, {"user_code": code}, **headers)
