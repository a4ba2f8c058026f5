"""A client that asks, and a browser in which somebody reads and decides."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client as Browser
from django.utils import timezone

from agents.actors import RequestFacts
from agents.models import Client, Scope, User
from consent.models import Consent, Report
from consent.oauth.authorization import read_request
from consent.oauth.authorization_reading import AuthorizationRefused
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.par import push
from tests import builders
from tests.forms import Fields, form_of, text_of

AUTHORIZE = "/oauth/authorize"
DECIDE = "/oauth/authorize/decision"
REPORT = "/oauth/authorize/report"
VERIFIER = "a-verifier-of-forty-three-characters-or-more-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def asked(client: Client, **parameters: Any) -> dict[str, Any]:
    """The parameters of a right request of this client; None leaves one out."""
    right: dict[str, Any] = {
        "client_id": client.client_id,
        "redirect_uri": next(iter(client.redirect_uris.split()), None),
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "a state",
    }
    right.update(parameters)
    return {name: value for name, value in right.items() if value is not None}


def opens(browser: Browser, client: Client, **parameters: Any) -> Any:
    """Open the authorization address as this client sends people there: by a pushed request where that must be."""
    right = asked(client, **parameters)
    return browser.get(AUTHORIZE, right) if may_stand_in_an_address(right) else opens_pushed(browser, right)


def opens_pushed(browser: Browser, right: dict[str, Any]) -> Any:
    """Push the request, and open its reference. A browser follows the first step of that by itself."""
    answer = browser.get(AUTHORIZE, {"client_id": right["client_id"], "request_uri": pushes(right)})
    first_step = answer.status_code == 302 and answer.headers["Location"].startswith(AUTHORIZE)
    return browser.get(answer.headers["Location"]) if first_step else answer


def pushes(right: dict[str, Any]) -> str:
    """The reference to a request that its client pushed, as one that has proven itself."""
    client = Client.objects.get(client_id=right["client_id"])
    grants = frozenset(client.grant_types)
    proven = ProvenClient(client.pk, client.client_id, client.agent_id, client.auth_method, grants, usable=True)
    facts = RequestFacts(now=timezone.now(), id=uuid.uuid4(), address="")
    sent = {name: value if isinstance(value, list) else [value] for name, value in right.items()}
    return str(push(proven, sent, facts)["request_uri"])


def may_stand_in_an_address(right: dict[str, Any]) -> bool:
    """Whether nothing of it must be pushed. A request that is refused anyhow is refused in an address as well."""
    if not {"purpose", "authorization_details"} & right.keys():
        return True
    sent = {name: value if isinstance(value, list) else [value] for name, value in right.items()}
    try:
        read_request(sent, now=timezone.now())
    except AuthorizationRefused as refusal:
        return "not taken from an address" not in refusal.description
    return True


def screen(browser: Browser, client: Client, **parameters: Any) -> Fields:
    """The form of the consent screen as it is first shown."""
    response = opens(browser, client, **parameters)
    assert response.status_code == 200, (response.status_code, response.headers.get("Location"))
    return form_of(response)


def decides(browser: Browser, form: Fields, decision: str = "allow", **changed: Any) -> Any:
    """Send the form, with some fields changed; None takes a field out."""
    fields: dict[str, Any] = {**form, "decision": [decision], **changed}
    return browser.post(DECIDE, {name: value for name, value in fields.items() if value is not None})


def ticked(*scopes: Scope) -> list[str]:
    """What the form sends for these scopes."""
    return [str(scope.pk) for scope in scopes]


def answer_of(response: Any) -> dict[str, str]:
    """The parameters that a redirect brings back to the client. Each may be there once only."""
    assert response.status_code == 303, (response.status_code, response.content[:3000])
    found = parse_qs(urlsplit(response.headers["Location"]).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}


def allows(person: User, client: Client, scopes: Iterable[Scope] | None = None, **parameters: Any) -> Consent:
    """The person allows what the client asks (or these scopes of it) on the screen. The consent that came of it."""
    browser = builders.browser(person)
    page = opens(browser, client, **parameters)
    chosen: dict[str, Any] = {} if scopes is None else {"scope": ticked(*scopes)}
    if 'name="purpose_ok"' in text_of(page):
        chosen["purpose_ok"] = ["on"]
    assert "code" in answer_of(decides(browser, form_of(page), **chosen))
    return Consent.objects.filter(user=person, client=client).latest("starts_at", "pk")


def reports(person: User, client: Client, why: str = "", **parameters: Any) -> Report:
    """The person reports what the client asks. The report that waits for administrators."""
    browser = builders.browser(person)
    form = {"shown": screen(browser, client, **parameters)["shown"]}
    assert browser.post(REPORT, form).status_code == 200
    assert browser.post(REPORT, {**form, "why": why}).status_code == 200
    return Report.objects.filter(user=person, client=client).latest("reported_at")
