"""The environment of one installation, read and checked once, at start. A value that cannot work stops the process
with a sentence that says what to do. Each variable has its line in ``docs/reference/settings.md``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from console import engines
from console.keys import Keys, keys_of

SECRET_VARIABLES = (
    "DATABASE_URL",
    "EMAIL_URL",
    "MANDATE_ENCRYPTION_KEY",
    "MANDATE_SECRET_KEY",
    "MANDATE_TRAIL_KEY",
    "REDIS_URL",
)
"""Variables whose value is a key or has a password in it."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@dataclass(frozen=True)
class Environment:
    """What differs between installations."""

    data_dir: Path
    host: str
    port: int
    issuer: str
    production: bool
    """True when the issuer is https: cookies are then bound to the host, and plain http is sent on to https."""
    keys: Keys
    allowed_hosts: list[str]
    trusted_proxies: list[str]
    proxy_header: str
    """``forwarded`` or ``x-forwarded``: in which header they say who called."""
    database: dict[str, Any]
    caches: dict[str, dict[str, Any]]
    queue: dict[str, Any]
    mail: dict[str, Any]
    mail_from: str
    log_level: str
    workers: int
    styleguide: bool
    local_calls: bool
    """True for tests and trials: Mandate may then call programs on its own machine."""
    unused_client_days: int
    """After how many days a program that registered itself and was never used is forgotten."""


def handed_on(**changed: str) -> dict[str, str]:
    """Return the variables of a program that this process starts: its own, and these in place of some of them."""
    return {**os.environ, **changed}


def read_environment(base_dir: Path, variables: Mapping[str, str] = os.environ) -> Environment:
    """Return the settings of this installation. Its data folder and its keys exist afterwards.

    Raises ImproperlyConfigured with one sentence for the first value that cannot work.
    """
    data_dir = _data_dir(variables.get("DATA_DIR") or str(base_dir / "var"))
    port = _number(variables, "PORT", 8000, least=1, most=65535)
    issuer = _issuer(variables.get("MANDATE_ISSUER") or f"http://localhost:{port}")
    production = issuer.startswith("https://")
    proxies = _trusted_proxies(_listed(variables, "MANDATE_TRUSTED_PROXIES"), production=production)
    redis_url = engines.redis_url(variables.get("REDIS_URL", ""))
    database = engines.database(variables.get("DATABASE_URL", ""), data_dir)
    issuer_host = urlsplit(issuer).hostname or ""
    keys = keys_of(variables, data_dir, may_make=_may_make_keys(database, production=production))
    engines.keep_private(database)
    return Environment(
        data_dir=data_dir,
        host=_host(variables.get("HOST") or "127.0.0.1"),
        port=port,
        issuer=issuer,
        production=production,
        keys=keys,
        allowed_hosts=_allowed_hosts(_listed(variables, "MANDATE_ALLOWED_HOSTS"), issuer_host, production=production),
        trusted_proxies=proxies,
        proxy_header=_proxy_header(variables.get("MANDATE_PROXY_HEADER") or "forwarded"),
        database=database,
        caches=engines.caches(redis_url),
        queue=engines.queue(redis_url, data_dir),
        mail=engines.mail(variables.get("EMAIL_URL", "")),
        mail_from=_mail_from(variables.get("MANDATE_MAIL_FROM") or f"Mandate <mandate@{issuer_host}>"),
        log_level=_log_level(variables.get("MANDATE_LOG_LEVEL") or "INFO"),
        workers=_number(variables, "MANDATE_WORKERS", 2, least=1, most=64),
        styleguide=_switch(variables, "MANDATE_STYLEGUIDE", default=not production),
        local_calls=_local_calls(variables, production=production),
        unused_client_days=_number(variables, "MANDATE_UNUSED_CLIENT_DAYS", 7, least=1, most=365),
    )


def _may_make_keys(database: dict[str, Any], *, production: bool) -> bool:
    """Tell whether missing keys may be generated: never for data that was written under other keys.

    Many web processes may share one PostgreSQL, and keys made by each of them would all differ.
    """
    if database["ENGINE"] != engines.SQLITE:
        return not production
    path = Path(database["NAME"])
    return not path.exists() or path.stat().st_size == 0


def _data_dir(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR: the folder {path} cannot be made ({error.strerror}). Name one that this user may write to."
        ) from error
    return path


