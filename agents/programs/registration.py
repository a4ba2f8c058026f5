"""What a program says of itself when it registers itself, held against what is taken here (RFC 7591 §2).

One reading for both ways in: the registration endpoint, which tells the program what was wrong, and a document of its own
(``client_documents.py``), of which what we know is kept and the rest ignored. Nothing in it is believed: names, software
ids and addresses of pages are for display, and who the program acts for is decided by people.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from agents.models import AuthMethod, GrantType
from agents.outgoing import BadAddress, check_url
from agents.public_keys import MOST_KEYS, BadKey, PublicKey, key_of
from agents.redirects import (
    LONGEST_REDIRECT_URI,
    LOOPBACK_NAMES,
    MOST_REDIRECT_URIS,
    BadRedirectUri,
    check_redirect_uri,
    is_loopback,
)
from agents.texts import without_hidden

GRANTS = frozenset({GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value})
"""What a program that registered itself may ever use. Never device codes (decisions.md, Device grant)."""
LONGEST_NAME = 80
LONGEST_TEXT = 255
LONGEST_SCOPE = 1_000
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")
HIDDEN_IN_PATH = re.compile(r"%(?:[01][0-9a-f]|2e|2f|5c|7f)", re.IGNORECASE)
"""Percent-encoded control characters, dots and slashes: what a redirect trick hides in a path."""
NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z", re.IGNORECASE)
PAGES = ("client_uri", "policy_uri", "tos_uri")
"""Addresses for people. They are shown as text and never fetched; a logo is not even kept."""


class BadMetadata(ValueError):
    """The registration cannot be taken. code: RFC 7591 §3.2.2. The message is for the program's developer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _bad(message: str) -> BadMetadata:
    return BadMetadata("invalid_client_metadata", message)


@dataclass(frozen=True, slots=True)
class Claims:
    """A registration as it is kept: every value checked, none of them verified.

    said: what it says besides, for display. keys: its public keys where it gave them inline.
    """

    name: str
    auth_method: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    jwks_uri: str = ""
    keys: tuple[PublicKey, ...] = ()
    require_par: bool = False
    require_dpop: bool = False
    said: dict[str, str] = field(default_factory=dict)

    def software_key(self, source: str, client_id: str = "") -> str:
        """Return the digest that identical registrations of one program share. For a document it is its address.

        A program chooses all of it. It puts one person's registrations together, and proves nothing.
        """
        places = sorted({without_free_port(uri) for uri in self.redirect_uris})
        parts = [source, client_id] if client_id else [source, self.name, self.said.get("software_id", ""), *places]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


def without_free_port(uri: str) -> str:
    """Return a redirect URI as it is compared between installations: on one's own machine each has a port of its own."""
    parts = urlsplit(uri)
    if parts.hostname not in LOOPBACK_NAMES:
        return uri
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def read_claims(
    document: Mapping[str, Any], *, lenient: bool = False, default_method: str = AuthMethod.BASIC
) -> Claims:
    """Return what a program says of itself. lenient: what is unknown among its grants is left out, not refused.

    default_method: how it proves itself where it does not say. Raises BadMetadata.
    """
    if {"client_secret", "client_secret_expires_at"} & document.keys():
        raise _bad("A client does not choose its secret.")
    method = _text(document, "token_endpoint_auth_method") or default_method
    if method not in AuthMethod.values:
        raise _bad(f"token_endpoint_auth_method is one of {', '.join(AuthMethod.values)}.")
    uris = _redirect_uris(document)
    jwks_uri, keys = _keys(document, method)
    return Claims(
        name=plain_name(_text(document, "client_name"))[:LONGEST_NAME].strip(),
        auth_method=method,
        grant_types=_grants(document, lenient=lenient),
        redirect_uris=uris,
        jwks_uri=jwks_uri,
        keys=keys,
        require_par=_flag(document, "require_pushed_authorization_requests"),
        require_dpop=_flag(document, "dpop_bound_access_tokens"),
        said=_said(document, uris),
    )


def plain_name(text: str) -> str:
    """Return what a program calls itself without anything that cannot be seen: it is read next to others' names."""
    return "".join(character for character in without_hidden(text) if unicodedata.category(character) != "Cf")


# ------------------------------------------------------------------------------------------------------------ its parts


def _text(document: Mapping[str, Any], name: str, longest: int = LONGEST_TEXT) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise _bad(f"{name} is a text of at most {longest} characters.")
    return value.strip()


def _texts(document: Mapping[str, Any], name: str, *, longest: int, most: int) -> list[str]:
    value = document.get(name)
    if not isinstance(value, list) or len(value) > most or not all(isinstance(item, str) for item in value):
        raise _bad(f"{name} is a list of at most {most} texts.")
    if any(len(item) > longest for item in value):
        raise _bad(f"{name} holds a text that is too long.")
    return list(dict.fromkeys(value))


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise _bad(f"{name} is true or false.")
    return value


def _grants(document: Mapping[str, Any], *, lenient: bool) -> tuple[str, ...]:
    if document.get("response_types") is not None:
        kinds = _texts(document, "response_types", longest=100, most=20)
        if "code" not in kinds or (not lenient and kinds != ["code"]):
            raise _bad("The only response type is code.")
    asked = {GrantType.AUTHORIZATION_CODE.value}
    if document.get("grant_types") is not None:
        asked = set(_texts(document, "grant_types", longest=100, most=20))
    if not lenient and not asked <= GRANTS:
        raise _bad(f"A client that registers itself may use {' and '.join(sorted(GRANTS))}.")
    asked &= GRANTS
    if GrantType.AUTHORIZATION_CODE.value not in asked:
        raise _bad("Tokens begin with authorization_code here.")
    return tuple(sorted(asked))


