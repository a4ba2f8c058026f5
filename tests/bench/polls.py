"""Polling for what a person decides: agents that asked out of band, and devices that show a code.

Many questions that nobody has answered yet, asked about in turn, as the agents of a big organisation do. Most answers are
``authorization_pending``; whoever comes back too early hears ``slow_down``, which costs the same.

Run as a program of the measured installation: ``python -m tests.bench.polls`` makes the questions and prints them as JSON.
"""

from __future__ import annotations

import itertools
import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import django

from tests.bench import load

QUESTIONS = 3_000
PARAMETER = {
    "ciba": ("urn:openid:params:grant-type:ciba", "auth_req_id"),
    "device": ("urn:ietf:params:oauth:grant-type:device_code", "device_code"),
}
WAITS = (b'"authorization_pending"', b'"slow_down"')


def polls(port: int, asked: dict[str, Any], way: str) -> load.Measured:
    """Poll for every question of this way, again and again."""
    grant, name = PARAMETER[way]
    requests = [
        load.post("/oauth/token", urlencode({"grant_type": grant, name: secret}), port, asked["authorization"])
        for secret in asked[way]
    ]
    return load.run(
        port, itertools.cycle(requests), seconds=4, good=lambda answer: any(word in answer for word in WAITS)
    )


def ask() -> dict[str, Any]:
    """Make the questions: plain rows, for there are more than the limits let one agent ask."""
    from django.utils import timezone

    from agents.models import Agent, Scope, User
    from consent.models import AccessRequest, RequestKind
    from consent.models.token import digest_of
    from tests import builders, grants, out_of_band

    now = timezone.now()
    asking = out_of_band.asking_client(Agent.objects.get(name="Assistant"), "Display")
    out_of_band.let_use_device_codes(asking.client, by=builders.administrator())
    person = User.objects.get(name="Weber Bench")
    scope = Scope.objects.get(name="calendar:read")
    told: dict[str, Any] = {"authorization": grants.basic(asking.client.client_id, asking.key)["HTTP_AUTHORIZATION"]}
    for way in RequestKind.CIBA.value, RequestKind.DEVICE.value:
        told[way] = [secrets.token_urlsafe(32) for _ in range(QUESTIONS)]
        AccessRequest.objects.bulk_create(
            [
                AccessRequest(
                    kind=way,
                    agent=asking.client.agent,
                    client=asking.client,
                    user=person if way == RequestKind.CIBA else None,
                    requested=[[str(scope.resource_id), scope.name]],
                    purpose_key=digest_of(secret),
                    digest=digest_of(secret),
                    user_code_digest=digest_of(f"code {secret}") if way == RequestKind.DEVICE else "",
                    created_at=now,
                    expires_at=now + timedelta(hours=1),
                    next_poll_at=now,
                )
                for secret in told[way]
            ],
            batch_size=500,
        )
    return told


if __name__ == "__main__":
    django.setup()
    print(json.dumps(ask()))
