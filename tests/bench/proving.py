"""Other ways to a token, beside the plain one: a signed assertion, a proof of a key, work that is passed on.

Run as a program of the measured installation: ``python -m tests.bench.proving`` signs what the requests need, right before
they are sent, since a proof lives for a minute; it prints it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import django

from tests.bench import load

MANY = 3_000
WAYS = ("private_key_jwt", "dpop", "exchange")


def measure(port: int, asked: dict[str, Any], way: str) -> load.Measured:
    """Get a token by this way, as often as there is something to prove it with."""
    return load.run(port, iter(list(_requests(port, asked, way))), seconds=4)


def _requests(port: int, asked: dict[str, Any], way: str) -> Iterator[bytes]:
    form = {"grant_type": "client_credentials", "resource": asked["offline"]}
    passed_on = {**asked["exchange"], "subject_token": _subject(port, asked)} if way == "exchange" else {}
    for number in range(MANY):
        if way == "private_key_jwt":
            yield load.post("/oauth/token", urlencode({**form, **asked["assertions"][number]}), port)
        elif way == "dpop":
            proof = asked["proofs"][number]
            yield load.post("/oauth/token", urlencode(form), port, asked["autonomous"], proof=proof)
        else:
            yield load.post("/oauth/token", urlencode(passed_on), port, asked["taker"])


def _subject(port: int, asked: dict[str, Any]) -> str:
    """Return a token to pass on."""
    seen: list[bytes] = []
    form = {"grant_type": "authorization_code", "code": asked["code"], "code_verifier": asked["code_verifier"]}
    one = load.post("/oauth/token", urlencode(form), port, asked["passer"])
    load.run(port, iter([one]), connections=1, good=lambda answer: not seen.append(answer))
    return str(json.loads(seen[0].partition(b"\r\n\r\n")[2])["access_token"])


def prepare() -> dict[str, Any]:
    """Make a client that signs, an agent that takes work over, and what their requests hold."""
    from agents.models import Agent, AuthMethod, Scope, User
    from tests import builders, exchanging, grants, proofs, signing

    mara, weber = builders.administrator(), User.objects.get(name="Weber Bench")
    filer = Agent.objects.get(name="Claims Filer")
    look = Scope.objects.get(name="staff:read")
    signs = builders.client(filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    signer = signing.SigningClient(signs)
    signing.gives_key(signs, signer.key)
    grants.consent(signs, scopes=[look], user=None, by=mara, life=timedelta(days=1))

    see = Scope.objects.get(name="calendar:read")
    assistant = Agent.objects.get(name="Assistant")
    passer = builders.client(assistant, "passes")
    planner = builders.agent("Planner", owner=User.objects.get(name="Ada Bench"), scopes=[see])
    taker = exchanging.taker(planner)
    exchanging.asks_to_pass(assistant, planner)
    given = exchanging.allow(passer, weber, [see], exchanging.passes(planner))
    pkce, key = grants.Pkce(), signing.pair()
    return {
        "assertions": [signing.by_assertion(signer.assertion()) for _ in range(MANY)],
        "proofs": [proofs.proof(key) for _ in range(MANY)],
        "code": grants.code(given, pkce),
        "code_verifier": pkce.verifier,
        "passer": grants.basic(passer.client_id, builders.key(passer).key)["HTTP_AUTHORIZATION"],
        "exchange": taker.form(""),
        "taker": taker.header["HTTP_AUTHORIZATION"],
    }


if __name__ == "__main__":
    django.setup()
    print(json.dumps(prepare()))
