"""Rich authorization requests (RFC 9396): ``authorization_details`` as clients send them, and as tokens hold them.

§2 a JSON array of objects with ``type``     elements        §5 unknown type, other members, wrong values     read
§2.2 ``locations``                           _at_resource    §6 at the token endpoint: no more than granted   narrow_to
§7, §9 what was granted                      granted_under   Errors: invalid_authorization_details
Left out: details without a scope. A type belongs to a scope, and asking for a detail asks for that scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from agents.details.detail import Detail, as_granted
from agents.details.narrowing import is_within
from agents.details.schema import problem_with
from agents.details.strict_json import NotStrict, strictly
from agents.models import DetailVersion
from consent.errors import TokenRefused
from consent.models import ConsentScope
from consent.oauth.errors import OAuthRefusal

CODE = "invalid_authorization_details"
LONGEST = 10_000
MOST = 20
DEEPEST = 8
Asked = dict[uuid.UUID, tuple[Detail, ...]]
"""Details by the id of their scope."""


class BadDetails(TokenRefused):
    """What was sent is not what the types allow. of_type: the description says something of what an agent may ask for."""

    def __init__(self, description: str, *, of_type: bool = False) -> None:
        super().__init__(CODE, description)
        self.of_type = of_type


def elements(text: str) -> list[dict[str, Any]]:
    """Return the objects of this JSON array. Raises BadDetails. Empty text: none."""
    if not text:
        return []
    if len(text) > LONGEST:
        raise BadDetails(f"authorization_details may have {LONGEST} characters.")
    try:
        sent = strictly(text, deepest=DEEPEST)
    except NotStrict as problem:
        raise BadDetails(f"authorization_details cannot be taken: {problem}.") from problem
    if not isinstance(sent, list) or not sent or not all(isinstance(each, dict) for each in sent):
        raise BadDetails("authorization_details must be a JSON array of objects.")
    if len(sent) > MOST:
        raise BadDetails(f"authorization_details may hold {MOST} objects.")
    return sent


def read(text: str, offered: Mapping[uuid.UUID, DetailVersion]) -> Asked:
    """Return what is asked for, by scope, in the types that the agent may ask for (by scope). Raises BadDetails."""
    sent = elements(text)
    by_name = {version.type.name: version for version in offered.values()}
    found: dict[uuid.UUID, list[Detail]] = {}
    for each in sent:
        version = by_name.get(each["type"]) if isinstance(each.get("type"), str) else None
        if version is None:
            known = " ".join(sorted(by_name)) or "none"
            raise BadDetails(f"A type is unknown here. This agent may ask for: {known}", of_type=True)
        detail = Detail(version, _checked(each, version))
        mine = found.setdefault(version.type.scope_id, [])
        if detail not in mine:
            mine.append(detail)
    return {scope_id: tuple(details) for scope_id, details in found.items()}


def _checked(each: dict[str, Any], version: DetailVersion) -> dict[str, Any]:
    value = _members(each)
    uri = version.type.scope.resource.uri
    if each.get("locations", [uri]) != [uri]:
        raise BadDetails(f"{version.type.name} is for {uri} and no other location.", of_type=True)
    if problem := problem_with(value, version.schema):
        raise BadDetails(f"{version.type.name}: {problem}", of_type=True)
    return value


def _members(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a detail says by itself: without what the specification defines for every type (§2, §2.2)."""
    return {name: inner for name, inner in each.items() if name not in {"type", "locations"}}


# ------------------------------------------------------------------------------------------------ at the token endpoint


def granted_under(rows: Iterable[ConsentScope]) -> list[dict[str, Any]]:
    """Return the details that these scopes of a consent are held for, as the consent keeps them."""
    return [kept for row in rows for kept in row.details]


def narrow_to(text: str, held: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return what a token request asks for of what is held (§6), as kept; None where it asks for all of it.

    Each of them takes one that was granted: two transfers of what one was granted for are more than was granted.
    Raises OAuthRefusal invalid_authorization_details for more than was granted, and for what its type does not allow.
    """
    try:
        sent = elements(text)
    except BadDetails as problem:
        raise OAuthRefusal(problem.code, problem.description) from problem
    if not sent:
        return None
    versions = {
        str(version.pk): version
        for version in DetailVersion.objects.filter(pk__in={kept["version"] for kept in held}).select_related(
            "type__scope__resource"
        )
    }
    chosen, left = [], list(held)
    for each in sent:
        within = next((kept for kept in left if _is_of(each, kept) and _fits(each, kept)), None)
        if within is None:
            raise OAuthRefusal(CODE, "That is more than was granted, or something else.")
        try:
            value = _checked(each, versions[within["version"]])
        except BadDetails as problem:
            raise OAuthRefusal(problem.code, problem.description) from problem
        left.remove(within)
        chosen.append({**within, "value": value})
    return chosen


def _is_of(each: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    return bool(each.get("type") == kept["type"])


def _fits(each: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    return is_within(_members(each), kept["value"], kept["narrowing"])


def still_granted(token: list[dict[str, Any]] | None, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a token is worth of the details now: what it was narrowed to, as far as the consent still holds it.

    Each of them takes one that is held, as in ``narrow_to``: where one of two was taken away, one is left.
    """
    if token is None:
        return held
    worth, left = [], list(held)
    for mine in token:
        within = next((kept for kept in left if _is_of(mine, kept) and _fits(mine["value"], kept)), None)
        if within is not None:
            left.remove(within)
            worth.append(mine)
    return worth


def as_answer(kept: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return details as a token response, a JWT and introspection say them."""
    return [as_granted(each) for each in kept]
