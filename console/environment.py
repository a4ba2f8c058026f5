"""The environment of one installation, read and checked once (skeleton; hardened by its owner)."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Environment:
    data_dir: Path
    issuer: str
    secret_key: str
    encryption_key: str
    trail_key: str
    production: bool
    styleguide: bool
    allowed_hosts: list[str]
    trusted_proxies: list[str]
    database: dict[str, Any]
    cache: dict[str, Any] = field(default_factory=dict)


def read_environment(base_dir: Path) -> Environment:
    data_dir = Path(os.environ.get("DATA_DIR", base_dir / "var"))
    port = os.environ.get("PORT", "8000")
    return Environment(
        data_dir=data_dir,
        issuer=os.environ.get("MANDATE_ISSUER", f"http://localhost:{port}"),
        secret_key=os.environ.get("MANDATE_SECRET_KEY", "x" * 50),
        encryption_key=os.environ.get("MANDATE_ENCRYPTION_KEY", "A" * 43 + "="),
        trail_key=os.environ.get("MANDATE_TRAIL_KEY", "t" * 50),
        production=False,
        styleguide=True,
        allowed_hosts=["localhost", "127.0.0.1", "testserver"],
        trusted_proxies=[],
        database={"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "mandate.sqlite3",
                  "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10}},
        cache={"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    )
