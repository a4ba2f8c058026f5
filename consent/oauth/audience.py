"""Which resource a token is for (RFC 8707): exactly one, named byte for byte.

§2 the ``resource`` parameter     asked_resource       §2.2 one of the consent's resources     choose
Errors: invalid_target.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents.database.compiled import Compiled
from agents.models import Resource
from consent.mail import tell_of_first_sensitive_use
from consent.models import Consent, ConsentScope
from consent.oauth.access_token import Audience, IssuedToken, Standing
from consent.oauth.authorization_details import granted_under, narrow_to
from consent.oauth.errors import OAuthRefusal
from consent.oauth.parameters import Form
from consent.telling_who import OPENID


def asked_resource(form: Form) -> str:
    """Return the one resource that a token request names, or an empty string. Raises OAuthRefusal for several."""
    asked = form.getlist("resource")
    if len(set(asked)) > 1:
        raise OAuthRefusal("invalid_target", "A token is for one resource. Ask for each with a request of its own.")
    return asked[0] if asked else ""


def choose(asked: str, resources: Iterable[Resource]) -> Resource:
    """Return the resource for this token among those of the consent. Raises OAuthRefusal invalid_target."""
    offered = list(resources)
    if asked:
        chosen = next((resource for resource in offered if resource.uri == asked), None)
        if chosen is None:
            raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
        return chosen
    if len(offered) != 1:
        known = " ".join(sorted(resource.uri for resource in offered))
        raise OAuthRefusal("invalid_target", f"Name one resource of the consent: {known}")
    return offered[0]


def audience_of(resource: Resource) -> Audience:
    return Audience(resource.pk, resource.uri, resource.is_offline, resource.token_life, resource.require_dpop)


def standing_of(consent: Consent) -> Standing:
    return Standing(
        consent.pk,
        consent.agent_id,
        consent.user_id,
        consent.ends_at,
        consent.purpose_digest,
        consent.acr,
        consent.auth_time,
        passing=consent.passes,
    )


def _held(consent_id: UUID, now: datetime) -> QuerySet[ConsentScope]:
    return ConsentScope.objects.held(now).filter(consent=consent_id).select_related("scope__resource")


HELD = Compiled(_held)


def held_rows(consent: Consent, requested: Iterable[Sequence[str]], now: datetime) -> list[ConsentScope]:
    """Return what the consent holds now of what the client asked for, with scope and resource, in one query.

    requested: pairs (resource id, scope name). A consent that was not shown again may hold more than this time was
    asked for; a token never gets more than that.
    """
    asked = {tuple(pair) for pair in requested}
    rows = HELD.all(consent.pk, now)
    return [row for row in rows if (str(row.scope.resource_id), row.scope.name) in asked]


@dataclass(frozen=True, slots=True)
class InDetail:
    """What a token is for at its resource: the rows that it holds, and their details as ``issue`` takes them."""

    rows: list[ConsentScope]
    details: list[dict[str, Any]]
    narrowed: bool


def in_detail(form: Form, rows: list[ConsentScope]) -> InDetail:
    """Return the rows with what they are held for, or with what of it was asked for (RFC 9396 §6). Raises OAuthRefusal.

    A scope that is held in detail is left out where nothing of it was asked for: without its details it would be all.
    """
    held = granted_under(rows)
    chosen = narrow_to(str(form.get("authorization_details", "")), held)
    if chosen is None:
        return InDetail(rows, held, narrowed=False)
    types = {each["type"] for each in chosen}
    kept = [row for row in rows if not row.details or any(each["type"] in types for each in row.details)]
    return InDetail(kept, chosen, narrowed=True)


def tell_of_use(consent: Consent, rows: Iterable[ConsentScope], *, now: datetime) -> None:
    """Tell the person by mail where this is the first token for a sensitive scope under their consent."""
    if consent.sensitive_use_told_at is None and any(row.scope.is_sensitive for row in rows):
        tell_of_first_sensitive_use(consent.pk, now=now)


def answer(issued: IssuedToken, refresh: str | None = None, id_token: str = "") -> dict[str, Any]:
    """Return the body of RFC 6749 §5.1. ``scope`` always says what the token holds, and ``openid`` with an ID token."""
    body: dict[str, Any] = {
        "access_token": issued.value,
        "token_type": "DPoP" if issued.is_bound else "Bearer",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    }
    if id_token:
        body |= {"scope": f"{OPENID} {issued.scope}", "id_token": id_token}
    if issued.details:
        body["authorization_details"] = issued.details
    if refresh is not None:
        body["refresh_token"] = refresh
    return body
