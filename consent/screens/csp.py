"""The one directive that pages inside an authorization flow go without (decisions.md, People and pages).

Chromium applies ``form-action`` to the whole way that a form leads to, and so to the client's address at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from csp.decorators import csp_replace

View = TypeVar("View", bound=Callable[..., object])


def without_form_action(view: View) -> View:
    """Serve this view without ``form-action``; every other directive stays. For pages inside an authorization flow."""
    # The decorator says that it takes views of a request alone; it hands on whatever else comes from the address.
    return cast("View", csp_replace({"form-action": None})(cast("Any", view)))
