"""What differs between installations, from the environment. A missing value stops the start with a sentence."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from records_api.sign_ins import Demand


@dataclass(frozen=True)
class Settings:
    """Who we are, whom we trust, and who works on which ward."""

    issuer: str
    """Mandate's address, the only issuer whose tokens count."""
    identifier: str
    """Our name at Mandate, for introspection and receipts."""
    key: str
    """Our own credential at Mandate."""
    records_uri: str
    """The resource indicator of the patient files: checked by introspection."""
    pseudonym_key: str
    """Turns patients into pseudonyms for receipts. Keep it, or the same patient gets another pseudonym."""
    require_dpop: bool
    """Whether only tokens count that are bound to a key. Register the resource so in Mandate, too."""
    letters_take: Demand
    """How strongly and freshly the person must have signed in before an agent writes a letter for them."""
    wards: dict[str, frozenset[str]]
    """By ``sub``: the wards on which somebody works. ``*`` stands for everybody, for trying things out."""

    @property
    def directory_uri(self) -> str:
        """The resource indicator of the ward directory: checked offline."""
        return f"{self.records_uri}/directory"

    def wards_of(self, sub: str) -> frozenset[str]:
        """Return the wards of a person. Nobody has any unless somebody said so."""
        return self.wards.get(sub, frozenset()) | self.wards.get("*", frozenset())


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings, or end the process with a sentence that says what is missing."""
    missing = [name for name in ("MANDATE_ISSUER", "RECORDS_IDENTIFIER", "RECORDS_KEY") if not environment.get(name)]
    if missing:
        sys.exit(f"Set {', '.join(missing)}. Mandate shows the values when you register the resource (README.md).")
    return Settings(
        issuer=environment["MANDATE_ISSUER"].rstrip("/"),
        identifier=environment["RECORDS_IDENTIFIER"],
        key=environment["RECORDS_KEY"],
        records_uri=environment.get("RECORDS_URI", "http://localhost:9000").rstrip("/"),
        pseudonym_key=environment.get("RECORDS_PSEUDONYM_KEY") or secrets.token_hex(32),
        require_dpop=environment.get("RECORDS_REQUIRE_DPOP", "") == "1",
        letters_take=_read_demand(environment),
        wards=_read_wards(environment.get("RECORDS_WARDS", "")),
    )


def _read_demand(environment: Mapping[str, str]) -> Demand:
    age = environment.get("RECORDS_LETTERS_MAX_AGE", "")
    if age and not (age.isascii() and age.isdigit()):
        sys.exit("RECORDS_LETTERS_MAX_AGE is a number of seconds.")
    return Demand(tuple(environment.get("RECORDS_LETTERS_ACR", "").split()), int(age) if age else None)


def _read_wards(text: str) -> dict[str, frozenset[str]]:
    """Read ``sub=3B,4A;sub=ICU``."""
    pairs = (entry.partition("=") for entry in text.split(";") if entry.strip())
    return {sub.strip(): frozenset(wards.strip() for wards in names.split(",")) for sub, _, names in pairs}
