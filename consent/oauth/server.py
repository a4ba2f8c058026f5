"""The oauthlib server of the token endpoint: six grants, one token handler, one list that shows the order.

Why not ``oauthlib.oauth2.Server`` as it stands: it also offers implicit and password, which RFC 9700 §2.1.2 and §2.4
forbid, and it makes the token before the row. Here the validator makes both in one transaction and fills the answer in.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.endpoints import TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from oauthlib.oauth2.rfc6749.tokens import TokenBase
from oauthlib.oauth2.rfc6749.utils import scope_to_list

from agents.models import GrantType
from consent.models import Consent
from consent.oauth import id_jag, polling
from consent.oauth.dpop import Binding
from consent.oauth.endpoint import Asked
from consent.oauth.errors import OAuthRefusal, from_oauthlib, invalid_request
from consent.oauth.identity_assertion import read_assertion
from consent.oauth.own_grant import OwnGrant
from consent.oauth.token_exchange import read_subject
from consent.oauth.token_request import TokenRequest
from consent.oauth.validator import MandateValidator
from consent.oauth.way_on import way_on

GRANTS = (
    "authorization_code", "refresh_token", "client_credentials", GrantType.CIBA.value, GrantType.DEVICE.value,
    GrantType.EXCHANGE.value, id_jag.GRANT_TYPE,
)  # fmt: skip


class TokenAnswer(TokenBase):
    """The empty answer that ``MandateValidator.save_token`` fills, in the transaction that writes the token."""

    def create_token(self, request: Request, refresh_token: bool = False, **kwargs: Any) -> dict[str, Any]:
        request.may_refresh = refresh_token
        return {}


class CodeGrant(AuthorizationCodeGrant):
    """oauthlib's grant; a missing verifier is ``invalid_grant`` like a wrong one (RFC 7636 §4.6)."""

    def validate_token_request(self, request: Request) -> None:
        try:
            super().validate_token_request(request)
        except (errors.MissingCodeVerifierError, errors.MismatchingRedirectURIError) as problem:
            raise errors.InvalidGrantError(description=problem.description, request=request) from problem


class MandateServer(TokenEndpoint):
    """Grants by name. Whoever asks for another one hears which there are."""

    def __init__(self, request_validator: MandateValidator, **_: Any) -> None:
        grants = {
            "authorization_code": CodeGrant(request_validator),
            "refresh_token": RefreshTokenGrant(request_validator),
            "client_credentials": ClientCredentialsGrant(request_validator),
            GrantType.CIBA.value: OwnGrant(request_validator, "polled", polling.find),
            GrantType.DEVICE.value: OwnGrant(request_validator, "polled", polling.find),
            GrantType.EXCHANGE.value: OwnGrant(request_validator, "subject", read_subject),
            id_jag.GRANT_TYPE: OwnGrant(request_validator, "asserted", read_assertion, registered=False),
        }
        super().__init__(default_grant_type="", default_token_type=TokenAnswer(), grant_types=grants)

    def token(self, asked: Asked) -> tuple[dict[str, Any], Binding]:
        """Return the answer to one token request, and the key that the request proved. Raises OAuthRefusal.

        The order: grant type known → client proven → its key proven → grant allowed to it → grant itself → token and event.
        """
        form = asked.form
        grant_type = form.get("grant_type")
        if not grant_type:
            raise invalid_request("The grant_type is missing.")
        grant = self.grant_types.get(grant_type)
        if grant is None:
            raise OAuthRefusal("unsupported_grant_type", f"Supported are {', '.join(GRANTS)}.")
        request = TokenRequest(asked)
        request.scopes = scope_to_list(request.scope)
        try:
            _, body, status = grant.create_token_response(request, self.default_token_type)
        except errors.OAuth2Error as problem:
            raise _with_what_is_known(from_oauthlib(problem), request) from problem
        except OAuthRefusal as refusal:
            raise _with_what_is_known(refusal, request) from None
        if status != 200:
            told = json.loads(body)
            answered = OAuthRefusal(told["error"], told.get("error_description", ""), status=status)
            raise _with_what_is_known(answered, request)
        return request.answer, request.binding


def _with_what_is_known(refusal: OAuthRefusal, request: Request) -> OAuthRefusal:
    """Say whose request it was and under which consent, as far as that was proven, and who can lift the refusal."""
    client = request.client
    if client is None:
        return refusal
    if refusal.client_id is None:
        refusal.client_id, refusal.agent_id = client.pk, client.agent_id
    if refusal.consent is None:
        refusal.consent = _consent_of(request)
    further = way_on(
        refusal.code,
        client=client,
        grant_type=request.grant_type,
        consent=refusal.consent,
        now=request.facts.now,
    )
    refusal.description = f"{refusal.description} {further}".rstrip()
    return refusal


def _consent_of(request: Request) -> Consent | None:
    """Return the consent behind what the client presented, once that was found to be its own."""
    code, refresh = getattr(request, "code_row", None), getattr(request, "refresh_row", None)
    polled = getattr(request, "polled", None)
    if code is not None:
        return code.consent
    if refresh is not None:
        return refresh.family.consent
    return Consent.objects.get(pk=polled.consent_id) if polled is not None else None


@lru_cache(maxsize=1)
def server() -> MandateServer:
    """Return the one server of this process. It keeps nothing between requests."""
    return MandateServer(MandateValidator())
