"""The short way to the endpoints that machines call: no session, no language, no CSRF cookie, no page.

Token, introspection and revocation authenticate by themselves and never look at a cookie, so what the other middleware
does for pages would only be work (about a third of a token request) and one more thing to reason about. They stay in
``consent/oauth/urls.py`` like every other address; this only answers them earlier.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from consent.oauth.ciba import bc_authorize
from consent.oauth.device import device_authorization
from consent.oauth.introspection import introspect
from consent.oauth.revocation import revoke_token
from consent.oauth.token import token

ENDPOINTS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/oauth/token": token,
    "/oauth/bc-authorize": bc_authorize,
    "/oauth/device_authorization": device_authorization,
    "/oauth/introspect": introspect,
    "/oauth/revoke": revoke_token,
}


class MachineEndpointsMiddleware:
    """Answer these addresses before any middleware for pages. A test holds the list against the URL configuration."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        endpoint = ENDPOINTS.get(request.path_info)
        if endpoint is None:
            return self.get_response(request)
        request.get_host()  # an unknown host is refused here too
        response = endpoint(request)
        response["Content-Length"] = str(len(response.content))  # what CommonMiddleware does for pages
        return response
