"""One token request as oauthlib's grants read it, made from a form that was read already.

oauthlib's own ``Request`` takes an address, headers and a body apart again, and looks there for doubled parameters. Here
each stands once (``parameters.py`` refuses a doubled one) and only those that the grants read are handed on.
"""

from __future__ import annotations

from typing import Any

from oauthlib.common import Request

from consent.oauth.dpop import NOT_BOUND
from consent.oauth.endpoint import Asked

READ = (
    "grant_type", "client_id", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "auth_req_id",
    "device_code",
)  # fmt: skip
"""What the grants read. Nothing else is handed on: oauthlib's request shows every parameter as an attribute, so that a
parameter named ``client`` would pass for the client that was proven. One without a value counts as not sent (§3.2)."""
_NOTHING: dict[str, Any] = vars(Request("/oauth/token", "POST"))["_params"]
"""What may be asked of a request that holds nothing."""


class TokenRequest(Request):
    """What oauthlib's ``Request`` tells, without reading anything twice."""

    duplicate_params: list[str] = []
    uri = "/oauth/token"
    http_method = "POST"

    def __init__(self, asked: Asked) -> None:
        form = asked.form
        self._params = {**_NOTHING, **{name: form[name] for name in READ if form.get(name)}}
        self.headers = {"Authorization": asked.authorization}
        self.body = self.decoded_body = None
        self.oauth_params: list[str] = []
        self.validator_log: dict[str, Any] = {}
        self.form = form
        self.facts = asked.facts
        self.dpop = asked.dpop
        self.binding = NOT_BOUND
        self.answer: dict[str, Any] = {}
        """What the client is told, once the token and its event are written."""
