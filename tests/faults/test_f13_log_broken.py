"""F13: nobody takes the log any more. Requests go on, and what matters for security stands in the trail anyway."""

from __future__ import annotations

import os

import pytest
import requests

from tests.console.test_backup import sql
from tests.services.mandate import RunningMandate
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.engine]
KINDS = ("token.issued", "token.refused")


def told(mandate: RunningMandate, kind: str) -> int:
    """How many events of this kind stand in its trail."""
    ((count,),) = sql(mandate, f"SELECT count(*) FROM agents_event WHERE kind = '{kind}'")
    return int(count)


def works(mandate: RunningMandate, facts: dict[str, str]) -> None:
    """A token is issued, a wrong key refused, a page shown; both of the first stand in the trail."""
    before = [told(mandate, kind) for kind in KINDS]
    form = {"grant_type": "client_credentials", "resource": facts["asking"]}
    for authorization, status in ((facts["autonomous"], 200), ("Basic d3Jvbmc6a2V5", 401)):
        headers = {"Authorization": authorization}
        answer = requests.post(f"{mandate.url}/oauth/token", data=form, headers=headers, timeout=30)
        assert answer.status_code == status, answer.text
    assert requests.get(f"{mandate.url}/account/login/", timeout=30).status_code == 200
    assert [told(mandate, kind) for kind in KINDS] == [count + 1 for count in before]


def test_f13_a_log_that_is_full(new_mandate):
    mandate = new_mandate(log_name="/dev/full")
    facts = seeded(mandate, codes=0)
    mandate.settings["MANDATE_LOG_LEVEL"] = "DEBUG"
    mandate.start()
    works(mandate, facts)


def test_f13_a_log_that_nobody_reads_any_more(new_mandate):
    mandate = new_mandate(log_name="pipe")
    facts = seeded(mandate, codes=0)
    mandate.settings["MANDATE_LOG_LEVEL"] = "DEBUG"
    os.mkfifo(mandate.log_file)
    reader = os.open(mandate.log_file, os.O_RDONLY | os.O_NONBLOCK)
    mandate.start()
    works(mandate, facts)
    os.close(reader)
    works(mandate, facts)
