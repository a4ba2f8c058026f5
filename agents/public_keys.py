"""Public keys by which clients prove themselves: read from what people paste and from what a ``jwks_uri`` answers.

P-256, Ed25519, and RSA of 2048 to 4096 bits; the public half only, and of a key only what makes it one: whatever else an
author wrote beside it (addresses of certificates, say) is not kept and never asked (RFC 8725 §3.10).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from django.utils.translation import gettext as _
from joserfc.errors import InvalidKeyTypeError, JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from agents.errors import InvalidInput

Key = ECKey | OKPKey | RSAKey
LONGEST_TEXT = 40_000
LONGEST_KID = 200
MOST_KEYS = 10
LONGEST_EXPONENT = 6
"""Characters of base64url. A longer one would only make each check slow."""
RSA_BITS = range(2_048, 4_097)
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MEMBERS: dict[str, tuple[type[Key], tuple[str, ...]]] = {
    "EC": (ECKey, ("crv", "x", "y")),
    "OKP": (OKPKey, ("crv", "x")),
    "RSA": (RSAKey, ("n", "e")),
}
CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]{1,20000}-----END \1-----")
"""Without a hyphen inside, which base64 has none of: so each character is looked at once, however many beginnings there are."""
_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE")


class BadKey(ValueError):
    """This is no key that can be used here. The message says why, for people."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key. jwk: only its own members, and ``kid`` if its author gave one. thumbprint: RFC 7638, base64url."""

    jwk: dict[str, str]
    thumbprint: str

    @property
    def digest(self) -> str:
        """The thumbprint in hexadecimal, as it is stored."""
        return base64.urlsafe_b64decode(self.thumbprint + "=").hex()


def thumbprint_of(digest: str) -> str:
    """Return a stored thumbprint as people and tools write it: base64url without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")


def key_of(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the key that a JWK holds. Raises BadKey."""
    kind = jwk.get("kty")
    if PRIVATE & jwk.keys():
        raise BadKey(_("This is a private key. Keep it with the agent, and give the public half of it."))
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise BadKey(_("Give a public key: EC (P-256), OKP (Ed25519) or RSA."))
    factory, members = MEMBERS[kind]
    texts = {name: value for name in members if isinstance(value := jwk.get(name), str) and len(value) <= 1_000}
    if len(texts) < len(members):
        raise BadKey(_("Give a public key: EC (P-256), OKP (Ed25519) or RSA."))
    own: dict[str, str | list[str]] = {"kty": kind, **texts}
    if len(texts.get("e", "")) > LONGEST_EXPONENT:
        raise BadKey(_("This key cannot be read."))
    if kind in CURVES and texts["crv"] != CURVES[kind]:
        raise BadKey(_("This curve is not used here. Use P-256 or Ed25519."))
    if jwk.get("use") not in (None, "sig"):  # a list is none of them either, and in no set
        raise BadKey(_("This key is for encryption. Give one for signatures."))
    try:
        # Builds it, and so finds points that are on no curve.
        public: Any = factory.import_key(own).public_key
        # Written out anew: padding, junk that decoders pass over, or a leading zero would make another thumbprint of the
        # same key, and what was revoked or belongs to another client could come again.
        key: Key = factory.import_key(public)
        own, thumbprint = {**own, **_members_of(key, members)}, key.thumbprint()
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise BadKey(_("This key cannot be read.")) from problem
    if isinstance(public, RSAPublicKey) and public.key_size not in RSA_BITS:
        raise BadKey(_("Use an RSA key of 2048 to 4096 bits, or better one for ES256."))
    kid = jwk.get("kid")
    if isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID and kid.isprintable():
        own["kid"] = kid
    return PublicKey({name: str(value) for name, value in own.items()}, thumbprint)


def _members_of(key: Key, members: tuple[str, ...]) -> dict[str, Any]:
    written = key.as_dict(private=False)
    return {name: written[name] for name in members}


def keys_in_text(field: str, text: str) -> list[PublicKey]:
    """Return the keys that somebody pasted: a JWK Set, one JWK, or PEM. Raises InvalidInput naming ``field``."""
    text = text.strip()
    try:
        if len(text) > LONGEST_TEXT:
            raise BadKey(_("That is too long for a few keys."))
        found = _in_pem(text) if "-----BEGIN" in text else _in_json(text)
    except BadKey as problem:
        raise InvalidInput(field, str(problem)) from problem
    if not found or len(found) > MOST_KEYS:
        raise InvalidInput(field, _("Give one to %(most)s keys.") % {"most": MOST_KEYS})
    return list({key.thumbprint: key for key in found}.values())


def keys_in_set(document: Any) -> list[PublicKey]:
    """Return the usable keys of a fetched JWK Set; others in it are passed over. Raises BadKey for what is no set."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise BadKey("It is no JWK Set.")
    usable = []
    for jwk in keys[:50]:
        try:
            usable.append(key_of(jwk if isinstance(jwk, dict) else {}))
        except BadKey:
            continue
    return usable[:MOST_KEYS]


def _in_json(text: str) -> list[PublicKey]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadKey(_("Paste a JWK Set, a JWK or a public key in PEM.")) from problem
    keys = document.get("keys", [document]) if isinstance(document, dict) else []
    if not isinstance(keys, list) or not all(isinstance(jwk, dict) for jwk in keys):
        raise BadKey(_("Paste a JWK Set, a JWK or a public key in PEM."))
    return [key_of(jwk) for jwk in keys[: MOST_KEYS + 1]]


def _in_pem(text: str) -> list[PublicKey]:
    blocks = list(_PEM.finditer(text))
    if _PRIVATE.search(text):
        raise BadKey(_("This is a private key. Keep it with the agent, and give the public half of it."))
    return [key_of(_jwk_of(block[1], block[0].encode())) for block in blocks[: MOST_KEYS + 1]]


def _jwk_of(label: str, pem: bytes) -> Mapping[str, Any]:
    try:
        public = load_pem_x509_certificate(pem).public_key() if label == "CERTIFICATE" else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise BadKey(_("This key cannot be read.")) from problem
    plain = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for factory, _members in MEMBERS.values():
        try:
            return factory.import_key(plain).as_dict(private=False)
        except InvalidKeyTypeError:
            continue
    raise BadKey(_("Give a public key: EC (P-256), OKP (Ed25519) or RSA."))
