"""How much comes out of a token exchange (RFC 8693): at which resource, whether the human allowed it, and which scopes.

§2.1 resource, audience     asked_target, target_of        §2.1 scope     scopes_of       RFC 9396 §6 details     in_detail
Nothing here widens anything: each answer is at most what the subject token, its consent and all above it hold now. A way
over another resource leads back to no more than was had here before (``Had``).
Errors: invalid_target, access_denied, invalid_scope, invalid_authorization_details.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from oauthlib.common import Request

from agents.addresses import page_address
from agents.database.statements import rows_of
from agents.models import Checks
from consent.models import Consent
from consent.oauth.access_token import Audience
from consent.oauth.authorization_details import narrow_to, still_granted
from consent.oauth.chain import Chain, HeldScope
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal
from consent.oauth.parameters import Form
from consent.oauth.rows import as_delta, known_id
from consent.oauth.worth import Worth

TARGET_STATEMENT = """
    SELECT r.id, r.uri, r.checks, r.token_life, r.require_dpop FROM agents_resource r
    WHERE (r.uri = %s OR r.identifier = %s) AND r.ended_at IS NULL
"""
MAY_STATEMENT = """
    SELECT EXISTS (SELECT 1 FROM agents_recipient p
                   WHERE p.agent_id = %s AND p.recipient_id = a.id AND p.ended_at IS NULL), g.scope_id
    FROM agents_agent a
    LEFT JOIN agents_agentscope g ON g.agent_id = a.id AND g.ended_at IS NULL
    WHERE a.id = %s
"""


@dataclass(frozen=True, slots=True)
class Had:
    """What was had at one resource on the way to the subject token, or is had by that itself: the most there from then on."""

    scopes: frozenset[str]
    details: list[dict[str, Any]]


def had_at(target: Audience, subject: Worth) -> Had | None:
    """Return what was had at this resource. None where no exchange came from there: then the consent says how much."""
    if target.pk == subject.audience_id:
        return Had(frozenset(subject.scopes), subject.details)
    kept = subject.elsewhere.get(str(target.pk))
    return None if kept is None else Had(frozenset(kept["scopes"]), kept["details"])


def had_elsewhere(target: Audience, subject: Worth) -> dict[str, Any]:
    """Return what the result has to keep of the way that it came (``AccessToken.elsewhere``)."""
    if target.pk == subject.audience_id:
        return subject.elsewhere
    return {**subject.elsewhere, str(subject.audience_id): {"scopes": subject.scopes, "details": subject.details}}


def asked_target(form: Form) -> str:
    """Return the one resource that is named, by address (RFC 8707) or by identifier, or nothing. Raises OAuthRefusal."""
    asked = {value for name in ("resource", "audience") for value in form.getlist(name) if value}
    if len(asked) > 1:
        raise OAuthRefusal("invalid_target", "A token is for one resource. Ask for each with a request of its own.")
    return next(iter(asked), "")


def target_of(asked: str, subject: Worth) -> Audience:
    found = rows_of(TARGET_STATEMENT, [asked or subject.audience_uri, asked])
    if not found:
        raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
    pk, uri, checks, life, demands = found[0]
    return Audience(known_id(pk), uri, checks == Checks.OFFLINE, as_delta(life), bool(demands))


def must_be_allowed(chain: Chain, client: ProvenClient, *, own: bool) -> None:
    """See that the person let the work be passed on to this agent, and this far. Raises OAuthRefusal access_denied."""
    if client.agent_id is None:
        raise TypeError("a client without an agent was refused before")
    root = chain.root
    where = page_address("my-consent", root.consent_id)
    if not root.passing:
        raise _denied(
            f"The person did not let this agent pass work on. What they allowed stands at {where}",
            "passes_nothing_on",
            root.consent_id,
        )
    if own:
        return
    if client.agent_id in chain.agents:
        raise _denied(
            "This agent passed the work on itself and does not get it back.", "passed_in_a_circle", root.consent_id
        )
    if not chain.allows(client.agent_id):
        raise _denied(
            f"The person did not let the work be passed on this far. See {where}", "passed_too_far", root.consent_id
        )


def _denied(description: str, why: str, consent_id: uuid.UUID) -> OAuthRefusal:
    return OAuthRefusal("access_denied", description, reason_code=why, consent=Consent.objects.get(pk=consent_id))


def may_hold(root_agent: uuid.UUID, client: ProvenClient) -> frozenset[uuid.UUID]:
    """Return the scopes that the caller's agent may ask for, whoever passes them on. Raises OAuthRefusal access_denied."""
    rows = rows_of(MAY_STATEMENT, [root_agent, client.agent_id])
    if not rows or not rows[0][0]:
        raise OAuthRefusal(
            "access_denied",
            "The agent that was allowed this passes no work on to this one any more.",
            reason_code="recipient_removed",
        )
    return frozenset(known_id(scope_id) for _, scope_id in rows if scope_id is not None)


def scopes_of(
    request: Request, subject: Worth, chain: Chain, target: Audience, may: frozenset[uuid.UUID] | None
) -> dict[str, HeldScope]:
    """Return the scopes of the result, by name. Raises OAuthRefusal invalid_scope.

    Where the work was before never more than was had there; at another resource what the consent holds there. may: what
    the caller's agent may ask for at all; None where it is the agent that holds it already.
    """
    held = chain.held()
    if not held:
        raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
    had = had_at(target, subject)
    most = {name: scope for name, scope in held.items() if had is None or name in had.scopes}
    asked = frozenset(request.scopes or ()) - {"offline_access"}
    known = most.keys() | (subject.missing if target.pk == subject.audience_id else frozenset())
    if not asked <= known:
        raise OAuthRefusal("invalid_scope", f"More was asked for than there is to pass on: {' '.join(sorted(most))}")
    found = {name: scope for name, scope in most.items() if not asked or name in asked}
    if may is not None:
        beyond = {name for name, scope in found.items() if scope.id not in may}
        if asked & beyond or (beyond and beyond == found.keys()):
            at = page_address("agent-scopes", request.client.agent_id)
            raise OAuthRefusal("invalid_scope", f"This agent may not ask for that. Its owner can add it at {at}")
        found = {name: scope for name, scope in found.items() if name not in beyond}
    if not found:
        raise OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.")
    return found


def in_detail(
    form: Form, wanted: dict[str, HeldScope], subject: Worth, target: Audience
) -> tuple[dict[str, HeldScope], list[dict[str, Any]], bool]:
    """Return the scopes, for what they are passed on (RFC 9396 §6), and whether that is kept with the token."""
    text = str(form.get("authorization_details", ""))
    held = [each for scope in wanted.values() for each in scope.details]
    if not held and not text:
        return wanted, [], False
    if (had := had_at(target, subject)) is not None:
        held = still_granted(had.details, held)
    chosen = narrow_to(text, held)
    details = held if chosen is None else chosen
    types = {each["type"] for each in details}
    kept = {
        name: scope
        for name, scope in wanted.items()
        if not scope.details or any(each["type"] in types for each in scope.details)
    }
    if not kept:
        raise OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.")
    return kept, details, True
