"""Encryption at rest of what must be read again: private signing keys, TOTP seeds, sessions, mails, secrets of others.

The key-encryption secret stands outside the database, so a dump or a backup alone reveals nothing (security.md S25).
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet
from django.conf import settings


@lru_cache(maxsize=1)
def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(settings.ENCRYPTION_KEY.encode()).digest()))


def encrypt(text: str) -> str:
    """Return the text encrypted and authenticated (Fernet)."""
    return _box().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return the text again. Raises cryptography.fernet.InvalidToken if it was changed or the secret is another."""
    return _box().decrypt(token.encode()).decode()
