"""F12: the disk is full. No token without its event, what only reads goes on, and all is good again by itself.

A limit on how large a file may become stands for the disk: SQLite is refused the next page of its log just the same.
``conftest.py`` leaves this file out on PostgreSQL, whose server is not ours to limit.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import requests
from django.db import connection
from django.test import Client as Browser

from agents.models import Event
from consent.models import AccessToken

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
ROOM = 256 * 1024
"""Bytes: a file of the database may become as large as this, which some dozen tokens fill."""
TOKENS_AT_MOST = 500


@contextmanager
def disk_full_beyond(mandate, size: int) -> Iterator[None]:
    """The processes of the web server cannot write past this size of a file. What they only read stays readable."""
    server = psutil.Process(mandate.web.pid)
    processes = [server, *server.children()]
    for process in processes:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for process in processes:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def empty_log() -> None:
    """The write-ahead log begins anew, so that it grows into the limit and not the database behind it."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def ask(mandate, client):
    auth = (client.client.client_id, client.key)
    return requests.post(f"{mandate.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=auth, timeout=30)


def says_of(mandate, api, token):
    auth = (api.resource.identifier, api.key)
    return requests.post(f"{mandate.url}/oauth/introspect", data={"token": token}, auth=auth, timeout=30).json()


def pages_of(mandate, person):
    """A browser in which this person has signed in."""
    signed_in = Browser()
    signed_in.force_login(person)
    session = requests.Session()
    for name, morsel in signed_in.cookies.items():
        session.cookies.set(name, morsel.value)
    return lambda path: session.get(f"{mandate.url}{path}", timeout=30)


def test_f12_a_full_disk_is_told_and_nothing_leaves_half_written(
    running_mandate, claims, clinic_allows, weber_allows, weber, records_api
):
    held = ask(running_mandate, claims).json()["access_token"]
    page = pages_of(running_mandate, weber)
    empty_log()
    received, refused = [held], None
    with disk_full_beyond(running_mandate, ROOM):
        while refused is None and len(received) < TOKENS_AT_MOST:
            answer = ask(running_mandate, claims)
            if answer.status_code == 200:
                received.append(answer.json()["access_token"])
            else:
                refused = answer
        assert refused is not None, "the disk never filled"
        assert (refused.status_code, refused.json()["error"]) == (503, "server_error")
        assert refused.headers["Retry-After"]
        assert "disk" not in refused.text, "what is wrong inside is for the log"
        assert says_of(running_mandate, records_api, held)["active"] is True
        assert "Discharge" in page("/my-agents/").text
    received.append(ask(running_mandate, claims).json()["access_token"])
    every_token_has_its_event(received)


def every_token_has_its_event(received: list[str]) -> None:
    rows = set(AccessToken.objects.values_list("pk", flat=True))
    told = set(Event.objects.filter(kind="token.issued").values_list("token_id", flat=True))
    assert len(rows) == len(received)
    assert told == rows
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchone() == ("ok",)
