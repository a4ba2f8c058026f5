"""Keys that sign evidence: ES256 (RFC 7518 §3.4), apart from those of tokens, their public halves published for ever.

What a person agreed to may be asked for years later, offline and without this installation. So a key that signed once is
never taken from ``/.well-known/evidence-keys.json`` (a JWK Set, RFC 7517 §5), and nothing that it signs can pass for a
token: other keys, another ``typ``. The newest key signs (``manage.py rotate_evidence_key`` makes one); one whose private
half cannot be read any more signs nothing, and what it signed stays valid.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from joserfc import jws
from joserfc.jwk import ECKey

from agents.actors import Actor
from agents.encryption import decrypt, encrypt
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.client_metadata import canonical
from consent.models import EvidenceKey

ALGORITHM = "ES256"
TYP = "mandate-evidence+jws"
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])


def make_key(*, now: datetime) -> EvidenceKey:
    """Make one key pair that signs evidence from now on and stays published for ever. Records ``evidence_key.made``."""
    pair = ECKey.generate_key("P-256", private=True)
    kid = pair.thumbprint()
    with transaction.atomic():
        key = EvidenceKey.objects.create(
            kid=kid,
            public_jwk={**pair.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM},
            private_jwk_encrypted=encrypt(json.dumps(pair.as_dict(private=True))),
            signs_from=now,
        )
        record(Kind.EVIDENCE_KEY_MADE, by=Actor.system(), now=now, kid=kid)
    return key


def newest_key(now: datetime) -> EvidenceKey | None:
    """Return the key that would sign now. None: nothing was signed yet, and the first file makes the first key."""
    return EvidenceKey.objects.filter(signs_from__lte=now).order_by("-signs_from", "kid").first()


def sign_evidence(document: dict[str, Any], *, now: datetime) -> str:
    """Return the document as one signed text (JWS compact serialization, RFC 7515 §7.1).

    Makes a key where there is none yet, and where the newest one is lost. Two made at once both stay.
    """
    key = newest_key(now) or make_key(now=now)
    try:
        private = decrypt(key.private_jwk_encrypted)
    except InvalidToken:
        # The secret that it was encrypted with is another now. Only its private half is lost.
        key = make_key(now=now)
        private = decrypt(key.private_jwk_encrypted)
    header = {"typ": TYP, "alg": ALGORITHM, "kid": key.kid}
    signer = ECKey.import_key(json.loads(private))
    return jws.serialize_compact(header, canonical(document), signer, registry=_REGISTRY)


@login_not_required
@require_safe
def evidence_keys(request: HttpRequest) -> HttpResponse:
    """Publish the public halves of all evidence keys there ever were. An empty set before anything was signed."""
    keys = EvidenceKey.objects.values_list("public_jwk", flat=True)
    response = JsonResponse({"keys": list(keys)}, content_type="application/jwk-set+json")
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"
    return response
