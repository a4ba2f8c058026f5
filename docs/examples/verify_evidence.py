"""Check the evidence of a consent, offline: python verify_evidence.py consent-….jws evidence-keys.json

Needs joserfc and nothing of Mandate. The keys are what Mandate publishes for ever at /.well-known/evidence-keys.json; keep
a copy from a source that you trust. The format: docs/reference/evidence.md.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet


def verify(signed: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """Return the evidence, if one of these keys signed exactly this. Raises ValueError with what is wrong."""
    try:
        found = jws.deserialize_compact(signed.strip(), KeySet.import_key_set(key_set), algorithms=["ES256"])
    except (JoseError, ValueError, KeyError) as problem:
        raise ValueError(f"not signed by any of these keys, or changed since ({problem})") from problem
    evidence: dict[str, Any] = json.loads(found.payload)
    if found.headers().get("typ") != "mandate-evidence+jws" or evidence.get("format") != "mandate-evidence/1":
        raise ValueError("signed, but no evidence of this format")
    client = evidence["client"]
    text = json.dumps(client["metadata"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if client["metadata"] and hashlib.sha256(text.encode()).hexdigest() != client["metadata_sha256"]:
        raise ValueError("the digest of the client's registration is not that of its text")
    return evidence


if __name__ == "__main__":
    try:
        told = verify(Path(sys.argv[1]).read_text(), json.loads(Path(sys.argv[2]).read_text()))
    except ValueError as problem:
        sys.exit(f"NOT VALID: {problem}")
    print(f"VALID: {told['issuer']} says that on {told['consent']['given_at']}")
    print(f"{told['decision']['by']['name']} allowed {told['agent']['name']}: {told['consent']['purpose']}")
    for scope in told["scopes"]:
        print(f"- {scope['title']} ({scope['resource_name']}, wording {scope['version']})")
    print(f"State when this was made, {told['made_at']}: {told['consent']['state']}. Trail: {told['trail']['words']}.")
