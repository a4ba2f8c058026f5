"""The authorization response: code or error, on the way back to a proven address (RFC 6749 §4.1.2, §4.1.2.1; RFC 9207).

§4.1.2 code, state              answer              RFC 9207 §2 ``iss`` in every answer, errors too     answer
§4.1.2.1 error                  error_answer        RFC 9700 §4.12 303, never 307                       BackToClient
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponseRedirect

from agents.redirects import host_of
from consent.oauth.authorization_reading import AuthorizationRefused


class BackToClient(HttpResponseRedirect):
    """The way back to the client. 303: a browser that posted a decision must not post it on (RFC 9700 §4.12)."""

    status_code = 303
    allowed_schemes = ["http", "https"]


def answer(redirect_uri: str, *, state: str, **parameters: str) -> BackToClient:
    """Return the redirect of an authorization response: ``parameters``, ``iss``, and ``state`` once if one was sent.

    redirect_uri: one that was proven for this client. RFC 6749 §4.1.2, RFC 9207 §2.
    """
    query = dict(parameters)
    if state:
        query["state"] = state
    query["iss"] = settings.ISSUER
    joint = "&" if "?" in redirect_uri else "?"
    response = BackToClient(f"{redirect_uri}{joint}{urlencode(query)}")
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response


def error_answer(refusal: AuthorizationRefused) -> BackToClient:
    """Return the redirect that tells the client of a refusal (RFC 6749 §4.1.2.1)."""
    return answer(refusal.redirect_uri, state=refusal.state, error=refusal.code, error_description=refusal.description)


def host_to_tell(uri: str) -> str:
    """Return the host of an address for an event: nothing of a user name or path that somebody put into it."""
    return host_of(uri).rpartition("@")[2][:255]
