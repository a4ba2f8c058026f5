"""What takes a stronger or fresher sign-in than the rest: how it is demanded, and how it is checked (RFC 9470).

A scope says what an agent may do. It does not say that its human is still there: some operations take that they proved
who they are a short while ago, or by a passkey. The challenge names what is missing (§3); the client sends its person
to the authorization endpoint with just that (§4), and comes back with a token that says it (§6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from records_api.caller import Caller


@dataclass(frozen=True)
class Demand:
    """What one operation takes. acr_values: each that is strong enough; none: any. max_age: seconds; None: any time."""

    acr_values: tuple[str, ...] = ()
    max_age: int | None = None

    def is_met_by(self, caller: Caller, *, now: float) -> bool:
        """Whether the person behind this token signed in so. What a token does not say counts as not done."""
        strong = not self.acr_values or caller.acr in self.acr_values
        fresh = self.max_age is None or (caller.auth_time is not None and now - caller.auth_time <= self.max_age)
        return strong and fresh
