"""The authorization request: what is checked before anything is shown (RFC 6749 §4.1.1, §3.1; RFC 9700 §2.1, §4.1).

§3.1 parameters once            check_sizes, check_doubled      RFC 7636 §4.3 PKCE by S256       check_challenge
§3.1.2 redirect URI             check_redirect_uri              RFC 8707 §2 resource             check_resources
§4.1.1 response_type, scope     check_response, check_scopes    RFC 9101 §6 request objects      check_request_object
RFC 9396 §5 details              check_details                   §4.1.2.1 errors                  AuthorizationRefused
RFC 9126 §5 a client that must push check_pushed

The order stands in ``CHECKS``. Until client and redirect URI are proven a refusal is a page, never a redirect.
The way back is in ``authorization_response.py``. Pushed requests: ``par.py``.
Left out: ``response_mode`` other than query.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from agents.acr import ACR_VALUES
from agents.addresses import page_address
from agents.errors import InvalidInput, MandateError
from agents.models import Agent, AgentScope, Client, DetailVersion, GrantType
from agents.models import Kind as AgentKind
from consent.oauth import authorization_details
from consent.oauth.errors import NOT_IN_DESCRIPTION
from consent.purpose import LONGEST_PURPOSE, clean_purpose

PARAMETERS = frozenset(
    {
        "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "resource", "nonce", "prompt",
        "code_challenge", "code_challenge_method", "purpose", "request", "request_uri", "acr_values", "max_age",
        "authorization_details", "dpop_jkt",
    }
)  # fmt: skip
"""What is read. Others are ignored (RFC 6749 §3.1), among them ``approval_prompt`` and ``skip_authorization``."""
MAY_REPEAT = frozenset({"resource"})
LONGEST_VALUE = 2_000
LONGEST_OF = {"purpose": LONGEST_PURPOSE, "authorization_details": authorization_details.LONGEST}
LONGEST_NONCE = 255
LONGEST_AGE = 9
"""Digits."""
MOST_RESOURCES = 20
NO_PERMISSION = frozenset({"offline_access"})
"""A wish for a refresh token. That follows from the client's grants and the consent, so it is neither shown nor an error."""
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""BASE64URL(SHA-256) without padding: of a verifier, or of a key."""

Sent = Mapping[str, Sequence[str]]


class AuthorizationRefused(MandateError):
    """An authorization request that is refused: on a page of ours, or by a redirect once the address is proven.

    redirect_uri: where the error goes, or empty for a page. description: for developers, in RFC 6749's characters.
    """

    def __init__(
        self, code: str, description: str, *, redirect_uri: str = "", state: str = "", client: Client | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = NOT_IN_DESCRIPTION.sub("", description)
        self.redirect_uri = redirect_uri
        self.state = state
        self.client = client


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked request. asked: the scopes, as the agent may ask for them. purpose: empty when the client sent none.

    sent: the parameters that were read, by which the same request can be checked again. pushed: the pushed request that
    they refer to, if they do. acr_values, max_age: how strongly and freshly the person shall have signed in (RFC 9470 §4).
    """

    client: Client
    redirect_uri: str
    state: str
    code_challenge: str
    asked: tuple[AgentScope, ...]
    purpose: str
    prompt: frozenset[str]
    nonce: str
    sent: dict[str, list[str]]
    details: authorization_details.Asked = field(default_factory=dict)
    pushed: uuid.UUID | None = None
    acr_values: tuple[str, ...] = ()
    max_age: timedelta | None = None
    dpop_jkt: str = ""

    @property
    def agent(self) -> Agent:
        if self.client.agent is None:
            raise TypeError("a checked request has a client with an agent")
        return self.client.agent

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs (resource id, scope name) that the client asked for."""
        return [(str(row.scope.resource_id), row.scope.name) for row in self.asked]


@dataclass(slots=True)
class _Reading:
    """A request while it is checked."""

    sent: Sent
    now: datetime
    tells: bool = False
    """Whether a refusal may say what the agent may ask for: to somebody who is signed in, not to a passer-by."""
    pushed: bool = False
    """Whether it came by a push, and so through no address."""
    client: Client | None = None
    redirect_uri: str = ""
    purpose: str = ""
    prompt: frozenset[str] = frozenset()
    acr_values: tuple[str, ...] = ()
    max_age: timedelta | None = None
    offered: list[AgentScope] = field(default_factory=list)
    asked: list[AgentScope] = field(default_factory=list)
    versions: dict[uuid.UUID, DetailVersion] = field(default_factory=dict)
    """Which of the offered scopes are asked for in detail, and how."""
    details: authorization_details.Asked = field(default_factory=dict)

    def one(self, name: str) -> str:
        """Return a parameter. One without a value counts as not sent (RFC 6749 §3.1)."""
        values = self.sent.get(name) or [""]
        return values[0]

    def may_ask_for(self, known: Iterable[str]) -> str:
        """Say which there are, and where its owner can add more, where that may be said."""
        if not self.tells:
            return " The agent's page lists what it may ask for."
        names = " ".join(sorted(known)) or "none yet"
        return f" This agent may ask for: {names}. More can be added at {page_address('agent-scopes', self.agent.pk)}"

    def page(self, code: str, description: str) -> AuthorizationRefused:
        return AuthorizationRefused(code, description, client=self.client)

    def refused(self, code: str, description: str) -> AuthorizationRefused:
        doubled = len(self.sent.get("state") or []) > 1
        state = "" if doubled else self.one("state")
        return AuthorizationRefused(code, description, redirect_uri=self.redirect_uri, state=state, client=self.client)

    @property
    def agent(self) -> Agent:
        if self.client is None or self.client.agent is None:
            raise TypeError("the client is checked first")
        return self.client.agent


# ------------------------------------------------------------------------------------- before the address is proven


def check_sizes(reading: _Reading) -> None:
    for name, values in reading.sent.items():
        longest = LONGEST_OF.get(name, LONGEST_VALUE)
        for value in values:
            if "\0" in value or "\0" in name or "\ufffd" in value:
                raise reading.page("invalid_request", "A parameter holds bytes that are no text.")
            if len(value) > longest or len(name) > LONGEST_VALUE:
                raise reading.page("invalid_request", "A parameter is too long.")


def check_client(reading: _Reading) -> None:
    if any(len(reading.sent.get(name) or []) > 1 for name in ("client_id", "redirect_uri")):
        raise reading.page("invalid_request", "client_id or redirect_uri was sent twice.")
    client_id = reading.one("client_id")
    if not client_id:
        raise reading.page("invalid_request", "client_id is missing.")
    client = Client.objects.select_related("agent").filter(client_id=client_id).first()
    if client is None:
        raise reading.page("unknown_client", "There is no such client.")
    reading.client = client


def check_usable(reading: _Reading) -> None:
    """Refuse the client of an agent that is not active, and one that nobody adopted. On a page: it has earned no redirect."""
    if reading.client is None or not reading.client.is_live(reading.now):
        raise reading.page("client_not_usable", "The agent of this client is not active.")


def check_redirect_uri(reading: _Reading) -> None:
    uri = reading.one("redirect_uri")
    if not uri:
        raise reading.page("invalid_redirect_uri", "redirect_uri is missing.")
    if reading.client is None or not reading.client.redirect_uri_allowed(uri):
        raise reading.page("invalid_redirect_uri", "redirect_uri is not one of those registered.")
    reading.redirect_uri = uri


# -------------------------------------------------------------------------------------- from here on by redirect


def check_doubled(reading: _Reading) -> None:
    for name in PARAMETERS - MAY_REPEAT:
        if len(reading.sent.get(name) or []) > 1:
            raise reading.refused("invalid_request", f"{name} was sent twice.")


def check_request_object(reading: _Reading) -> None:
    for name in ("request", "request_uri"):
        if reading.one(name):
            raise reading.refused(f"{name}_not_supported", f"Send the parameters themselves, without {name}.")


def check_pushed(reading: _Reading) -> None:
    """RFC 9126 §5. The refusal goes back to the client, which can then do as it is registered to."""
    if reading.client is not None and reading.client.require_par and not reading.pushed:
        raise reading.refused("invalid_request", f"This client must push its requests (RFC 9126) to {_push_here()}")


def check_response(reading: _Reading) -> None:
    kind = reading.one("response_type")
    if not kind:
        raise reading.refused("invalid_request", "response_type is missing. It must be code.")
    if kind != "code":
        raise reading.refused("unsupported_response_type", "The only response_type is code.")
    if reading.one("response_mode") not in {"", "query"}:
        raise reading.refused("invalid_request", "The only response_mode is query.")


def check_grant(reading: _Reading) -> None:
    if reading.agent.kind != AgentKind.ASSISTANT:
        raise reading.refused(
            "unauthorized_client", "This agent acts for the organisation: it uses client_credentials."
        )
    if reading.client is None or not reading.client.allows_grant_type(GrantType.AUTHORIZATION_CODE):
        raise reading.refused("unauthorized_client", "The client is not registered for authorization_code.")


def check_challenge(reading: _Reading) -> None:
    """RFC 7636 §4.4.1, for confidential clients likewise (RFC 9700 §2.1.1)."""
    challenge = reading.one("code_challenge")
    if not challenge:
        raise reading.refused("invalid_request", "code_challenge is missing. PKCE with S256 is needed.")
    if reading.one("code_challenge_method") != "S256":
        raise reading.refused("invalid_request", "code_challenge_method must be S256.")
    if not CHALLENGE.match(challenge):
        raise reading.refused("invalid_request", "code_challenge must be 43 characters of base64url.")


def check_key(reading: _Reading) -> None:
    """RFC 9449 §10: the key that must redeem the code."""
    if (jkt := reading.one("dpop_jkt")) and not CHALLENGE.match(jkt):
        raise reading.refused("invalid_request", "dpop_jkt is the SHA-256 thumbprint of a key, in base64url.")


def check_prompt(reading: _Reading) -> None:
    prompt = frozenset(reading.one("prompt").split())
    if "none" in prompt and len(prompt) > 1:
        raise reading.refused("invalid_request", "prompt=none cannot stand beside another value.")
    if len(reading.one("nonce")) > LONGEST_NONCE:
        raise reading.refused("invalid_request", f"nonce may have {LONGEST_NONCE} characters.")
    reading.prompt = prompt


def check_authentication(reading: _Reading) -> None:
    """RFC 9470 §4, OpenID Connect Core §3.1.2.1. Of several values one is enough; none that we know cannot be met (§5)."""
    values = reading.one("acr_values").split()
    reading.acr_values = tuple(value for value in ACR_VALUES if value in values)
    if values and not reading.acr_values:
        raise reading.refused(
            "unmet_authentication_requirements", f"None of these acr_values is known here: {' '.join(ACR_VALUES)} are."
        )
    age = reading.one("max_age")
    if age:
        if not (age.isascii() and age.isdigit() and len(age) <= LONGEST_AGE):
            raise reading.refused("invalid_request", "max_age must be a number of seconds.")
        reading.max_age = timedelta(seconds=int(age))


def check_purpose(reading: _Reading) -> None:
    purpose = reading.one("purpose")
    if not purpose.strip():
        return
    try:
        reading.purpose = clean_purpose(purpose)
    except InvalidInput as problem:
        raise reading.refused("invalid_request", f"purpose: {problem.sentence}") from problem


def check_resources(reading: _Reading) -> None:
    """RFC 8707 §2.1. Compared exactly, never by prefix. Without ``resource``: all those of the agent's scopes."""
    offered = list(AgentScope.objects.offered_by(reading.agent))
    asked = set(filter(None, reading.sent.get("resource") or []))
    known = {row.scope.resource.uri for row in offered}
    if not asked <= known or len(asked) > MOST_RESOURCES:
        raise reading.refused("invalid_target", f"A resource is unknown here.{reading.may_ask_for(known)}")
    reading.offered = [row for row in offered if not asked or row.scope.resource.uri in asked]


