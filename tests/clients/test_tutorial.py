"""The commands of the tutorial do what it says when they are pasted (docs/tutorial/first-agent.md)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone

from agents.actors import Actor
from agents.models import DataClass
from agents.models import Kind as AgentKind
from consent import mandate as consents
from tests import builders, grants
from tests.clients.records import records_api
from tests.services.mandate import BASE_DIR

TUTORIAL = BASE_DIR / "docs" / "tutorial" / "first-agent.md"
EXAMPLE = BASE_DIR / "docs" / "examples" / "records_api"


def blocks() -> dict[str, str]:
    """The blocks that the tutorial marks as tested, by name."""
    found = re.findall(r"<!-- tested: (\w+) -->\n```sh\n(.*?)```", TUTORIAL.read_text("utf-8"), re.DOTALL)
    return dict(found)


def paste(text: str, variables: dict[str, str]) -> str:
    """Paste it into a shell that has these variables, and return what is printed."""
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        ["bash", "-euc", text], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.mark.clients
@pytest.mark.django_db(transaction=True)
def test_what_the_tutorial_says_to_paste_works_as_it_says(running_mandate, mara, tmp_path: Path):
    assert shutil.which("curl"), "The tutorial asks for curl."
    api, records = records_api(tmp_path, running_mandate, by=mara)
    read = builders.scope(records, "records:read", data_class=DataClass.PERSONAL)
    helper = builders.agent("Ward Helper", owner=mara, kind=AgentKind.AUTONOMOUS, scopes=[read])
    client = builders.client(helper)
    given = grants.consent(client, scopes=[read], user=None, by=mara)
    api.start()
    try:
        variables = {
            "ISSUER": running_mandate.url,
            "RECORDS": api.uri,
            "CLIENT_ID": client.client_id,
            "MANDATE_KEY": builders.key(client).key,
        }
        block = blocks()
        variables["TOKEN"] = paste(block["token"] + 'printf %s "$TOKEN"', variables)
        first = paste(block["call"], variables)
        assert first.startswith("HTTP/1.1 200")
        assert first.count('"ward":"3B"') == 3
        consents.revoke(given.pk, reason="Done.", by=Actor.person(mara), now=timezone.now())
        assert paste(block["call"], variables).startswith("HTTP/1.1 401")
        assert '"unauthorized_client"' in paste(block["again"], variables)
    finally:
        api.stop()


def test_the_variables_of_the_example_are_all_described():
    described = (EXAMPLE / "README.md").read_text("utf-8")
    used = set(re.findall(r'"((?:MANDATE|RECORDS)_[A-Z_]+)"', (EXAMPLE / "settings.py").read_text("utf-8")))
    assert used
    assert all(f"`{name}`" in described for name in used)
