"""The language of each page: what the person chose, what this browser chose, what it asks for, English. And of machines: English."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from agents.languages import languages

FOR_MACHINES = ("/api/", "/oauth/", "/.well-known/")
"""What programs read is English, whatever a browser in between asks for: it ends up in logs and in searches."""
FOR_PEOPLE = ("/oauth/authorize",)
YEAR = 365 * 24 * 60 * 60


class LanguageMiddleware:
    """Speak one language for the length of one request.

    Django's own middleware leaves the language behind in the thread, where the next request for a token would find it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        machines = request.path_info.startswith(FOR_MACHINES) and not request.path_info.startswith(FOR_PEOPLE)
        language = settings.LANGUAGE_CODE if machines else language_for(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            if not machines:
                patch_vary_headers(response, ("Accept-Language",))
                response.headers.setdefault("Content-Language", translation.get_language() or language)
        return response


def language_for(request: HttpRequest) -> str:
    """Return the language of a page: the person's choice first, then this browser's cookie and what it asks for."""
    chosen = request.user.language if request.user.is_authenticated else ""
    return chosen if chosen in languages() else translation.get_language_from_request(request)


def remember(response: HttpResponse, language: str) -> HttpResponse:
    """Keep the choice in this browser, for pages before a sign-in. Empty forgets it."""
    if not language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
        return response
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
