"""S53, S54 for client documents: no address makes Mandate knock inside, and no answer holds it up or fills it."""

from __future__ import annotations

import gzip
import time

import pytest
from django.utils import timezone

from agents.models import Client
from agents.programs import client_documents
from tests.builders import one_refusal
from tests.oauth.authorizing import is_page
from tests.outside import HEAD, INSIDE, names_lead_to
from tests.programs import host_on_this_machine, opens
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation", "look_up_staff")]
ADDRESS = "https://app.example/client.json"


@pytest.fixture
def asks(directory):
    return {"resource": directory.uri, "scope": "staff:read"}


@pytest.fixture
def host(settings):
    settings.LOCAL_CALLS = True
    with host_on_this_machine() as host:
        yield host


@pytest.mark.parametrize("address", INSIDE)
def test_s53_a_document_at_a_name_that_leads_inside(weber, asks, address, dialled, monkeypatch):
    names_lead_to(monkeypatch, [address])
    with one_refusal("authorization.refused", "document_not_reached"):
        page = opens(weber, ADDRESS, redirect_uri="https://app.example/cb", **asks)
    is_page(page, "document_not_reached")
    assert address not in page.content.decode()
    assert not dialled


def test_s53_a_name_that_leads_to_both_or_changes_its_mind(weber, asks, dialled, monkeypatch):
    names_lead_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    is_page(opens(weber, ADDRESS, **asks), "document_not_reached")
    assert not dialled
    names_lead_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    is_page(opens(weber, "https://app.example/other.json", **asks), "document_not_reached")
    assert dialled == [("93.184.216.34", 443)]


@pytest.mark.parametrize("member", ["logo_uri", "client_uri", "tos_uri", "policy_uri", "jwks_uri"])
def test_s53_nothing_that_a_document_names_is_called(host, weber, asks, member):
    with host_on_this_machine() as trap:
        client_id = host.serves(**{member: trap.address("/trap")})
        opens(weber, client_id, **asks)
        assert trap.asked == []


def test_s53_a_redirect_is_not_followed(host, weber, asks):
    with host_on_this_machine() as trap:
        host.sends(b"", status="302 Found", head=f"Location: {trap.address()}\r\n")
        is_page(opens(weber, host.address(), **asks), "document_not_reached")
        assert trap.asked == []


def drip(_path):
    yield HEAD + b"\r\n"
    while True:
        time.sleep(0.05)
        yield b" "


def endless(_path):
    yield HEAD + b"\r\n"
    while True:
        yield b"x" * 65_536


def bomb(_path):
    yield HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 10_000_000)


def nested(_path):
    yield HEAD + b"\r\n" + b"[" * 7_000 + b"]" * 7_000


def ten_megabytes(_path):
    yield HEAD + b"Content-Length: 10000000\r\n\r\n"
    yield b'{"client_id": "' + b"x" * 10_000_000


@pytest.mark.parametrize("answers", [drip, endless, bomb, nested, ten_megabytes], ids=lambda f: f.__name__)
def test_s54_a_host_that_never_ends_or_sends_too_much(host, weber, asks, answers, monkeypatch):
    monkeypatch.setattr(client_documents, "WITHIN", 1.0)
    host.answers = answers
    started = time.monotonic()
    with one_refusal("authorization.refused"):
        assert opens(weber, host.address(), **asks).status_code == 400
    assert time.monotonic() - started < 4
    assert not Client.objects.exists()


@pytest.mark.django_db(transaction=True)  # each thread notes at once that its host gave no answer
def test_s54_many_at_once_leave_workers_free(host, monkeypatch, settings):
    """More than a few fetches at a time are told to come again, at once and not after the slow host's time."""
    monkeypatch.setattr(client_documents, "WITHIN", 2.0)
    host.answers = drip

    def asks_for(number):
        started = time.monotonic()
        with pytest.raises(client_documents.DocumentRefused) as refused:
            client_documents._read(host.address(f"/{number}.json"), timezone.now())
        return refused.value.code, time.monotonic() - started

    outcome = at_once(3 * client_documents.AT_ONCE, asks_for)
    busy = [seconds for code, seconds in outcome.returned if code == "document_busy"]
    assert len(busy) == 2 * client_documents.AT_ONCE
    assert max(busy) < 1.5


def test_s54_a_document_in_the_name_of_another(host, weber, asks):
    client_id = host.serves(client_id="https://claude.ai/client.json")
    is_page(opens(weber, client_id, **asks), "bad_document")
    assert not Client.objects.exists()


def test_s54_nobody_has_mandate_knock_at_door_after_door(host, weber, omar, mara, asks, monkeypatch):
    """Who brought so many addresses that gave nothing waits, and nobody else with them."""
    monkeypatch.setattr(client_documents, "MOST_IN_VAIN", 2)
    host.sends(b"", status="404 Not Found")
    for number in range(4):
        opens(weber, host.address(f"/{number}.json"), **asks)
    assert host.asked == ["/0.json", "/1.json"]
    is_page(opens(weber, host.address("/5.json"), **asks), "document_busy")
    is_page(opens(mara, host.address("/6.json"), **asks), "document_not_reached")
    client_id = host.serves()
    is_page(opens(weber, client_id, **asks), "document_busy")
    assert opens(mara, client_id, **asks).status_code == 200
    assert opens(weber, client_id, **asks).status_code == 200  # now it is known, and nobody has to be called


def test_s53_mandate_reads_no_document_of_its_own(weber, asks, settings, dialled):
    settings.ISSUER = "https://mandate.example"
    is_page(opens(weber, "https://mandate.example/client.json", **asks), "bad_document_address")
    assert not dialled
