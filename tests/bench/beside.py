"""Node oidc-provider with Redis, under the same load on the same machine: what the field's quickest server does here.

It keeps its tokens in Redis, without durability, and writes no trail. `make beside` installs it; where that cannot be
(no Node, no registry, no Redis), a line says so and nothing else changes.
"""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from urllib.parse import urlencode

from console.serving import answers
from tests.bench import load
from tests.services.node import environment, node_program
from tests.services.processes import start, stop, until
from tests.services.redis import Redis, redis_server_program
from tests.services.run import free_port

FOLDER = Path(__file__).with_name("npm")
OFFLINE, ASKING = "https://directory.bench.example", "https://calendar.bench.example"
SECONDS = 4
Figures = dict[str, load.Measured]


def measure(folder: Path) -> Figures:
    """Return what it does a second, by name. Nothing where it is not installed."""
    if not (FOLDER / "node_modules").is_dir() or redis_server_program() is None:
        print("Left out: oidc-provider beside Mandate, which takes Node and Redis (make beside).")
        return {}
    redis = Redis(folder / "redis", free_port()).start()
    try:
        return _measure(folder, redis)
    finally:
        redis.stop()


def _measure(folder: Path, redis: Redis) -> Figures:
    port = free_port()
    client, resource = (
        {"client_id": name, "client_secret": f"secret-of-the-{name}"} for name in ("client", "resource")
    )
    told = {"port": port, "issuer": f"http://localhost:{port}", "redis": redis.url(), "client": client}
    settings = json.dumps({**told, "resource": resource, "offline": OFFLINE, "asking": ASKING})
    log = folder / "provider.txt"
    program = start(
        [str(node_program(FOLDER)), "provider.mjs"],
        log=log,
        environment=environment(FOLDER, SETTINGS=settings, NODE_ENV="production"),
        folder=FOLDER,
    )
    try:
        until(lambda: answers("127.0.0.1", port), because=log.read_text)
        return {
            "oidc_provider.client_credentials": _tokens(port, client),
            "oidc_provider.introspection": _introspections(port, client, resource),
        }
    finally:
        stop(program)


def _tokens(port: int, client: dict[str, str]) -> load.Measured:
    requests = itertools.repeat(_asks_for(OFFLINE, port, client))
    load.run(port, requests, seconds=1)
    return load.run(port, requests, seconds=SECONDS, good=lambda answer: b'"access_token":"eyJ' in answer)


def _introspections(port: int, client: dict[str, str], resource: dict[str, str]) -> load.Measured:
    tokens: list[str] = []

    def good(answer: bytes) -> bool:
        found = json.loads(answer.partition(b"\r\n\r\n")[2]).get("access_token")
        tokens.extend([found] if found else [])
        return bool(found)

    load.run(port, itertools.repeat(_asks_for(ASKING, port, client)), at_most=200, good=good)
    path, who = "/token/introspection", _basic(resource)
    requests = itertools.cycle([load.post(path, urlencode({"token": token}), port, who) for token in tokens])
    load.run(port, requests, seconds=1)
    return load.run(port, requests, seconds=SECONDS, good=lambda answer: b'"active":true' in answer)


def _asks_for(resource: str, port: int, client: dict[str, str]) -> bytes:
    return load.post(
        "/token", urlencode({"grant_type": "client_credentials", "resource": resource}), port, _basic(client)
    )


def _basic(who: dict[str, str]) -> str:
    return "Basic " + base64.b64encode(f"{who['client_id']}:{who['client_secret']}".encode()).decode()