def check_details(reading: _Reading) -> None:
    """RFC 9396 §5. Each detail asks for the scope that its type belongs to."""
    try:
        reading.versions = DetailVersion.objects.by_scope(row.scope_id for row in reading.offered)
        reading.details = authorization_details.read(reading.one("authorization_details"), reading.versions)
    except authorization_details.BadDetails as problem:
        told = problem.description
        if problem.of_type and not reading.tells:
            told = f"A detail is not what its type allows.{reading.may_ask_for(())}"
        raise reading.refused(problem.code, told) from problem


def check_scopes(reading: _Reading) -> None:
    """A scope is the pair (resource, name): a name counts at each asked resource that offers it. None: all of them.

    Beside details no ``scope`` means no other scope. A scope that has a type of details is asked for by these alone.
    """
    names = frozenset(reading.one("scope").split()) - NO_PERMISSION
    plain = [row for row in reading.offered if row.scope_id not in reading.versions]
    by_detail = [row for row in reading.offered if row.scope_id in reading.details]
    bare = names & {row.scope.name for row in reading.offered} - {row.scope.name for row in [*plain, *by_detail]}
    if bare:
        raise reading.refused("invalid_scope", f"Ask for {min(bare)} by authorization_details (RFC 9396).")
    all_of_them = not names and not reading.details
    by_name = [row for row in plain if all_of_them or row.scope.name in names]
    reading.asked = [row for row in reading.offered if row in by_name or row in by_detail]
    known = {row.scope.name for row in reading.offered}
    if not names <= known or not reading.asked:
        raise reading.refused("invalid_scope", f"A scope is unknown here.{reading.may_ask_for(known)}")


