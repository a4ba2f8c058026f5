"""The authorization request: what is checked before anything is shown (RFC 6749 §4.1.1, §3.1; RFC 9700 §2.1, §4.1).

§3.1 parameters once            check_sizes, check_doubled      RFC 7636 §4.3 PKCE by S256           check_challenge
§4.1.1 response_type            check_response                  RFC 9101 §6 request objects          check_request_object
OpenID Connect Core §3.1.2.1    check_prompt, check_hint        RFC 9126 §5 a client that must push  check_pushed

The order stands in ``CHECKS``. Until client and redirect URI are proven a refusal is a page, never a redirect: ``who_asks.py``.
Scopes, resources and details: ``what_is_asked.py``. The way back is in ``authorization_response.py``. Pushed requests: ``par.py``.
Left out: ``response_mode`` other than query; POST (Core §3.1.2.1), since a browser brings no session along when another
site posts.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from agents.models import Agent, AgentScope, Client, Scope, User
from consent.detail_lines import KnownVersions
from consent.oauth import authorization_details
from consent.oauth.authorization_reading import Reading, Sent
from consent.oauth.id_token import person_hinted
from consent.oauth.what_is_asked import WHAT_IS_ASKED
from consent.oauth.who_asks import check_client, check_grant, check_redirect_uri, check_usable
from consent.purpose import LONGEST_PURPOSE
from consent.telling_who import WISH

PARAMETERS = frozenset(
    {
        "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "resource", "nonce", "prompt",
        "code_challenge", "code_challenge_method", "purpose", "request", "request_uri", "acr_values", "max_age",
        "authorization_details", "dpop_jkt", "id_token_hint",
    }
)  # fmt: skip
"""What is read. Others are ignored (RFC 6749 §3.1), among them ``approval_prompt`` and ``skip_authorization``."""
MAY_REPEAT = frozenset({"resource"})
LONGEST_VALUE = 2_000
LONGEST_OF = {"purpose": LONGEST_PURPOSE, "authorization_details": authorization_details.LONGEST}
LONGEST_NONCE = 255
PROMPTS = ("none", "login", "consent", "select_account")
"""``prompt_values_supported``. Another one would not do what it asks for, so it is refused."""
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""BASE64URL(SHA-256) without padding: of a verifier, or of a key."""


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
    beyond: tuple[Scope, ...] = ()
    """What was asked for and no personal agent may have."""
    openid: bool = False
    hinted: uuid.UUID | None = None
    versions: KnownVersions = field(default_factory=dict)

    @property
    def agent(self) -> Agent:
        if self.client.agent is None:
            raise TypeError("a checked request has a client with an agent")
        return self.client.agent

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs (resource id, scope name) that the client asked for. ``openid`` is of no resource."""
        wish = [WISH] if self.openid else []
        return [*wish, *((str(row.scope.resource_id), row.scope.name) for row in self.asked)]


def check_sizes(reading: Reading) -> None:
    for name, values in reading.sent.items():
        longest = LONGEST_OF.get(name, LONGEST_VALUE)
        for value in values:
            if "\0" in value or "\0" in name or "\ufffd" in value:
                raise reading.page("invalid_request", "A parameter holds bytes that are no text.")
            if len(value) > longest or len(name) > LONGEST_VALUE:
                raise reading.page("invalid_request", "A parameter is too long.")


# -------------------------------------------------------------------------------------- from here on by redirect


def check_doubled(reading: Reading) -> None:
    for name in PARAMETERS - MAY_REPEAT:
        if len(reading.sent.get(name) or []) > 1:
            raise reading.refused("invalid_request", f"{name} was sent twice.")


def check_request_object(reading: Reading) -> None:
    for name in ("request", "request_uri"):
        if reading.one(name):
            raise reading.refused(f"{name}_not_supported", f"Send the parameters themselves, without {name}.")


def check_pushed(reading: Reading) -> None:
    """RFC 9126 §5. The refusal goes back to the client, which can then do as it is registered to."""
    if reading.client is not None and reading.client.require_par and not reading.pushed:
        raise reading.refused("invalid_request", f"This client must push its requests (RFC 9126) to {_push_here()}")


def check_response(reading: Reading) -> None:
    kind = reading.one("response_type")
    if not kind:
        raise reading.refused("invalid_request", "response_type is missing. It must be code.")
    if kind != "code":
        raise reading.refused("unsupported_response_type", "The only response_type is code.")
    if reading.one("response_mode") not in {"", "query"}:
        raise reading.refused("invalid_request", "The only response_mode is query.")


def check_challenge(reading: Reading) -> None:
    """RFC 7636 §4.4.1, for confidential clients likewise (RFC 9700 §2.1.1)."""
    challenge = reading.one("code_challenge")
    if not challenge:
        raise reading.refused("invalid_request", "code_challenge is missing. PKCE with S256 is needed.")
    if reading.one("code_challenge_method") != "S256":
        raise reading.refused("invalid_request", "code_challenge_method must be S256.")
    if not CHALLENGE.match(challenge):
        raise reading.refused("invalid_request", "code_challenge must be 43 characters of base64url.")


def check_key(reading: Reading) -> None:
    """RFC 9449 §10: the key that must redeem the code."""
    if (jkt := reading.one("dpop_jkt")) and not CHALLENGE.match(jkt):
        raise reading.refused("invalid_request", "dpop_jkt is the SHA-256 thumbprint of a key, in base64url.")


def check_prompt(reading: Reading) -> None:
    prompt = frozenset(reading.one("prompt").split())
    if "none" in prompt and len(prompt) > 1:
        raise reading.refused("invalid_request", "prompt=none cannot stand beside another value.")
    if len(reading.one("nonce")) > LONGEST_NONCE:
        raise reading.refused("invalid_request", f"nonce may have {LONGEST_NONCE} characters.")
    if not prompt <= set(PROMPTS):
        raise reading.refused("invalid_request", f"prompt may be {', '.join(PROMPTS)}.")
    reading.prompt = prompt


def check_hint(reading: Reading) -> None:
    """OpenID Connect Core §3.1.2.1: whom the client expects, by an ID token that we gave it."""
    hint = reading.one("id_token_hint")
    if not hint:
        return
    reading.hinted = person_hinted(hint, client_id=reading.one("client_id"), now=reading.now)
    if reading.hinted is None:
        raise reading.refused("invalid_request", "id_token_hint is no ID token that this client got here.")


def check_no_address_names_people(reading: Reading) -> None:
    """Beside sensitive scopes nothing is taken from an address that can name people: logs and histories keep it.

    decisions.md, Purpose; RFC 9396 §14. It is refused rather than ignored: only so does its developer hear of it, at the
    first try.
    """
    if reading.pushed or not any(row.scope.is_sensitive for row in reading.asked):
        return
    push = f"Push the request (RFC 9126) to {_push_here()}"
    if reading.details:
        raise reading.refused(
            "invalid_request", f"Beside sensitive scopes authorization_details is not taken from an address. {push}"
        )
    if reading.purpose:
        raise reading.refused(
            "invalid_request",
            f"Beside sensitive scopes purpose is not taken from an address. {push} or leave purpose out: "
            "the person writes it on the screen.",
        )


def _push_here() -> str:
    return settings.ISSUER + reverse("oauth2_provider:par")


CHECKS: tuple[Callable[[Reading], None], ...] = (
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
    check_hint,
    *WHAT_IS_ASKED,
    check_no_address_names_people,
)


BEFORE_ADOPTION: tuple[Callable[[Reading], None], ...] = (
    check_sizes,
    check_client,
    check_redirect_uri,
    check_doubled,
    check_request_object,
    check_response,
    check_challenge,
    check_key,
    check_prompt,
)
"""What can be said of a pushed request of a client that nobody adopted: as whose agent it asks, its reader decides."""


def check_before_adoption(sent: Sent, *, now: datetime) -> None:
    """Check a pushed request of an unclaimed client as far as that can be. Raises AuthorizationRefused."""
    reading = Reading(sent, now, pushed=True)
    for check in BEFORE_ADOPTION:
        check(reading)


def read_request(
    sent: Sent, *, now: datetime, tells: bool = False, pushed: bool = False, person: User | None = None
) -> AuthorizationRequest:
    """Return the checked request. Raises AuthorizationRefused. Nothing is used up and nothing is stored.

    person: who reads it, once they have signed in.
    """
    reading = Reading(sent, now, tells, pushed, person)
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
        beyond=tuple(reading.beyond),
        openid=reading.openid,
        hinted=reading.hinted,
        versions={row.scope_id: reading.versions.get(row.scope_id) for row in reading.offered},
    )
