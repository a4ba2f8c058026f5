"""Redirect URIs: which may be registered, and when a request's equals a registered one.

RFC 9700 §2.1 and §4.1.3: exact string comparison. RFC 8252 §7.3: the port of a loopback IP redirect is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from agents.public_addresses import address_of, is_host_name

MOST_REDIRECT_URIS = 20
LONGEST_REDIRECT_URI = 500
LOOPBACK_IPS = {"127.0.0.1", "::1"}
LOOPBACK_NAMES = LOOPBACK_IPS | {"localhost"}
_PLAIN_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+\Z")


class BadRedirectUri(ValueError):
    """The URI may not be registered. The message says why in a sentence for people."""


def _split(uri: str) -> SplitResult | None:
    if not _PLAIN_URI.match(uri):
        return None
    try:
        parts = urlsplit(uri)
        return None if parts.port == 0 else parts  # reading it raises for one that is no number
    except ValueError:
        return None


def check_redirect_uri(uri: str) -> None:
    """Raise BadRedirectUri unless the URI may be registered: https, or http on a loopback address."""
    parts = _split(uri)
    if parts is None or not parts.hostname:
        raise BadRedirectUri(_("Give a whole address, such as https://app.example.org/callback."))
    if parts.username is not None or parts.password is not None:
        raise BadRedirectUri(_("An address to return to must not contain a user name."))
    if "*" in parts.netloc or parts.hostname.endswith("."):
        raise BadRedirectUri(_("Give one exact host, without wildcards or a dot at its end."))
    if not is_host_name(parts.hostname) and address_of(parts.hostname) is None:
        raise BadRedirectUri(_("Give the whole name of one host, such as app.example.org."))
    if any(segment in {".", ".."} for segment in parts.path.replace("%2e", ".").replace("%2E", ".").split("/")):
        raise BadRedirectUri(_("The path must not contain . or .. segments."))
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise BadRedirectUri(_("Plain http is for addresses on the same machine only. Use https."))
    if parts.scheme not in {"http", "https"}:
        raise BadRedirectUri(_("The address must begin with https:// (or http:// on the same machine)."))


def redirect_uri_matches(registered: str, presented: str) -> bool:
    """Whether a presented redirect URI equals the registered one, but for the port of a loopback IP."""
    if registered == presented:
        return True
    ours, theirs = _split(registered), _split(presented)
    if ours is None or theirs is None or ours.hostname not in LOOPBACK_IPS or ours.scheme != "http":
        return False
    host = f"[{ours.hostname}]" if ours.hostname and ":" in ours.hostname else ours.hostname
    port = f":{theirs.port}" if theirs.port is not None else ""
    return presented == f"http://{host}{port}{ours.path}" + (f"?{ours.query}" if ours.query else "")


def is_loopback(uri: str) -> bool:
    """Whether the redirect stays on the person's own machine."""
    parts = _split(uri)
    return parts is not None and parts.hostname in LOOPBACK_NAMES


def host_of(uri: str) -> str:
    """The host (and port, where one is given) that a person returns to."""
    parts = _split(uri)
    return parts.netloc if parts else ""


def hosts_of(uris: Iterable[str]) -> frozenset[str]:
    """The hosts of several redirect URIs. On the same machine the port is free, so there it is left out."""
    return frozenset(filter(None, map(_host_without_free_port, uris)))


def _host_without_free_port(uri: str) -> str:
    parts = _split(uri)
    if parts is None or not parts.hostname:
        return ""
    return parts.hostname if parts.hostname in LOOPBACK_NAMES else parts.netloc
