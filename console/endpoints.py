"""The short way to the addresses that machines call: no session, no language, no CSRF cookie, no page.

Token, introspection and revocation authenticate by themselves and never look at a cookie, so what the other middleware
does for pages would only be work (about a third of a token request) and one more thing to reason about. They stay in
``consent/oauth/urls.py`` like every other address; this only answers them earlier.

Health is asked from inside, past the proxy, under whatever host name or address the watching program knows. So it is
answered before anybody looks at the host: the answer names none and holds nothing that a stranger could use.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from consent.oauth.ciba import bc_authorize
from consent.oauth.device import device_authorization
from consent.oauth.introspection import introspect
from consent.oauth.par import par
from consent.oauth.registration import register
from consent.oauth.revocation import revoke_token
from consent.oauth.token import token
from console.pages.health import alive, ready

ENDPOINTS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/oauth/token": token,
    "/oauth/par": par,
    "/oauth/bc-authorize": bc_authorize,
    "/oauth/device_authorization": device_authorization,
    "/oauth/introspect": introspect,
    "/oauth/revoke": revoke_token,
    "/oauth/register": register,
}
HEALTH: dict[str, Callable[..., HttpResponse]] = {"/healthz": alive, "/readyz": ready}


class MachineEndpointsMiddleware:
    """Answer these addresses before any middleware for pages. A test holds the list against the URL configuration."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if health := HEALTH.get(request.path_info):
            return _measured(health(request))
        endpoint = ENDPOINTS.get(request.path_info)
        if endpoint is None:
            return self.get_response(request)
        request.get_host()  # an unknown host is refused here too
        return _measured(endpoint(request))


def _measured(response: HttpResponse) -> HttpResponse:
    response["Content-Length"] = str(len(response.content))  # what CommonMiddleware does for pages
    return response
