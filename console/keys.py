"""The three keys of an installation: given by the environment, or generated once and kept in the data folder.

Sessions and links are signed with the secret key; private signing keys and TOTP seeds are encrypted with the encryption
key; the trail names erasable text by digests under the trail key. None of them is in a backup of the data.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

FOLDER = "keys"


@dataclass(frozen=True)
class Keys:
    """The keys, each as text. encryption: 32 bytes in base64, as Fernet takes it."""

    secret: str
    encryption: str
    trail: str

    def fingerprints(self) -> dict[str, str]:
        """Return what tells two sets of keys apart and gives none of them away (each has 256 bits of its own)."""
        named = {"secret": self.secret, "encryption": self.encryption, "trail": self.trail}
        return {
            name: hmac.digest(value.encode(), b"mandate key fingerprint", hashlib.sha256).hex()[:16]
            for name, value in named.items()
        }


def keys_of(variables: Mapping[str, str], data_dir: Path, *, may_make: bool) -> Keys:
    """Return the keys. Those that the environment does not give stand in ``keys/`` of the data folder afterwards.

    may_make: whether a missing key may be generated; otherwise a missing one stops the start, because what was
    encrypted under the old one could not be read under a new one.
    """

    def key(variable: str, file: str, make: Callable[[], str]) -> str:
        return variables.get(variable) or _kept(data_dir / FOLDER / file, variable, make, may_make=may_make)

    return Keys(
        secret=_long_enough("MANDATE_SECRET_KEY", key("MANDATE_SECRET_KEY", "secret-key", _random_text)),
        encryption=_of_32_bytes(key("MANDATE_ENCRYPTION_KEY", "encryption-key", _random_32_bytes)),
        trail=_long_enough("MANDATE_TRAIL_KEY", key("MANDATE_TRAIL_KEY", "trail-key", _random_text)),
    )


def _random_text() -> str:
    return secrets.token_urlsafe(48)


def _random_32_bytes() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _long_enough(variable: str, value: str) -> str:
    if len(value) < 50 or len(set(value)) < 10:
        raise ImproperlyConfigured(
            f"{variable}: give at least 50 random characters, such as `openssl rand -base64 48` prints."
        )
    return value


def _of_32_bytes(value: str) -> str:
    try:
        key = base64.b64decode(value.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ImproperlyConfigured(
            "MANDATE_ENCRYPTION_KEY: give 32 random bytes in base64, such as `openssl rand -base64 32` prints."
        )
    return base64.urlsafe_b64encode(key).decode()


def _kept(path: Path, variable: str, make: Callable[[], str], *, may_make: bool) -> str:
    try:
        if not path.exists():
            if not may_make:
                raise ImproperlyConfigured(
                    f"{variable} is not set and {path} is missing, but there is data that was written under such a key. "
                    f"Put the file back from where it was kept apart, or set {variable}."
                )
            _write_once(path, make())
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ImproperlyConfigured(f"{path} can be read by others than its owner. Run: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read or written ({error.strerror}). Give this user the folder, or set {variable}."
        ) from error


def _write_once(path: Path, value: str) -> None:
    """Write a file that only its owner reads. When two processes start at once, both go on with the same value."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where a rename would replace what another process has just made and already uses.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
