"""A resource that takes a fresh sign-in for one operation (RFC 9470), met by the example of an agent at its person's side."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from django.conf import settings
from django.utils import timezone

from agents.acr import PASSKEY, SINGLE
from agents.models import Access, DataClass, User
from agents.sign_in import RECORDS
from consent.models import Consent
from tests import builders, grants
from tests.clients.person import TIMEOUT, Page
from tests.clients.records import records_api
from tests.consent.asking import DECIDE
from tests.services.mandate import BASE_DIR
from tests.services.records_api import RunningRecordsApi
from tests.services.run import free_port

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SIGN_IN_AGAIN = BASE_DIR / "docs" / "examples" / "sign_in_again.py"
HOUR = timedelta(hours=1)
PURPOSE = "Write the letters that Dr. Weber dictates"


@pytest.fixture
def api(running_mandate, mara: User, ada: User, weber: User, tmp_path: Path) -> Iterator[RunningRecordsApi]:
    """The records API, not yet started. Letters take a sign-in of the last five minutes."""
    api, _ = records_api(tmp_path, running_mandate, by=mara)
    api.settings["RECORDS_LETTERS_MAX_AGE"] = "300"
    yield api
    api.stop()


@pytest.fixture
def robot(api: RunningRecordsApi, ada: User) -> grants.TokenClient:
    from agents.models import Resource

    records = Resource.objects.get(uri=api.uri)
    scopes = [
        builders.scope(records, "records:read", "Read patient files", data_class=DataClass.HEALTH),
        builders.scope(records, "letters:write", "Write letters", access=Access.WRITE, data_class=DataClass.HEALTH),
    ]
    client = builders.client(
        builders.agent("Letter Writer", owner=ada, scopes=scopes), redirect_uris=["http://127.0.0.1/callback"]
    )
    return grants.TokenClient(client, builders.key(client).key)


class AtMandate:
    """Somebody who signed in an hour ago, at a browser that runs no scripts."""

    def __init__(self, issuer: str, person: User) -> None:
        self.issuer = issuer
        self.browser = requests.Session()
        self.browser.headers["Origin"] = issuer
        form = Page(self.browser.get(f"{issuer}/account/login/", timeout=TIMEOUT)).fields(
            login=person.email, password=builders.PASSWORD
        )
        self.browser.post(f"{issuer}/account/login/", data=form, timeout=TIMEOUT)
        session = import_module(settings.SESSION_ENGINE).SessionStore(
            self.browser.cookies[settings.SESSION_COOKIE_NAME]
        )
        session[RECORDS] = [{**record, "at": record["at"] - HOUR.total_seconds()} for record in session[RECORDS]]
        session.save()
        self.proved: list[str] = []
        """The pages on which they proved who they are."""

    def allows(self, address: str) -> str:
        """Open the address, prove who they are where Mandate asks, and allow all of it. Returns where they are sent."""
        page = self.browser.get(address, timeout=TIMEOUT)
        path = urlsplit(page.url).path
        if path != urlsplit(address).path:
            self.proved.append(path)
            fields = Page(page).fields(password=builders.PASSWORD)
            page = self.browser.post(f"{self.issuer}{path}", data=fields, timeout=TIMEOUT)
        form = Page(page).fields()
        everything = re.findall(r'name="scope" value="([^"]+)"', page.text)
        form |= {"scope": everything, "purpose_ok": "on", "decision": "allow"}
        back = self.browser.post(f"{self.issuer}{DECIDE}", data=form, timeout=TIMEOUT, allow_redirects=False)
        assert back.status_code == 303, back.text[:2000]
        return str(back.headers["Location"])


def runs(api: RunningRecordsApi, robot: grants.TokenClient) -> subprocess.Popen[str]:
    variables = {
        "CLIENT_ID": robot.client.client_id,
        "MANDATE_KEY": robot.key,
        "REDIRECT_PORT": str(free_port()),
        "PURPOSE": PURPOSE,
    }
    return subprocess.Popen(
        [sys.executable, str(SIGN_IN_AGAIN), "POST", f"{api.uri}/patients/p-1001/letters", "Dear colleague"],
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONUNBUFFERED": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_shown(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line.startswith("Open "), (line, program.stderr and program.stderr.read())
    return line.removeprefix("Open ").strip()


def test_a_refusal_leads_the_person_to_a_new_sign_in_and_the_agent_goes_on(running_mandate, api, robot, weber):
    api.start()
    person = AtMandate(running_mandate.url, weber)
    program = runs(api, robot)
    try:
        first = address_shown(program)
        assert PURPOSE.rsplit(maxsplit=1)[-1] not in first
        requests.get(person.allows(first), timeout=TIMEOUT)
        assert person.proved == []  # the sign-in of an hour ago is good enough for Mandate, and is not for the letter
        requests.get(person.allows(address_shown(program)), timeout=TIMEOUT)
        assert person.proved == ["/account/reauthenticate/"]
        said, complaint = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            program.terminate()
    assert (program.returncode, said) == (0, '201 {"letters":1}\n'), complaint
    old, new = Consent.objects.order_by("starts_at")
    assert old.superseded_by == new
    assert (new.acr, timezone.now() - new.auth_time < timedelta(minutes=1)) == (SINGLE, True)


def test_the_challenge_names_what_is_missing(api, robot, weber, read_with):
    api.settings["RECORDS_LETTERS_ACR"] = PASSKEY
    api.start()
    told = {}
    for acr, age in ((SINGLE, timedelta(0)), (PASSKEY, HOUR), ("", None)):
        token = read_with(robot, weber, acr=acr, age=age)
        assert api.get("/patients/p-1001", token).status_code == 200  # reading takes no fresh sign-in
        answer = told[acr] = api.post("/patients/p-1001/letters", "Dear colleague", token)
        assert (answer.status_code, answer.json()["error"]) == (401, "insufficient_user_authentication")
        said = answer.headers["WWW-Authenticate"]
        assert said.startswith('Bearer error="insufficient_user_authentication", acr_values="phr", max_age="300", ')
        assert 'scope="letters:write"' in said
    good = read_with(robot, weber, acr=PASSKEY, age=timedelta(0))
    assert api.post("/patients/p-1001/letters", "Dear colleague", good).status_code == 201


@pytest.fixture
def read_with(running_mandate):
    """Get a token of this client for a person who signed in so strongly and so long ago, over the wire."""

    def get(robot: grants.TokenClient, person: User, *, acr: str, age: timedelta | None) -> Any:
        scopes = [row.scope for row in robot.client.agent.agent_scopes.all()]
        given = grants.consent(robot.client, scopes=scopes, user=person)
        Consent.objects.filter(pk=given.pk).update(acr=acr, auth_time=None if age is None else timezone.now() - age)
        pkce = grants.Pkce()
        form = {
            "grant_type": "authorization_code",
            "code": grants.code(given, pkce, redirect_uri="http://127.0.0.1:5000/callback"),
            "code_verifier": pkce.verifier,
            "redirect_uri": "http://127.0.0.1:5000/callback",
        }
        answer = httpx.post(
            f"{running_mandate.url}/oauth/token", data=form, auth=(robot.client.client_id, robot.key), timeout=TIMEOUT
        )
        return answer.json()["access_token"]

    return get
