"""Code to paste: how this very client gets a token for this resource, in five ways. Pure functions.

The key is never part of the code: it is read from the environment, where the person just put it. A test runs every
snippet as it is shown.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.template.loader import render_to_string
from django.utils.translation import gettext_noop

from agents.models import AuthMethod, Client, GrantType, Resource
from agents.redirects import LOOPBACK_NAMES

KEY_VARIABLE = "MANDATE_KEY"
KEY_FILE_VARIABLE = "MANDATE_KEY_FILE"
"""For a client that signs: where its private key lies, in PEM."""
ALGORITHM_OF = {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}

SUBTLE = {
    "ES256": '{ name: "ECDSA", namedCurve: "P-256" }',
    "EdDSA": '{ name: "Ed25519" }',
    "PS256": '{ name: "RSA-PSS", hash: "SHA-256" }',
}
"""What Web Cryptography calls the algorithms."""


@dataclass(frozen=True, slots=True)
class Language:
    """One tab: its name in the address, its label, and what has to be installed first."""

    name: str
    label: str
    install: str = ""


ONE_KEY = Language("key", gettext_noop("One key"), "pip install httpx")
"""The shortest way, for a client with a key that acts by itself: that key and nothing else (docs/examples/one_key)."""
LANGUAGES = (
    ONE_KEY,
    Language("python", "Python", "pip install authlib requests"),
    Language("typescript", "TypeScript", "npm install openid-client"),
    Language("curl", "curl"),
    Language("mcp", "MCP client", 'pip install "mcp>=2.3"'),
)


@dataclass(frozen=True, slots=True)
class Connection:
    """What a snippet is about."""

    issuer: str
    client_id: str
    auth_method: str
    resource: str
    scopes: tuple[str, ...]
    redirect_uri: str = ""
    """Where the person returns to; empty for an agent that acts by itself."""
    pushes: bool = False
    """Whether it must push its requests (RFC 9126)."""
    algorithm: str = "ES256"
    """By which a client that signs does so."""

    @property
    def flow(self) -> str:
        return "code" if self.redirect_uri else "credentials"

    @property
    def has_key(self) -> bool:
        """Whether it has a secret."""
        return self.auth_method in {AuthMethod.BASIC, AuthMethod.POST}

    @property
    def signs(self) -> bool:
        return self.auth_method == AuthMethod.PRIVATE_KEY_JWT


def connection(issuer: str, client: Client, resource: Resource, scopes: tuple[str, ...]) -> Connection:
    """Return what the snippets of this client say: its first redirect for an assistant, none for the others."""
    newest = client.credentials.filter(public_jwk__isnull=False, revoked_at=None).order_by("-pk").first()
    kind = (newest.public_jwk or {}).get("kty", "EC") if newest and client.signs else "EC"
    return Connection(
        issuer=issuer,
        client_id=client.client_id,
        auth_method=client.auth_method,
        resource=resource.uri,
        scopes=scopes,
        redirect_uri=_redirect_of(client),
        pushes=client.require_par,
        algorithm=ALGORITHM_OF[kind],
    )


def _redirect_of(client: Client) -> str:
    uris = client.redirect_uris.split()
    return uris[0] if uris and GrantType.AUTHORIZATION_CODE in client.grant_types else ""


def languages_of(client: Client) -> tuple[Language, ...]:
    """Return the tabs of this client.

    The MCP SDK does not push requests, and signs for agents without people only; nobody signs by hand in a shell. A key
    alone is enough where no person has to be sent anywhere. openid-client leaves out the query of a redirect URI when it
    redeems a code, and gets nothing for that.
    """
    without = set()
    if (
        client.is_public
        or client.signs
        or client.require_dpop
        or GrantType.CLIENT_CREDENTIALS not in client.grant_types
    ):
        without.add(ONE_KEY.name)
    if "?" in _redirect_of(client):
        without.add("typescript")
    if client.require_par or (client.signs and GrantType.CLIENT_CREDENTIALS not in client.grant_types):
        without.add("mcp")
    if client.signs:
        without.add("curl")
    return tuple(one for one in LANGUAGES if one.name not in without)


def snippet(language: str, about: Connection) -> str:
    """Return the code in this language (a name of ``LANGUAGES``), ready to paste."""
    quoted = _QUOTES[language]
    values = {
        "issuer": about.issuer,
        "authorize": f"{about.issuer}/oauth/authorize",
        "token": f"{about.issuer}/oauth/token",
        "par": f"{about.issuer}/oauth/par",
        "client_id": about.client_id,
        "auth_method": about.auth_method,
        "algorithm": about.algorithm,
        "resource": about.resource,
        "scope": " ".join(about.scopes),
        "redirect_uri": about.redirect_uri,
    }
    context: dict[str, Any] = {name: quoted(value) for name, value in values.items()}
    context |= {
        "key": KEY_VARIABLE,
        "has_key": about.has_key,
        "pushes": about.pushes,
        "signs": about.signs,
        "key_file": KEY_FILE_VARIABLE,
        "subtle": SUBTLE[about.algorithm],
        "in_form": about.auth_method == AuthMethod.POST,
        "plain_http": urlsplit(about.issuer).scheme == "http" or urlsplit(about.resource).scheme == "http",
        "asks": _authorization_query(about),
        "query": _shell_query(_authorization_query(about)),
        "named": _shell_query({"client_id": about.client_id}),
        "comes_back_here": urlsplit(about.redirect_uri).hostname in LOOPBACK_NAMES,
    }
    return render_to_string(f"console/snippets/{language}_{about.flow}.txt", context).strip() + "\n"


def _authorization_query(about: Connection) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": about.client_id,
        "redirect_uri": about.redirect_uri,
        "scope": " ".join(about.scopes),
        "resource": about.resource,
        "code_challenge_method": "S256",
    }


def _shell_query(parameters: dict[str, str]) -> str:
    """Return the fixed part of an address or a form for use inside double quotes of a shell.

    Everything but letters, digits and ``-._~`` is percent-encoded, so that nothing in it means anything to the shell.
    """
    return urlencode(parameters, quote_via=lambda text, *_: quote(text, safe=""))


def _as_string(value: str) -> str:
    """Quote for Python and TypeScript: a JSON string in ASCII is a literal of both."""
    return json.dumps(value)


_QUOTES: dict[str, Callable[[str], str]] = {
    "key": _as_string,
    "python": _as_string,
    "typescript": _as_string,
    "mcp": _as_string,
    "curl": shlex.quote,
}
