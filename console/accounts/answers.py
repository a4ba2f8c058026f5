"""How sign-in answers: with 303, so that no browser ever sends a password on to where it is led (RFC 9700 §4.12)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http.response import HttpResponseBase, HttpResponseRedirectBase


def see_other(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Make each redirect of this view that answers a POST a 303. allauth answers with 302, which leaves the choice open."""

    @wraps(view)
    def answered(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if request.method == "POST" and isinstance(response, HttpResponseRedirectBase):
            response.status_code = 303
        return response

    return answered
