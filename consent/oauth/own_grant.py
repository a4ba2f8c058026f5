"""oauthlib's frame around the grants that it does not know: asking out of band, device codes, exchange, ID-JAG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase


class OwnGrant(GrantTypeBase):
    """The validator proves the client, ``read`` returns what it presents, and ``redeem`` of the grant's file does the rest.

    presents: under which name the request keeps it. registered: whether the client must be registered for the grant;
    where not, ``read`` says who may use it.
    """

    def __init__(
        self, request_validator: Any, presents: str, read: Callable[[Request], object], *, registered: bool = True
    ) -> None:
        super().__init__(request_validator)
        self.presents, self.read, self.registered = presents, read, registered

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        """Write the token and its event; what the client is told stands in ``request.answer``. Raises OAuthRefusal."""
        validator = self.request_validator
        validator.authenticate_client(request)
        if self.registered:
            validator.validate_grant_type(request.client_id, request.grant_type, request.client, request)
        setattr(request, self.presents, self.read(request))
        validator.save_token(token_handler.create_token(request), request)
        return {}, "", 200
