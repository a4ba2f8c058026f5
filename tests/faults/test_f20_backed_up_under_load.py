"""F20, the second half: a backup taken under load is one moment of the whole, comes back, and honours every revocation.

What stopping does to requests that run is told in ``test_f02_web_worker_killed.py``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import pytest
import requests

from consent.models.token import digest_of
from tests.clients.person import Page
from tests.console.test_backup import elsewhere, sql, with_programs
from tests.grants import REDIRECT
from tests.services.processes import until
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.timeout(400)]
CLIENTS = 3
WHOLE = (
    (
        "SELECT count(*) FROM consent_accesstoken t LEFT JOIN agents_event e ON e.token_id = t.id AND e.kind = 'token.issued'"
        " WHERE e.id IS NULL"
    ),
    (
        "SELECT count(*) FROM agents_event e LEFT JOIN consent_accesstoken t ON e.token_id = t.id"
        " WHERE e.kind = 'token.issued' AND t.id IS NULL"
    ),
)
"""Token rows without their event, and events without their row: 0 and 0 in a whole."""


class Load:
    """Agents that ask for tokens until they are told to stop."""

    def __init__(self, mandate, facts):
        self.url, self.headers = f"{mandate.url}/oauth/token", {"Authorization": facts["autonomous"]}
        self.form = {"grant_type": "client_credentials", "resource": facts["asking"]}
        self.received: list[str] = []
        self.stopped = Signal()

    def one(self, _number):
        session = requests.Session()
        while not self.stopped.is_set():
            answer = session.post(self.url, data=self.form, headers=self.headers, timeout=30)
            assert answer.status_code == 200, answer.text
            self.received.append(answer.json()["access_token"])


def redeemed(mandate, facts, code):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": facts["verifier"],
        "redirect_uri": REDIRECT,
    }
    headers = {"Authorization": facts["assistant"]}
    answer = requests.post(f"{mandate.url}/oauth/token", data=form, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seen(mandate, facts, token):
    headers = {"Authorization": facts["resource"]}
    return requests.post(f"{mandate.url}/oauth/introspect", data={"token": token}, headers=headers, timeout=30).json()


def revokes(mandate, facts, consent):
    """The person revokes it on its page."""
    browser = requests.Session()
    browser.headers.update({"Cookie": facts["person"], "Origin": mandate.url})
    page = browser.get(f"{mandate.url}/consents/{consent}/revoke/", timeout=30)
    csrf = page.cookies["mandate-csrf"]
    browser.headers["Cookie"] = f"{facts['person']}; mandate-csrf={csrf}"
    answer = browser.post(
        f"{mandate.url}/consents/{consent}/revoke/", data=Page(page).fields(), timeout=30, allow_redirects=False
    )
    assert answer.status_code == 302, answer.text[:500]


def test_f20_a_backup_under_load_comes_back_whole_and_honours_revocations(new_mandate, tmp_path):
    mandate = with_programs(new_mandate())
    facts = seeded(mandate, codes=2)
    mandate.start()
    given, kept = (redeemed(mandate, facts, code) for code in facts["codes"])
    load = Load(mandate, facts)
    archive = tmp_path / "backup.tar.gz"
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.one, number) for number in range(CLIENTS)]
        try:
            until(lambda: len(load.received) >= 30, within=60)
            revokes(mandate, facts, seen(mandate, facts, given["access_token"])["consent"])
            assert seen(mandate, facts, given["access_token"]) == {"active": False}
            before = list(load.received)
            mandate.manage("backup", str(archive))
            until(lambda: len(load.received) > len(before) + 5, within=60)  # nobody waited for it
        finally:
            load.stopped.set()
        for client in clients:
            client.result()
    mandate.stop()

    other = elsewhere(new_mandate, mandate)
    other.manage("restore", str(archive))
    there = {row[0] for row in sql(other, "SELECT token_checksum FROM consent_accesstoken")}
    assert not [token for token in before if digest_of(token) not in there]
    assert [sql(other, question) for question in WHOLE] == [[(0,)], [(0,)]]
    other.start()
    assert seen(other, facts, given["access_token"]) == {"active": False}
    assert seen(other, facts, kept["access_token"]) == {"active": False}  # of the same consent
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    refused = requests.post(
        f"{other.url}/oauth/token", data=form, headers={"Authorization": facts["assistant"]}, timeout=30
    )
    assert refused.json()["error"] == "invalid_grant"
