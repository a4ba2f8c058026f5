"""As ``tests.server_settings``, for processes whose clock a test sets (``tests/services/shifted_clock.py``)."""

from __future__ import annotations

from tests.server_settings import *  # noqa: F403
from tests.server_settings import MIDDLEWARE

MIDDLEWARE = ["tests.services.shifted_clock.ShiftedClock", *MIDDLEWARE]
