"""The addresses of the OAuth endpoints. The namespace is the toolkit's, whose views look names up in it."""

from __future__ import annotations

from django.urls import include, path

from consent.oauth.ciba import bc_authorize
from consent.oauth.device import device_authorization
from consent.oauth.introspection import introspect
from consent.oauth.metadata import api_document, server_document
from consent.oauth.par import par
from consent.oauth.registration import register
from consent.oauth.registration_management import manage
from consent.oauth.revocation import revoke_token
from consent.oauth.signing_keys import jwks
from consent.oauth.token import token
from consent.screens.authorize import authorize

endpoints = [
    path("authorize", authorize, name="authorize"),
    path("par", par, name="par"),
    path("token", token, name="token"),
    path("bc-authorize", bc_authorize, name="bc-authorize"),
    path("device_authorization", device_authorization, name="device-authorization"),
    path("introspect", introspect, name="introspect"),
    path("revoke", revoke_token, name="revoke-token"),
    path("register", register, name="register"),
]

urlpatterns = [
    path("oauth/register/<str:client_id>", manage, name="registration-management"),
    path("oauth/", include((endpoints, "oauth2_provider"))),
    path(".well-known/oauth-authorization-server", server_document, name="server-metadata"),
    path(".well-known/openid-configuration", server_document, name="openid-metadata"),
    path(".well-known/oauth-protected-resource", api_document, name="api-metadata"),
    path(".well-known/oauth-protected-resource/api/v1", api_document, name="api-metadata-at-path"),
    path(".well-known/jwks.json", jwks, name="jwks"),
]
