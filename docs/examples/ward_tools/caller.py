"""Who calls a tool: never a person alone, never an agent alone."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from fastmcp.server.dependencies import get_access_token

MOST_CALLERS, MOST_RECENT = 1_000, 5


@dataclass(frozen=True)
class Caller:
    """What Mandate says of the token. ``sub`` is the person acted for, or the agent itself where it acts for nobody."""

    sub: str
    agent: str
    consent: str
    scopes: frozenset[str]
    token_id: str

    @classmethod
    def of(cls, said: dict[str, Any]) -> Caller:
        """Read an introspection answer."""
        sub = str(said["sub"])
        return cls(
            sub=sub,
            agent=str((said.get("act") or {}).get("sub", sub)),
            consent=str(said["consent"]),
            scopes=frozenset(str(said.get("scope", "")).split()),
            token_id=str(said["jti"]),
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of whatever is remembered about a caller: two agents of one person must not meet in it."""
        return (self.sub, self.agent, self.consent)


def caller() -> Caller:
    """Return who calls the tool that runs now."""
    token = get_access_token()
    if token is None:  # the transport lets nobody in without one
        raise LookupError("no token")
    return Caller.of(token.claims)


class Recent:
    """The patients that each caller asked about last."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str, str], list[str]] = OrderedDict()

    def note(self, who: Caller, patient: str) -> None:
        before = [one for one in self._asked.pop(who.key, []) if one != patient]
        self._asked[who.key] = [patient, *before][:MOST_RECENT]
        if len(self._asked) > MOST_CALLERS:
            self._asked.popitem(last=False)

    def of(self, who: Caller) -> list[str]:
        return self._asked.get(who.key, [])
