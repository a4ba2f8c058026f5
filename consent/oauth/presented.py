"""What a request presents to prove its client, read from header and body (RFC 6749 §2.3.1). Nothing is proven here.

§2.3.1 Basic, form-decoded     read_basic          §2.3 one method only     presented

A key names its client, so it may come alone: ``:key`` by Basic, or ``client_secret`` without ``client_id``.
Errors: invalid_client (401), invalid_request.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from agents.credentials import handle_of
from agents.models import AuthMethod
from consent.oauth.errors import OAuthRefusal, invalid_client, invalid_request
from consent.oauth.private_key_jwt import claimed


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents: who it says it is, with which secret or assertion, by which method.

    client_id: empty where a key comes alone and says by its handle whose it is.
    """

    client_id: str
    secret: str
    method: AuthMethod
    assertion: str = ""

    @property
    def named(self) -> str:
        """Whom it names: the client, or the handle of a key that came alone. Never a secret."""
        return self.client_id or f"mdt_{handle_of(self.secret) or ''}"


def presented(authorization: str, form: Mapping[str, str]) -> Presented:
    """Read the client's proof from header and body. Raises OAuthRefusal for none, two, or an unreadable one."""
    body_id, body_secret = form.get("client_id", ""), form.get("client_secret", "")
    asserted = form.get("client_assertion") or form.get("client_assertion_type")
    if sum(map(bool, (authorization, body_secret, asserted))) > 1:
        raise invalid_request("Two ways of client authentication were used at once.")
    if asserted:
        return Presented(claimed(form), "", AuthMethod.PRIVATE_KEY_JWT, form.get("client_assertion", ""))
    if authorization:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise invalid_client("Clients prove themselves here by HTTP Basic or in the body.")
        client_id, secret = read_basic(value)
        if body_id and body_id != client_id:
            raise invalid_request("Header and body name two different clients.")
        return Presented(client_id, _whole(client_id, secret), AuthMethod.BASIC)
    if not body_id and not body_secret:
        raise invalid_client("The request names no client.")
    return Presented(body_id, _whole(body_id, body_secret), AuthMethod.POST if body_secret else AuthMethod.NONE)


def _whole(client_id: str, secret: str) -> str:
    """Return the secret, which must be a whole key where it comes without a client id. Raises OAuthRefusal.

    That it was cut off or changed can be told to anybody: whoever sent it can compute its checksum.
    """
    if not client_id and handle_of(secret) is None:
        raise invalid_client("The request names no client, and its secret is no whole key (mdt_...).")
    return secret


def named_client(authorization: str, form: Mapping[str, str]) -> str:
    """Return the client that a request names, proven or not, or an empty string. Never raises."""
    try:
        return presented(authorization, form).named[:255]
    except OAuthRefusal:
        return form.get("client_id", "")[:255]


def read_basic(value: str) -> tuple[str, str]:
    """Return name and secret of a Basic header, each form-decoded (RFC 6749 §2.3.1). Raises OAuthRefusal."""
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as problem:
        raise invalid_client("The Basic header cannot be read.") from problem
    quoted_name, separator, quoted_secret = decoded.partition(":")
    name, secret = unquote_plus(quoted_name), unquote_plus(quoted_secret)
    if not separator or "\0" in name or "\0" in secret:
        raise invalid_client("The Basic header cannot be read.")
    return name, secret
