"""The receiver of docs/examples against a real Mandate: what the how-to promises, it keeps (PyJWT checks the signatures)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from agents import lifecycle
from agents.ids import uuid7
from agents.models import Agent, Checks, Client, Resource, User
from consent import mandate as consents
from consent.models import Signal, Stream
from console.serving import answers
from tests import builders, grants, receiving
from tests.builders import actor
from tests.grants import basic
from tests.services.mandate import RunningMandate
from tests.services.processes import start, stop, until
from tests.services.run import free_port

pytestmark = [
    pytest.mark.clients,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("running_mandate", [{"MANDATE_LOCAL_CALLS": "yes"}], indirect=True),
]
EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "signals_receiver.py"
HEADER = "Bearer a-long-secret"


class Receiver:
    """The example as a process of its own."""

    def __init__(self, folder: Path, issuer: str, audience: str) -> None:
        self.port, self.log = free_port(), folder / "receiver.txt"
        self.settings = {
            "MANDATE_ISSUER": issuer,
            "RESOURCE_URI": audience,
            "SIGNALS_AUTHORIZATION": HEADER,
            "SIGNALS_PORT": str(self.port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        self.process = start(
            [sys.executable, str(EXAMPLE)], log=self.log, environment=self.settings, folder=EXAMPLE.parent
        )
        until(lambda: answers("127.0.0.1", self.port), because=lambda: self.log.read_text("utf-8", "replace"))

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)
            self.process = None

    def says(self, claims: dict[str, Any]) -> dict[str, Any]:
        """What it makes of the claims of a token that was checked already."""
        answer: dict[str, Any] = httpx.post(f"{self.url}/try", json=claims).json()
        return answer


@pytest.fixture
def staff(mara: User) -> Resource:
    return builders.resource("Staff directory", "http://localhost:9000/staff", checks=Checks.OFFLINE, by=mara)


@pytest.fixture
def receiver(running_mandate: RunningMandate, staff: Resource, tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path, running_mandate.url, staff.uri)
    yield made
    made.stop()


@pytest.fixture
def robot(staff: Resource, ada: User) -> Agent:
    scopes = [builders.scope(staff, "staff:read"), builders.scope(staff, "rooms:read")]
    return builders.agent(owner=ada, scopes=scopes)


def claims_under(consent: Any, client: Client) -> dict[str, Any]:
    """The claims of a token that was issued a moment ago."""
    now = int(timezone.now().timestamp())
    return {
        "jti": str(uuid7()),
        "sub": str(consent.user_id),
        "act": {"sub": str(consent.agent_id)},
        "client_id": client.client_id,
        "consent": str(consent.pk),
        "scope": "rooms:read staff:read",
        "iat": now - 5,
        "exp": now + 295,
    }


def test_a_resource_registers_itself_and_hears_of_everything_in_order(
    running_mandate, receiver, staff, robot, weber, mara, ada
):
    receiver.start()
    key = builders.key(staff, by=mara).key
    client = builders.client(robot)
    first, second, third = (
        grants.consent(client, scopes=robot_scopes(staff), user=weber, purpose=f"Purpose {number}")
        for number in range(3)
    )
    made = httpx.post(
        f"{running_mandate.url}/api/v1/signals/streams",
        json={
            "delivery": {
                "method": "urn:ietf:rfc:8935",
                "endpoint_url": f"{receiver.url}/signals",
                "authorization_header": HEADER,
            }
        },
        headers={"Authorization": basic(staff.identifier, key)["HTTP_AUTHORIZATION"]},
    )
    assert made.status_code == 201, made.text
    tokens = [claims_under(consent, client) for consent in (first, second, third)]
    assert all(receiver.says(claims)["counts"] for claims in tokens)

    now = timezone.now()
    staff_read = next(scope for scope in robot_scopes(staff) if scope.name == "staff:read")
    consents.narrow(first.pk, keep=frozenset({staff_read}), reason="Less.", by=actor(weber), now=now)
    consents.revoke(second.pk, reason="Enough.", by=actor(weber), now=now)
    running_mandate.manage("sweep")
    assert receiver.says(tokens[0]) == {"counts": True, "scope": "staff:read"}
    assert receiver.says(tokens[1])["counts"] is False
    assert receiver.says(tokens[2])["counts"] is True
    later = tokens[1] | {"iat": int(now.timestamp()) + 1}
    assert receiver.says(later)["counts"] is True  # nobody is locked out for ever by an old signal

    lifecycle.suspend(robot, reason="Odd.", by=actor(ada), now=timezone.now())
    running_mandate.manage("sweep")
    assert receiver.says(tokens[2])["counts"] is False
    assert not Signal.objects.waiting().exists()


def test_a_receiver_that_was_down_hears_of_everything_afterwards(
    running_mandate, receiver, staff, robot, weber, mara, settings
):
    client = builders.client(robot)
    given = grants.consent(client, scopes=robot_scopes(staff), user=weber)
    settings.LOCAL_CALLS = True
    stream = receiving.stream(staff, f"{receiver.url}/signals", by=mara, authorization=HEADER)
    token = claims_under(given, client)
    consents.revoke(given.pk, reason="Enough.", by=actor(weber), now=timezone.now())
    running_mandate.manage("sweep")
    stream.refresh_from_db()
    assert stream.last_error == "not_reached"
    receiver.start()
    Stream.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    running_mandate.manage("sweep")
    assert receiver.says(token)["counts"] is False


def test_it_takes_nothing_that_mandate_did_not_sign_for_it(receiver):
    receiver.start()
    for body, header in (("a.b.c", HEADER), ("", HEADER), ("x" * 5_000, HEADER), ("a.b.c", "Bearer other")):
        answer = httpx.post(
            f"{receiver.url}/signals",
            content=body,
            headers={"Content-Type": "application/secevent+jwt", "Authorization": header},
        )
        assert answer.status_code == 400
        assert answer.json()["err"] in {"invalid_request", "authentication_failed"}


def robot_scopes(staff: Resource) -> list[Any]:
    return list(staff.scopes.all())