def _number(variables: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    value = variables.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not least <= int(value[:9]) <= most:
        raise ImproperlyConfigured(f"{name}: give a whole number from {least} to {most}; it is now {value!r}.")
    return int(value)


def _switch(variables: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = (variables.get(name) or ("yes" if default else "no")).lower()
    if value not in ("yes", "no", "true", "false", "1", "0", "on", "off"):
        raise ImproperlyConfigured(f"{name}: say yes or no; it is now {value!r}.")
    return value in ("yes", "true", "1", "on")


def _local_calls(variables: Mapping[str, str], *, production: bool) -> bool:
    allowed = _switch(variables, "MANDATE_LOCAL_CALLS", default=False)
    if allowed and production:
        raise ImproperlyConfigured(
            "MANDATE_LOCAL_CALLS: this is for trials on one machine. With an https issuer it would let whoever registers "
            "a client make Mandate knock at doors inside. Leave it out."
        )
    return allowed


def _listed(variables: Mapping[str, str], name: str) -> list[str]:
    return [item.strip() for item in variables.get(name, "").split(",") if item.strip()]


def _host(value: str) -> str:
    if value.strip() != value or any(letter.isspace() or letter in "/@" for letter in value):
        raise ImproperlyConfigured(f"HOST: give one address to listen on, such as 127.0.0.1 or 0.0.0.0, not {value!r}.")
    return value


def _issuer(value: str) -> str:
    wanted = "MANDATE_ISSUER: give the public address alone, such as https://mandate.example"
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{wanted}; the port of {value!r} is not a number from 1 to 65535.") from error
    if parts.scheme not in ("http", "https") or not HOST_NAME.fullmatch(parts.hostname or ""):
        raise ImproperlyConfigured(f"{wanted}; {value!r} is not such an address.")
    canonical = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port is not None else "")
    if value != canonical:
        raise ImproperlyConfigured(
            f"{wanted}, in small letters, without path, query, user or slash at the end: clients compare it letter by "
            f"letter. Instead of {value!r} write {canonical!r}."
        )
    if parts.scheme == "http" and parts.hostname != "localhost":
        raise ImproperlyConfigured(
            f"MANDATE_ISSUER: {value!r} is plain http, and tokens and passwords would travel in clear. Put Mandate "
            "behind a proxy that ends TLS and write https://…; plain http is for http://localhost alone."
        )
    if port == {"http": 80, "https": 443}[parts.scheme]:
        raise ImproperlyConfigured(f"MANDATE_ISSUER: leave out the port :{port}, which {parts.scheme} means anyway.")
    return value


def _allowed_hosts(given: list[str], issuer_host: str, *, production: bool) -> list[str]:
    for host in given:
        if "*" in host or "/" in host:
            raise ImproperlyConfigured(
                f"MANDATE_ALLOWED_HOSTS: list host names, separated by commas; {host!r} is not one. A pattern would let "
                "a Host header choose who Mandate says it is."
            )
    hosts = given or ([] if production else ["localhost", "127.0.0.1", "[::1]"])
    return list(dict.fromkeys([issuer_host, *hosts]))


def _trusted_proxies(given: list[str], *, production: bool) -> list[str]:
    networks = []
    for value in given:
        try:
            network = ipaddress.ip_network(value)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"MANDATE_TRUSTED_PROXIES: {value!r} is not a network. Write addresses such as 10.0.0.7 or 10.0.0.0/24, "
                "separated by commas, with the bits after the prefix zero."
            ) from error
        if network.prefixlen == 0:
            raise ImproperlyConfigured(
                f"MANDATE_TRUSTED_PROXIES: {value!r} is everybody, so anybody could claim any address. Name the proxy."
            )
        networks.append(str(network))
    if production and not networks:
        raise ImproperlyConfigured(
            "MANDATE_TRUSTED_PROXIES: with an https issuer, name the proxy that ends TLS, such as 127.0.0.1. Mandate "
            "itself speaks plain http, and believes what that proxy alone says of who called and how."
        )
    return networks


def _proxy_header(value: str) -> str:
    if value.lower() not in ("forwarded", "x-forwarded"):
        raise ImproperlyConfigured(
            f"MANDATE_PROXY_HEADER: write forwarded, or x-forwarded for a proxy that cannot write that one, not {value!r}."
        )
    return value.lower()


def _mail_from(value: str) -> str:
    if "@" not in value or any(ord(letter) < 32 for letter in value):
        raise ImproperlyConfigured(
            f"MANDATE_MAIL_FROM: give one address such as 'Mandate <mandate@example.org>', not {value!r}."
        )
    return value


def _log_level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ImproperlyConfigured(f"MANDATE_LOG_LEVEL: say one of {', '.join(LOG_LEVELS)}; it is now {value!r}.")
    return value.upper()
