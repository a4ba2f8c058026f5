"""The groups by which people filter the trail: each kind of event stands in exactly one."""

from __future__ import annotations

from enum import StrEnum

from agents.trail.kinds import Kind


class Group(StrEnum):
    """A family of event kinds, as the filter of the trail page offers it."""

    TOKENS = "tokens"
    RECEIPTS = "receipts"
    CONSENTS = "consents"
    AGENTS = "agents"
    RESOURCES = "resources"
    PEOPLE = "people"
    INSTALLATION = "installation"


_PREFIXES: dict[str, Group] = {
    "code": Group.TOKENS,
    "token": Group.TOKENS,
    "refresh": Group.TOKENS,
    "introspection": Group.TOKENS,
    "revocation": Group.TOKENS,
    "receipt": Group.RECEIPTS,
    "consent": Group.CONSENTS,
    "authorization": Group.CONSENTS,
    "request": Group.CONSENTS,
    "agent": Group.AGENTS,
    "client": Group.AGENTS,
    "credential": Group.AGENTS,
    "registration_token": Group.AGENTS,
    "adoption_rule": Group.AGENTS,
    "resource": Group.RESOURCES,
    "scope": Group.RESOURCES,
    "detail_type": Group.RESOURCES,
    "signal_stream": Group.RESOURCES,
    "signal": Group.RESOURCES,
    "person": Group.PEOPLE,
    "link": Group.PEOPLE,
    "page": Group.PEOPLE,
}


def group_of(kind: Kind) -> Group:
    """Return the group of a kind, by the first word of its name. What is about nobody in particular is the installation's."""
    return _PREFIXES.get(kind.value.split(".")[0], Group.INSTALLATION)


def kinds_of(group: str) -> tuple[str, ...]:
    """Return the kinds of a group, or the one kind of that name, or nothing."""
    if group in Kind._value2member_map_:
        return (group,)
    return tuple(kind.value for kind in Kind if group_of(kind) == group)