def check_purpose_is_in_no_address(reading: _Reading) -> None:
    """A purpose can name people, so beside sensitive scopes it is not taken from an address, which logs and histories keep.

    decisions.md, Purpose. It is refused rather than ignored: only so does its developer hear of it, at the first try.
    """
    if reading.purpose and not reading.pushed and any(row.scope.is_sensitive for row in reading.asked):
        raise reading.refused(
            "invalid_request",
            "Beside sensitive scopes purpose is not taken from an address. Push the request (RFC 9126) to "
            f"{_push_here()} or leave purpose out: the person writes it on the screen.",
        )


def _push_here() -> str:
    return settings.ISSUER + reverse("oauth2_provider:par")


CHECKS: tuple[Callable[[_Reading], None], ...] = (
    check_sizes,
    check_client,
    check_usable,
    check_redirect_uri,
    check_doubled,
    check_request_object,
    check_pushed,
    check_response,
    check_grant,
    check_challenge,
    check_key,
    check_prompt,
    check_authentication,
    check_purpose,
    check_resources,
    check_details,
    check_scopes,
    check_purpose_is_in_no_address,
)


WHAT_IS_ASKED: tuple[Callable[[_Reading], None], ...] = (
    check_authentication,
    check_purpose,
    check_resources,
    check_details,
    check_scopes,
)