def _redirect_uris(document: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        uris = _texts(document, "redirect_uris", longest=LONGEST_REDIRECT_URI, most=MOST_REDIRECT_URIS)
    except BadMetadata as problem:
        raise BadMetadata("invalid_redirect_uri", str(problem)) from problem
    if not uris:
        raise BadMetadata("invalid_redirect_uri", "Give the address to which people return (redirect_uris).")
    for uri in uris:
        _check_redirect(uri)
    kind = _text(document, "application_type")
    if kind not in {"", "web", "native"}:
        raise _bad("application_type is web or native.")
    if kind == "web" and any(is_loopback(uri) for uri in uris):
        raise BadMetadata("invalid_redirect_uri", "A web application returns by https. Loopback is for native ones.")
    return tuple(uris)


def _check_redirect(uri: str) -> None:
    try:
        check_redirect_uri(uri)
    except BadRedirectUri as problem:
        raise BadMetadata("invalid_redirect_uri", str(problem)) from problem
    host = urlsplit(uri).hostname or ""
    if _is_ours(host):
        # On the screen our own name would vouch for whoever registered it.
        raise BadMetadata("invalid_redirect_uri", "People return to the program, and not to Mandate.")
    if HIDDEN_IN_PATH.search(uri):
        raise BadMetadata("invalid_redirect_uri", "The address hides characters that are no part of a name.")
    if host not in LOOPBACK_NAMES and is_number(host):
        raise BadMetadata("invalid_redirect_uri", "Give the host by its name, not by a number.")


def _is_ours(host: str) -> bool:
    """Whether it is the host at which this Mandate stands, unless that is somebody's own machine."""
    return host == urlsplit(settings.ISSUER).hostname and host not in LOOPBACK_NAMES


def is_number(host: str) -> bool:
    """Whether a host is an address and no name, in any spelling that a resolver would take for one."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bool(NUMBER.match(host.rsplit(".", 1)[-1]))
    return True


def _keys(document: Mapping[str, Any], method: str) -> tuple[str, tuple[PublicKey, ...]]:
    jwks_uri, jwks = _text(document, "jwks_uri", 500), document.get("jwks")
    if method != AuthMethod.PRIVATE_KEY_JWT:
        if _holds_private(jwks):
            raise _bad("jwks holds a private key. Keep it, and make another: this one is known now.")
        return "", ()
    if bool(jwks_uri) == (jwks is not None):
        raise _bad("A client that signs gives either jwks_uri or jwks.")
    if jwks_uri:
        check_public(jwks_uri, "jwks_uri")
        return jwks_uri, ()
    return "", _inline(jwks)


def _holds_private(jwks: Any) -> bool:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    return isinstance(keys, list) and any(isinstance(key, dict) and {"d", "k"} & key.keys() for key in keys)


def _inline(jwks: Any) -> tuple[PublicKey, ...]:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise _bad(f"jwks is a JWK Set of 1 to {MOST_KEYS} public keys.")
    try:
        found = [key_of(key if isinstance(key, dict) else {}) for key in keys]
    except BadKey as problem:
        raise _bad(f"jwks: {problem}") from problem
    return tuple({key.thumbprint: key for key in found}.values())


def check_public(url: str, name: str) -> None:
    """Raise BadMetadata unless Mandate may call this address of a stranger: https to a host by name, at its own port."""
    try:
        parts = check_url(url)
    except BadAddress as problem:
        raise _bad(f"{name}: {problem}") from problem
    if parts.hostname in LOOPBACK_NAMES:
        return  # only where LOCAL_CALLS allows it, which check_url asks
    if _is_ours(parts.hostname or ""):
        raise _bad(f"{name}: Mandate does not call itself.")
    if parts.port not in {None, 443}:
        raise _bad(f"{name} is at the usual port of https.")
    if is_number(parts.hostname or ""):
        raise _bad(f"{name}: give the host by its name, not by a number.")


def _said(document: Mapping[str, Any], uris: Iterable[str]) -> dict[str, str]:
    said = {
        "application_type": _text(document, "application_type") or _kind_of(uris),
        "software_id": plain_name(_text(document, "software_id")),
        "software_version": plain_name(_text(document, "software_version")),
        "scope": _text(document, "scope", LONGEST_SCOPE),
    }
    if said["scope"] and not SCOPE.match(said["scope"]):
        raise _bad("scope is a list of names with blanks between.")
    for name in PAGES:
        page = _text(document, name, 500)
        if page and not _is_of_the_web(page):
            raise _bad(f"{name} is an address of the web.")
        said[name] = page
    return {name: value for name, value in said.items() if value}


def _is_of_the_web(page: str) -> bool:
    try:
        parts = urlsplit(page) if page.isascii() and page.isprintable() and " " not in page else None
    except ValueError:  # half of the brackets around an address
        return False
    return parts is not None and parts.scheme in {"http", "https"} and bool(parts.netloc)


def _kind_of(uris: Iterable[str]) -> str:
    return "native" if all(is_loopback(uri) for uri in uris) else "web"
