"""Mandate's own settings, for the processes that tests start: people whom a test has made can sign in there too."""

from __future__ import annotations

import os

from console.settings import *  # noqa: F403
from console.settings import MIDDLEWARE, PASSWORD_HASHERS

PASSWORD_HASHERS = [*PASSWORD_HASHERS, "django.contrib.auth.hashers.MD5PasswordHasher"]
if "MANDATE_TEST_GATE" in os.environ:
    MIDDLEWARE = [
        "tests.services.shared.GateMiddleware",
        *MIDDLEWARE,
    ]  # one server for many tests: tests/services/shared.py
