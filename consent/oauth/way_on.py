"""Where a person can lift a refusal at the token endpoint: an address for ``error_description`` (RFC 6749 §5.2).

Told only to a client that proved itself, or that presented what was issued to it. What no person can lift (a wrong
secret, a code used twice, a malformed request) leads nowhere.
"""

from __future__ import annotations

from datetime import datetime

from agents.addresses import page_address
from consent.models import Consent
from consent.oauth.client_authentication import ProvenClient

NOT_ENOUGH = frozenset({"invalid_scope", "invalid_target"})
"""Refusals that more permissions would lift."""


def way_on(code: str, *, client: ProvenClient, grant_type: str, consent: Consent | None, now: datetime) -> str:
    """Return a sentence with the address, or nothing. consent: under which it was asked, proven to be the client's."""
    if consent is not None:
        return _of_consent(code, consent, now)
    if client.is_public or client.agent_id is None:
        return ""
    if code == "unauthorized_client" and not client.allows_grant_type(grant_type):
        return f"That can be changed at {page_address('agent-clients', client.agent_id)}"
    if grant_type == "client_credentials" and code in {"unauthorized_client", *NOT_ENOUGH}:
        return f"An administrator can allow it at {page_address('organisation-consent', client.agent_id)}"
    return ""


def _of_consent(code: str, consent: Consent, now: datetime) -> str:
    status = consent.status(now)
    if status == "paused" and consent.waits_to_be_looked_at:
        return f"It waits until what is different was looked at: {page_address('consent-changes', consent.pk)}"
    if status == "paused":
        return f"It waits until an administrator answers for it: {page_address('consent-confirm', consent.pk)}"
    if status != "live":
        return f"What became of it stands at {page_address('my-consent', consent.pk)}"
    if code in NOT_ENOUGH:
        return f"What is allowed stands at {page_address('my-consent', consent.pk)}"
    return ""
