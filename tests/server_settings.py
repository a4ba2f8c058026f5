"""Mandate's own settings, for the processes that tests start: people whom a test has made can sign in there too."""

from __future__ import annotations

from console.settings import *  # noqa: F403
from console.settings import PASSWORD_HASHERS

PASSWORD_HASHERS = [*PASSWORD_HASHERS, "django.contrib.auth.hashers.MD5PasswordHasher"]
