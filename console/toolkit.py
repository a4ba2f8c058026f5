"""How django-oauth-toolkit is set up: our own classes in its places, and its stricter choices (RFC 9700) all on."""

from __future__ import annotations

from typing import Any


def toolkit_settings(issuer: str) -> dict[str, Any]:
    """Return ``OAUTH2_PROVIDER``. What a client or resource decides is a row; these hold for the whole installation."""
    return {
        "OAUTH2_SERVER_CLASS": "consent.oauth.server.MandateServer",
        "OAUTH2_VALIDATOR_CLASS": "consent.oauth.validator.MandateValidator",
        "OIDC_ISS_ENDPOINT": issuer,
        "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 300,
        "PKCE_REQUIRED": True,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
        "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
        "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
        "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
        "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
        "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
        "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    }
