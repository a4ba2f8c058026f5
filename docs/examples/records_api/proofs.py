"""Tokens that are bound to a key (DPoP, RFC 9449 §7): whoever brings one proves the key with each request.

A stolen token is useless without the key, and a proof that somebody saw counts neither again, nor elsewhere, nor for
another token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import OrderedDict
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact
from starlette.requests import Request

from records_api.caller import Caller
from records_api.protection import PROOF_ALGORITHMS, Presented, Refused, proof_challenge

LIFE = 60.0
"""Seconds for which a proof counts; as much is allowed for clocks that differ."""
MOST_REMEMBERED = 100_000
LONGEST_PROOF = 8_000
KEYS: dict[str, type[ECKey | OKPKey | RSAKey]] = {
    "ES256": ECKey,
    "EdDSA": OKPKey,
    "Ed25519": OKPKey,
    "PS256": RSAKey,
}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class Rules(JWSRegistry):
    """Room for an RSA key in the header."""

    max_header_length = LONGEST_PROOF


class Proofs:
    """Checks proofs, and remembers those of the last minutes, so that each counts once.

    In this process. With several, keep them where all of them look, under a unique constraint.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def must_prove(
        self, request: Request, presented: Presented, caller: Caller | None, *, at: str, demanded: bool, metadata: str
    ) -> Caller | None:
        """Return the caller if the key of the token was proven, or if it is bound to none. Raises Refused.

        at: our own address, which no header of the request chooses. demanded: whether only bound tokens count.
        """
        if caller is None:
            return None
        if not caller.jkt:
            if demanded or presented.scheme == "dpop":
                raise _refused("invalid_token", "The token is not bound to a key. Get one with a DPoP proof.", metadata)
            return caller
        if presented.scheme != "dpop":
            raise _refused("invalid_token", "The token is bound to a key: send it as DPoP, with a proof.", metadata)
        problem = self._problem(request, presented.token, caller.jkt, at + request.url.path)
        if problem:
            raise _refused("invalid_dpop_proof", problem, metadata)
        return caller

    def _problem(self, request: Request, token: str, jkt: str, place: str) -> str:
        """Return what is wrong with the proof of this request, or an empty string (§4.3)."""
        sent = request.headers.getlist("DPoP")
        if len(sent) != 1 or len(sent[0]) > LONGEST_PROOF or sent[0].count(".") != 2:
            return "Send one DPoP header, with one proof."
        try:
            header, claims, thumbprint = _opened(sent[0])
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            return "The proof cannot be read, or its signature is not that of its key."
        if header.get("typ") != "dpop+jwt":
            return "The typ of a proof is dpop+jwt."
        if claims.get("htm") != request.method or str(claims.get("htu", "")).split("?")[0].split("#")[0] != place:
            return "The proof is for another request."
        issued_at, jti = claims.get("iat"), claims.get("jti")
        if not isinstance(issued_at, int | float) or not abs(time.time() - issued_at) <= LIFE:
            return "The proof is too old, or of the future."
        if not hmac.compare_digest(str(claims.get("ath")).encode(), _digest(token).encode()):
            return "The proof is for another token."
        if not hmac.compare_digest(thumbprint.encode(), jkt.encode()):
            return "The token is bound to another key."
        if not isinstance(jti, str) or not 0 < len(jti) <= 255 or not self._is_first(thumbprint, jti):
            return "The proof was used before, or has no jti."
        return ""

    def _is_first(self, thumbprint: str, jti: str) -> bool:
        now = time.monotonic()
        while self._seen and (next(iter(self._seen.values())) < now or len(self._seen) >= MOST_REMEMBERED):
            self._seen.popitem(last=False)
        if (thumbprint, jti) in self._seen:
            return False
        self._seen[thumbprint, jti] = now + 2 * LIFE
        return True


def _opened(proof: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return header, claims and thumbprint of a proof that its own key signed. The algorithm is one that we chose."""
    header = json.loads(base64.urlsafe_b64decode(proof.split(".", maxsplit=1)[0] + "=="))
    algorithm, jwk = header["alg"], header["jwk"]
    if algorithm not in PROOF_ALGORITHMS or PRIVATE & jwk.keys() or header.keys() - {"typ", "alg", "jwk", "kid"}:
        raise ValueError("not a proof")
    key = KEYS[algorithm].import_key(jwk)
    signed = deserialize_compact(proof, key, registry=Rules(algorithms=[algorithm]))
    claims = json.loads(signed.payload)
    if not isinstance(claims, dict):
        raise TypeError("not a proof")
    return header, claims, key.thumbprint()


def _digest(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


def _refused(error: str, description: str, metadata: str) -> Refused:
    return Refused(401, error, description, challenge=proof_challenge(metadata, error=error))
