"""The one exception of the content security policy: pages from which a form leads out of Mandate.

Chromium applies ``form-action`` to the whole chain of redirects that a form starts. On the way through sign-in and
consent that chain ends at the client, and ``form-action 'self'`` would kill the button (decisions.md, People and pages).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from csp.decorators import csp_replace

View = TypeVar("View", bound=Callable[..., object])


def without_form_action(view: View) -> View:
    """Serve this view without ``form-action``; every other directive stays. For pages inside an authorization flow."""
    decorated: View = csp_replace({"form-action": None})(view)
    return decorated
