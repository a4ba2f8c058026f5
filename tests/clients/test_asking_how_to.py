"""What docs/how-to/ask-out-of-band.md says to paste works as it says, and so does the example of a step-up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from agents.models import DataClass, User
from consent import pings
from consent.models import AccessRequest, Consent
from console.serving import answers
from tests import builders, grants
from tests.clients.pasting import running
from tests.clients.records import records_api
from tests.grants import TokenClient
from tests.out_of_band import asking_client, asks, decides, joins_circle, let_use_device_codes, told_client, types_code
from tests.services.mandate import BASE_DIR, RunningMandate
from tests.services.processes import until
from tests.services.run import free_port

# They wait as long as a client waits between two polls: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAGE = BASE_DIR / "docs" / "how-to" / "ask-out-of-band.md"
STEP_UP = BASE_DIR / "docs" / "examples" / "step_up.py"
BLOCK = re.compile(r"<!-- tested: (\w+) -->\n```(sh|python)\n(.*?)```", re.DOTALL)
BLOCKS = {(name, language): code for name, language, code in BLOCK.findall(PAGE.read_text("utf-8"))}


def pasted(name: str, language: str) -> list[str]:
    runs = ["bash", "-euc"] if language == "sh" else [sys.executable, "-c"]
    return [*runs, BLOCKS[name, language]]


def variables_of(mandate: RunningMandate, client: TokenClient, **more: str) -> dict[str, str]:
    return {"ISSUER": mandate.url, "CLIENT_ID": client.client.client_id, "MANDATE_KEY": client.key, **more}


def the_question() -> AccessRequest:
    until(AccessRequest.objects.exists, because="nobody was asked")
    return AccessRequest.objects.get()


def what_it_said(process: subprocess.Popen[str]) -> str:
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return said


@pytest.mark.parametrize("language", ["sh", "python"])
def test_an_agent_asks_and_gets_its_token(running_mandate, robot, weber, language):
    variables = variables_of(running_mandate, robot, LOGIN_HINT=weber.email)
    with running(pasted("ciba", language), **variables) as process:
        request = the_question()
        assert (request.binding_message, request.purpose) == ("W4SCT", "Plan the ward round")
        decides(weber, request)
        assert "calendar:read" in what_it_said(process)


@pytest.mark.parametrize("language", ["sh", "python"])
def test_a_display_shows_its_code_and_gets_its_token(running_mandate, discharge, weber, mara, language):
    let_use_device_codes(discharge.client, by=mara)
    with running(pasted("device", language), **variables_of(running_mandate, discharge)) as process:
        assert process.stdout is not None
        shown = re.search(r"Open (\S+) and enter (\S{4}-\S{4})", process.stdout.readline())
        assert shown
        assert shown[1] == f"{running_mandate.url}/device"
        types_code(weber, shown[2])
        decides(weber, the_question())
        assert "calendar:read" in what_it_said(process)


def test_an_agent_is_told_of_the_decision_and_fetches_its_token(
    running_mandate, discharge_assistant, weber, mara, settings
):
    settings.LOCAL_CALLS = True
    port = free_port()
    joins_circle(discharge_assistant, weber, by=mara)
    robot = told_client(discharge_assistant, f"http://127.0.0.1:{port}/decided", by=mara)
    variables = variables_of(running_mandate, robot, PORT=str(port), NOTIFICATION_TOKEN="only-we-two-know")
    with running(pasted("ping", "python"), **variables) as process:
        until(lambda: answers("127.0.0.1", port), because="the listener did not start")
        assert asks(robot, weber, client_notification_token="only-we-two-know").status_code == 200
        decides(weber, the_question())
        assert pings.tell(now=timezone.now()) == 1
        assert process.stdout is not None
        assert process.stdout.readline() == "Token for openid calendar:read\n"


# ------------------------------------------------------------------------------------------------------------- step-up


@pytest.fixture
def stepping_up(
    running_mandate: RunningMandate, ada: User, mara: User, weber: User, tmp_path: Path
) -> Iterator[Callable[[], tuple[list[str], dict[str, str], TokenClient]]]:
    """The records API of the examples, and an agent that Weber lets read there: its command, variables and client."""
    api, records = records_api(tmp_path, running_mandate, by=mara, record_types=["patient-file"])
    read = builders.scope(records, "records:read", "Read patient files", data_class=DataClass.HEALTH)
    write = builders.scope(records, "letters:write", "Write letters", access="write", data_class=DataClass.HEALTH)
    agent = builders.agent("Letter Writer", owner=ada, scopes=[read, write])
    robot = asking_client(agent)
    given = grants.consent(robot.client, scopes=[read], user=weber, purpose="Write the discharge letters")
    pkce = grants.Pkce()
    token = robot.redeem(grants.code(given, pkce), pkce).json()["access_token"]
    api.start()
    patient = api.get("/patients", token).json()["patients"][0]["id"]
    variables = variables_of(
        running_mandate, robot, LOGIN_HINT=str(weber.pk), PURPOSE="Write the discharge letters", TOKEN=token
    )
    command = [sys.executable, str(STEP_UP), "POST", f"{api.uri}/patients/{patient}/letters", "Dear colleague"]
    try:
        yield lambda: (command, variables, robot)
    finally:
        api.stop()


def test_an_agent_asks_for_exactly_what_a_refusal_names_and_goes_on(stepping_up, weber):
    command, variables, robot = stepping_up()
    with running(command, **variables) as process:
        request = the_question()
        assert (request.kind, [name for _, name in request.requested]) == ("step_up", ["letters:write"])
        page = builders.browser(weber).get(request.get_absolute_url()).content.decode()
        assert "Read patient files" in page
        everything = [row.scope for row in robot.client.agent.agent_scopes.all()]
        decides(weber, request, scopes=everything)
        said = what_it_said(process)
    assert said.splitlines() == ["Asking for: letters:write", '201 {"letters":1}']
    old, new = Consent.objects.order_by("starts_at")
    assert old.superseded_by == new
    assert {scope.name for scope in new.scopes(timezone.now())} == {"letters:write", "records:read"}


def test_a_no_is_the_end_of_it_and_what_was_allowed_stands(stepping_up, weber):
    command, variables, _ = stepping_up()
    with running(command, **variables) as process:
        decides(weber, the_question(), "refuse")
        said, complaint = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == "Asking for: letters:write\n"
    assert "The person refused." in complaint
    assert Consent.objects.live(timezone.now()).count() == 1
