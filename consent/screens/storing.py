"""Answers that nothing may keep: they hold a form, a decision or a code (security.md S9)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

View = Callable[..., HttpResponse]


def never_stored(view: View) -> View:
    """Let no cache keep the answer, and no other host learn its address.

    ``same-origin`` and not ``no-referrer`` for a page with a form: with the latter browsers send ``Origin: null``, which
    the check against forged requests refuses. Neither tells another host anything. Answers with a code set their own.
    """

    @wraps(view)
    def stored_nowhere(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    return stored_nowhere
