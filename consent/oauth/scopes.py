"""The scopes that exist, for the toolkit's metadata. What a client may ask for is ``AgentScope``."""

from __future__ import annotations

from typing import Any

from oauth2_provider.scopes import BaseScopes

from agents.models import Scope


class RegisteredScopes(BaseScopes):
    """Scopes of all live resources by name. Two resources may both offer ``read``: the name appears once."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope.name: scope.name for scope in Scope.objects.live()}

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return sorted(set(Scope.objects.live().values_list("name", flat=True)))

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        return []
