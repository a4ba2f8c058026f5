"""The validator that oauthlib's grants ask, in the order in which they ask it.

It extends the toolkit's validator by its hooks; what each grant means stands in a file of its own:
``authorization_code.py``, ``refresh_token.py``, ``client_credentials.py``, ``polling.py``,
``token_exchange.py``.

Replaced (``tests/oauth/test_library_seams.py`` pins what was replaced): client authentication, because secrets are
credentials of their own; codes, because they are stored as digests and kept after use; refresh, because two uses at
once must leave at most one live successor; saving, because token, event and penalty belong into one transaction.
"""

from __future__ import annotations

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request

from agents.last_use import note_use_if_possible
from agents.models import GrantType
from consent.oauth import authorization_code, client_credentials, id_jag, polling, refresh_token, token_exchange
from consent.oauth.client_authentication import prove_client, require_usable
from consent.oauth.dpop import binding_of
from consent.oauth.errors import OAuthRefusal


class MandateValidator(OAuth2Validator):
    """Each hook proves or refuses one thing. Refusals are raised with a description that helps."""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Always: a public client is one whose registered method is ``none``, which is checked there too."""
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        alone = request.grant_type == "client_credentials"
        along = client_credentials.asked_next(request.facts.now) if alone else None
        client = prove_client(request.headers.get("Authorization", ""), request.form, request.facts, along=along)
        request.client, request.client_id = client, client.client_id
        require_usable(client)
        request.binding = binding_of(request.dpop, "/oauth/token", client, now=request.facts.now)
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        if not client.allows_grant_type(grant_type) or (grant_type == "client_credentials" and client.is_public):
            raise OAuthRefusal("unauthorized_client", f"This client is not registered for {grant_type}.")
        return True

    # authorization_code: RFC 6749 §4.1.3

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        request.code_row = authorization_code.find(code, client=client, facts=request.facts)
        request.scopes = []
        return True

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.code_row.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.code_row.code_challenge_method or None

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> str:
        """OAuth 2.1 §10.2: the token request need not repeat the redirect URI; PKCE binds the code."""
        return str(request.code_row.redirect_uri)

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, *args: Any, **kwargs: Any
    ) -> bool:
        request: Request = args[0] if args else kwargs["request"]
        return bool(request.code_row.redirect_uri == redirect_uri)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Nothing is left to do: ``save_token`` used the code in the transaction that wrote the token."""

    # refresh_token: RFC 6749 §6

    def validate_refresh_token(
        self, refresh_token_value: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        request.refresh_row = refresh_token.find(refresh_token_value, client=client, facts=request.facts)
        return True

    def get_original_scopes(self, refresh_token_value: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """The names first requested: one that was never requested is ``invalid_scope``, one taken away is left out."""
        requested = request.refresh_row.family.requested
        return sorted({name for _, name in requested} | refresh_token.passed_over(requested))

    # client_credentials: RFC 6749 §4.4

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        request.mandate = client_credentials.find(client, scopes=scopes, form=request.form, facts=request.facts)
        return True

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return []

    # all of them: the token, its event and the answer, in one transaction

    def save_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        redeem = {
            "authorization_code": authorization_code.redeem,
            "refresh_token": refresh_token.redeem,
            "client_credentials": client_credentials.redeem,
            GrantType.CIBA.value: polling.redeem,
            GrantType.DEVICE.value: polling.redeem,
            GrantType.EXCHANGE.value: token_exchange.redeem,
            id_jag.GRANT_TYPE: id_jag.redeem,
        }[request.grant_type]
        request.answer = redeem(request)
        client = request.client
        agent_id = getattr(request, "agent_id", None) or client.agent_id  # a personal agent's client has none itself
        note_use_if_possible([agent_id, client.pk, client.credential_id, request.consent_id], request.facts.now)
