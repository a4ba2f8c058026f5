"""Keys that sign evidence: ES256 (RFC 7518 §3.4), apart from those of tokens, their public halves published for ever.

What a person agreed to may be asked for years later, offline and without this installation. So a key that signed once is
never taken from ``/.well-known/evidence-keys.json`` (a JWK Set, RFC 7517 §5), and nothing that it signs can pass for a
token: other keys, another ``typ``.      Left out: rotation by a page, which comes with that of signing keys.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

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


def signing_key(now: datetime) -> EvidenceKey:
    """Return the newest key that may sign. The first one is made when it is needed first; two made at once both stay."""
    return EvidenceKey.objects.filter(signs_from__lte=now).order_by("-signs_from", "kid").first() or make_key(now=now)


def sign_evidence(document: dict[str, Any], *, now: datetime) -> str:
    """Return the document as one signed text (JWS compact serialization, RFC 7515 §7.1)."""
    key = signing_key(now)
    private = ECKey.import_key(json.loads(decrypt(key.private_jwk_encrypted)))
    header = {"typ": TYP, "alg": ALGORITHM, "kid": key.kid}
    return jws.serialize_compact(header, canonical(document), private, registry=_REGISTRY)


@login_not_required
@require_safe
def evidence_keys(request: HttpRequest) -> HttpResponse:
    """Publish the public halves of all evidence keys there ever were."""
    signing_key(request.now)  # type: ignore[attr-defined]  # makes the first key, so that the set is never empty
    keys = EvidenceKey.objects.values_list("public_jwk", flat=True)
    response = JsonResponse({"keys": list(keys)}, content_type="application/jwk-set+json")
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"
    return response
