"""What differs between installations, from the environment. A missing value stops the start with a sentence."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Settings:
    """Who we are, whom we trust, and who works on which ward."""

    issuer: str
    """Mandate's address, the only issuer whose tokens count."""
    identifier: str
    """Our name at Mandate, for introspection and receipts."""
    key: str
    """Our own credential at Mandate."""
    uri: str
    """Our address, path included: the resource indicator that tokens name in ``aud`` (RFC 8707)."""
    wards: dict[str, frozenset[str]]
    """By ``sub``: the wards on which somebody works. ``*`` stands for everybody, for trying things out."""
    pseudonym_key: str
    """Turns patients into pseudonyms for receipts. Keep it, or the same patient gets another pseudonym."""

    @property
    def base(self) -> str:
        """Our address without its path."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.uri))

    @property
    def path(self) -> str:
        return urlsplit(self.uri).path or "/"

    def wards_of(self, sub: str) -> frozenset[str]:
        """Return the wards of a person. Nobody has any unless somebody said so."""
        return self.wards.get(sub, frozenset()) | self.wards.get("*", frozenset())


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings, or end the process with a sentence that says what is missing."""
    missing = [name for name in ("MANDATE_ISSUER", "TOOLS_IDENTIFIER", "TOOLS_KEY") if not environment.get(name)]
    if missing:
        sys.exit(f"Set {', '.join(missing)}. Mandate shows the values when you register the resource (README.md).")
    return Settings(
        issuer=environment["MANDATE_ISSUER"].rstrip("/"),
        identifier=environment["TOOLS_IDENTIFIER"],
        key=environment["TOOLS_KEY"],
        uri=environment.get("TOOLS_URI", "http://localhost:9100/mcp"),
        wards=_read_wards(environment.get("TOOLS_WARDS", "")),
        pseudonym_key=environment.get("TOOLS_PSEUDONYM_KEY") or secrets.token_hex(32),
    )


def _read_wards(text: str) -> dict[str, frozenset[str]]:
    """Read ``sub=3B,4A;sub=ICU``."""
    pairs = (entry.partition("=") for entry in text.split(";") if entry.strip())
    return {sub.strip(): frozenset(wards.strip() for wards in names.split(",")) for sub, _, names in pairs}
