"""A one-time link is opened by trading its secret for a cookie: looking at it, or a preview of it, uses nothing up.

The address with the secret answers only with a redirect, so that it stands in no page, no ``Referer`` and, but for
this one step, in no history.
"""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents.links import LONGEST_TOKEN
from console.pages.parts import never_stored

COOKIE_LIFE = timedelta(hours=1)
OURS = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_TOKEN}}}\Z")
NOT_OURS = "-"
"""What is kept of an address that cannot be one of ours: not every sign can stand in a cookie."""


def cookie_name(page: str) -> str:
    """The name of the page's cookie. With TLS the prefix keeps it from ever being set or sent in clear."""
    return f"{'__Secure-' if settings.PRODUCTION else ''}mandate-{page}"


def trade_for_cookie(page: str, token: str) -> HttpResponse:
    """Answer the address that holds the secret: a cookie for the page that uses it, and on to that page."""
    response = never_stored(redirect(page))
    response["Referrer-Policy"] = "no-referrer"  # the address itself is the secret
    response.set_cookie(
        cookie_name(page),
        token if OURS.match(token) else NOT_OURS,
        max_age=COOKIE_LIFE,
        path=f"/{page}/",
        secure=settings.PRODUCTION,
        httponly=True,
        samesite="Lax",  # Strict would be left out on the way in from a mail
    )
    return response


def token_of(request: HttpRequest, page: str) -> str:
    """The secret that this browser traded in, or an empty text."""
    return request.COOKIES.get(cookie_name(page), "")


def forget_cookie(response: HttpResponse, page: str) -> HttpResponse:
    """Make the browser forget the secret."""
    response.delete_cookie(cookie_name(page), path=f"/{page}/", samesite="Lax")
    return response