@dataclass(frozen=True, slots=True)
class WhatIsAsked:
    """What a client asks for, whichever way it asks. purpose: empty when the client sent none."""

    scopes: tuple[AgentScope, ...]
    purpose: str
    acr_values: tuple[str, ...] = ()
    details: authorization_details.Asked = field(default_factory=dict)


def read_what_is_asked(client: Client, sent: Sent, *, now: datetime) -> WhatIsAsked:
    """Return the scopes and the purpose of a request that comes without a browser. Raises AuthorizationRefused.

    A refusal tells a client that proved itself what its agent may ask for. Anybody can name a public one.
    """
    reading = _Reading(sent, now, tells=not client.is_public, client=client)
    for check in WHAT_IS_ASKED:
        check(reading)
    return WhatIsAsked(tuple(reading.asked), reading.purpose, reading.acr_values, reading.details)


def read_request(sent: Sent, *, now: datetime, tells: bool = False, pushed: bool = False) -> AuthorizationRequest:
    """Return the checked request. Raises AuthorizationRefused. Nothing is used up and nothing is stored."""
    reading = _Reading(sent, now, tells, pushed)
    for check in CHECKS:
        check(reading)
    if reading.client is None:
        raise TypeError("the client is checked first")
    return AuthorizationRequest(
        client=reading.client,
        redirect_uri=reading.redirect_uri,
        state=reading.one("state"),
        code_challenge=reading.one("code_challenge"),
        asked=tuple(reading.asked),
        purpose=reading.purpose,
        prompt=reading.prompt,
        nonce=reading.one("nonce"),
        dpop_jkt=reading.one("dpop_jkt"),
        sent={name: list(values) for name, values in sent.items() if name in PARAMETERS},
        acr_values=reading.acr_values,
        max_age=reading.max_age,
        details=reading.details,
    )
