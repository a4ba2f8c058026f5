"""Who calls: never a person alone, never an agent alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """What a checked token says. ``sub`` is the person acted for, or the agent itself where it acts for nobody else."""

    sub: str
    agent: str
    consent: str
    scopes: frozenset[str]
    token_id: str
    purpose: str = ""
    details: tuple[dict[str, Any], ...] = field(default=(), compare=False)
    """``authorization_details`` (RFC 9396 §9), as far as they are objects."""
    acr: str = ""
    """How strongly the person had signed in when they allowed it. Empty: not known, or there is nobody."""
    auth_time: float | None = None
    """When they had signed in, in seconds since 1970."""
    jkt: str = ""
    """Thumbprint of the key that the token is bound to (RFC 9449). Empty: whoever holds it may use it."""

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Caller:
        """Read the members of an introspection answer, or the claims of a JWT: they have the same names."""
        sub = str(claims["sub"])
        details, auth_time = claims.get("authorization_details"), claims.get("auth_time")
        return cls(
            sub=sub,
            agent=str((claims.get("act") or {}).get("sub", sub)),
            consent=str(claims["consent"]),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            token_id=str(claims["jti"]),
            purpose=str(claims.get("purpose", "")),
            details=tuple(one for one in details if isinstance(one, dict)) if isinstance(details, list) else (),
            acr=str(claims.get("acr", "")),
            auth_time=float(auth_time) if isinstance(auth_time, int | float) else None,
            jkt=str((claims.get("cnf") or {}).get("jkt", "")),
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of whatever is remembered about a caller.

        Two agents of one person must not meet in a cache, a session or a limit, and neither must two consents of one
        agent. So state is never keyed by ``sub`` alone.
        """
        return (self.sub, self.agent, self.consent)
