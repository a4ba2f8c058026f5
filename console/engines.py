"""What Mandate stands on: database, cache, queue and mail server, from one address each, with the limits we want.

Without an address everything lives in the data folder and nothing has to be installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "console.bounded_postgresql"
DUMMY_MAIL = "django.core.mail.backends.dummy.EmailBackend"

# WAL lets readers go on while one process writes. FULL waits until a commit is on the disk (0.2 ms here): whatever was
# answered, a revocation above all, is still there after the power fails; NORMAL may lose the last moments.
# The size limit makes the log small again after a reader that was slow to finish had let it grow.
SQLITE_PRAGMAS = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON;
PRAGMA journal_size_limit=67108864;
"""
SQLITE_WAIT = 5
"""Seconds to wait for another writer before a request is refused."""

# Milliseconds. A statement that takes longer than a page may is a fault, and so is a lock that nobody gives back.
POSTGRESQL_LIMITS = "-c statement_timeout=15000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=30000"
REQUEST_LIMITS = POSTGRESQL_LIMITS.replace("=15000", "=5000")
"""For the web server: whoever waits at a page or for a token hears of a fault after seconds."""
READ_WITHIN, REQUEST_READ_WITHIN = 20.0, 6.0
"""Seconds for one answer of PostgreSQL: longer than a statement may take, so that only one that hangs meets it."""


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """Return Django's settings for the database: SQLite in the data folder, or what ``DATABASE_URL`` names."""
    scheme = urlsplit(url).scheme
    if not url or scheme == "sqlite":
        path = data_dir / "mandate.sqlite3" if not url else Path(_parsed(url)["NAME"])
        return {
            "ENGINE": SQLITE,
            "NAME": path,
            # Kept open: opening sets up functions and pragmas, and closing the last one writes the whole log back.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A transaction that reads first and writes later would fail at once when another wrote in between.
                "transaction_mode": "IMMEDIATE",
                "timeout": SQLITE_WAIT,
                "init_command": SQLITE_PRAGMAS,
            },
        }
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            "DATABASE_URL: write postgresql://user:password@host:5432/name, or leave it out for SQLite in the data "
            f"folder; {scheme or 'what stands there'!r} is not a database that Mandate knows."
        )
    settings = _parsed(url)
    if not settings["NAME"]:
        raise ImproperlyConfigured(
            "DATABASE_URL: the name of the database is missing: postgresql://user:password@host:5432/name"
        )
    given = settings.get("OPTIONS", {})
    return {
        **settings,
        "ENGINE": POSTGRESQL,
        # Whatever the address says: a refusal is recorded in a transaction of its own (decisions.md, The trail).
        "ATOMIC_REQUESTS": False,
        # One connection for each web thread, kept. It is not asked before each request whether it still lives: that
        # is a round trip more for every token. After a restart of the database the first request of each thread is
        # answered with 503, and the next one has a new connection. (A pool would serve threads that share; ours do not.)
        "CONN_MAX_AGE": 300,
        "OPTIONS": {
            "application_name": "mandate",
            "prepare_threshold": 3,  # 0: the statements of agents/database/statements.py are not prepared either
            "connect_timeout": 3,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "read_within": READ_WITHIN,
            **given,
            "options": " ".join(filter(None, [POSTGRESQL_LIMITS, given.get("options")])),
        },
    }


def limit_to_requests(settings: dict[str, Any]) -> None:
    """Hold the connections of this process to what a request may take, unless ``DATABASE_URL`` says otherwise."""
    if settings["ENGINE"] != POSTGRESQL:
        return
    options = settings["OPTIONS"]
    options["options"] = options["options"].replace(POSTGRESQL_LIMITS, REQUEST_LIMITS, 1)
    if options["read_within"] == READ_WITHIN:
        options["read_within"] = REQUEST_READ_WITHIN


def keep_private(settings: dict[str, Any]) -> None:
    """Make the file of a SQLite database, if it is missing, so that only its owner reads it (and the log beside it)."""
    if settings["ENGINE"] != SQLITE:
        return
    try:
        os.close(os.open(settings["NAME"], os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ImproperlyConfigured(
            f"The database file {settings['NAME']} cannot be written ({error.strerror}). Give this user the file and its folder."
        ) from error


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(environ.Env.db_url_config(url))
    except (ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read. Write postgresql://user:password@host:5432/name, with signs such as @ / : in "
            "the password percent-encoded."
        ) from error


def redis_url(url: str) -> str:
    """Return the address of Redis, checked, or nothing when there is none."""
    if url and (
        urlsplit(url).scheme not in ("redis", "rediss", "unix") or not (urlsplit(url).netloc or urlsplit(url).path)
    ):
        raise ImproperlyConfigured("REDIS_URL: write redis://host:6379/0 (rediss:// with TLS), or leave it out.")
    return url


def caches(redis: str) -> dict[str, dict[str, Any]]:
    """Return Django's settings for the cache, which all processes share because it counts sign-in attempts.

    Nothing that security depends on for ever stands in it; the database table also serves while Redis is away.
    """
    table = {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "mandate_cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
    if not redis:
        return {"default": table}
    return {
        "default": {
            "BACKEND": "console.shared_cache.SharedCache",
            "LOCATION": redis,
            "KEY_PREFIX": "mandate",
            "OPTIONS": {"socket_connect_timeout": 0.3, "socket_timeout": 0.5},
        },
        "database": table,
    }


def queue(redis: str, data_dir: Path) -> dict[str, Any]:
    """Return Celery's address and options: Redis, or files in the data folder. The folders exist afterwards."""
    folder = data_dir / "queue"
    for path in (folder, folder / "messages", folder / "control"):
        path.mkdir(mode=0o700, exist_ok=True)
    if redis:
        options: dict[str, Any] = {
            "global_keyprefix": "mandate:",
            "visibility_timeout": 3600,
            "socket_connect_timeout": 1,
            "socket_timeout": 5,
        }
        return {"broker": redis, "options": options, "schedule": folder / "beat"}
    messages = str(folder / "messages")
    options = {
        # In and out are one folder: web and worker are two ends of the same queue.
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(folder / "control"),
        "store_processed": False,
    }
    return {"broker": "filesystem://localhost", "options": options, "schedule": folder / "beat"}


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


def mail(url: str) -> dict[str, Any]:
    """Return Django's settings for mail. Without a server nothing is sent, and each link is shown once instead."""
    if not url:
        return {"EMAIL_BACKEND": DUMMY_MAIL}
    scheme = urlsplit(url).scheme
    if scheme == "filemail":
        # Its parser takes the first slash off, and the folder would be looked for below the one that we run in.
        return {**environ.Env.email_url_config(url), "EMAIL_FILE_PATH": unquote(urlsplit(url).path)}
    if scheme not in MAIL_PORTS:
        raise ImproperlyConfigured(
            "EMAIL_URL: write smtp+tls://user:password@host:587 (or smtp+ssl://…:465, smtp://…:25, or filemail:///folder "
            f"to write mails to files); {scheme or 'what stands there'!r} is not one of these."
        )
    try:
        settings = dict(environ.Env.email_url_config(url))
    except ValueError as error:
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read. Write smtp+tls://user:password@host:587, with signs such as @ / : in the password "
            "percent-encoded."
        ) from error
    return {**settings, "EMAIL_PORT": settings["EMAIL_PORT"] or MAIL_PORTS[scheme], "EMAIL_TIMEOUT": 10}
