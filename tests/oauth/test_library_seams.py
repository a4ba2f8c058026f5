"""What of django-oauth-toolkit and oauthlib is replaced: each method as it was when that was decided (style.md, 10).

When one of these fails, an upgrade has changed a method that ours stands in for. Read the change, ask whether ours still
does what it must, and only then write the new digest.
"""

from __future__ import annotations

import hashlib
import inspect

import pytest
from oauth2_provider.models import AbstractApplication
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749.endpoints import TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant

from agents.models import Client
from consent.oauth.server import CodeGrant, MandateServer
from consent.oauth.validator import MandateValidator

REPLACED: dict[object, str] = {
    OAuth2Validator.client_authentication_required: "022eae2ed782",
    OAuth2Validator.authenticate_client: "d9989c4987b9",
    OAuth2Validator.validate_grant_type: "16cf9106537f",
    OAuth2Validator.validate_code: "7c0d04cfdf75",
    OAuth2Validator.is_pkce_required: "ff7b2c400a6f",
    OAuth2Validator.get_code_challenge: "1dfc26e1ae3c",
    OAuth2Validator.get_code_challenge_method: "a7b09d76e43c",
    OAuth2Validator.get_default_redirect_uri: "337c3c819574",
    OAuth2Validator.confirm_redirect_uri: "96af690d4001",
    OAuth2Validator.invalidate_authorization_code: "71143192a5cd",
    OAuth2Validator.validate_refresh_token: "50e7ceb3ce23",
    OAuth2Validator.get_original_scopes: "628b41eea1be",
    OAuth2Validator.validate_scopes: "7d81caeec372",
    OAuth2Validator.get_default_scopes: "93ae785c9e4f",
    OAuth2Validator.save_token: "b58a36c21fb6",
    TokenEndpoint.__init__: "9521dfe247e2",
    AuthorizationCodeGrant.validate_token_request: "ccdae4595c96",
    AbstractApplication.allows_grant_type: "af80d718d8fb",
    AbstractApplication.is_usable: "9ef8e7eb2a9f",
    AbstractApplication.redirect_uri_allowed: "5ddcb28e41ad",
}
RELIED_ON: dict[object, str] = {
    AuthorizationCodeGrant.create_token_response: "c30a8172a7f2",
    AuthorizationCodeGrant.validate_token_request: "ccdae4595c96",
    RefreshTokenGrant.create_token_response: "2988eefb5e14",
    RefreshTokenGrant.validate_token_request: "1c1e9d95c80e",
    ClientCredentialsGrant.create_token_response: "881575580650",
    ClientCredentialsGrant.validate_token_request: "534497ada05c",
}


def digest(method: object) -> str:
    """Twelve digits of the digest of a method's source."""
    return hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:12]


@pytest.mark.parametrize(("method", "seen"), REPLACED.items(), ids=lambda value: getattr(value, "__qualname__", value))
def test_what_we_replaced_has_not_changed(method, seen):
    assert digest(method) == seen


@pytest.mark.parametrize(("method", "seen"), RELIED_ON.items(), ids=lambda value: getattr(value, "__qualname__", value))
def test_what_asks_our_hooks_has_not_changed(method, seen):
    assert digest(method) == seen


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MandateValidator, OAuth2Validator),
        (MandateServer, TokenEndpoint),
        (CodeGrant, AuthorizationCodeGrant),
        (Client, AbstractApplication),
    ],
)
def test_every_method_that_we_replace_stands_in_the_list(ours, theirs):
    replaced = {
        name
        for name, value in vars(ours).items()
        if inspect.isfunction(value) and inspect.isfunction(getattr(theirs, name, None))
    }
    assert replaced <= {method.__name__ for method in REPLACED}, "add it with its digest"
