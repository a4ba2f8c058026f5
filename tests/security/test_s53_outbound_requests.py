"""S53, S54 for ``jwks_uri``: no address of a client makes Mandate knock inside, and no answer holds it up.

Ping addresses go the same way (``agents/outgoing.py``): ``tests/security/test_s41_ciba.py``.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import suppress

import pytest
import time_machine
from django.utils import timezone

from agents import clients, key_sets
from agents.errors import InvalidInput
from agents.models import AuthMethod, Client, FetchedKeys
from agents.outgoing import BadAddress, NotReached, get
from agents.public_addresses import public_addresses
from tests import builders
from tests.builders import actor, one_refusal
from tests.grants import post
from tests.outside import HEAD, INSIDE, drip, endless, endless_head, names_lead_to
from tests.programs import registers
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, by_assertion, claims_of, pair, public, signed

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def publisher(claims_filer):
    client = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    return SigningClient(client)


@pytest.mark.parametrize(
    "uri",
    [
        "http://keys.example/jwks", "https://127.0.0.1/jwks", "https://localhost/jwks", "https://[::1]/jwks",
        "https://10.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://user@keys.example/", "ftp://keys.example/",
        "file:///etc/passwd", "https://keys.example/#x", "https:///jwks", "keys.example", "https://keys.example/ x",
        "https://a..b/", "https://keys.example./", f"https://{'k' * 64}.example/", "https://bank.example,keys.example/",
        "https://k%65ys.example/", "https://keys.example!/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1%25lo]/",
        "https://keys.example:99999/", "https://keys.example:0/", "javascript:alert(1)", "https://keys.example/\0", "https://" + "x" * 500,
    ],
)  # fmt: skip
def test_s53_such_an_address_is_not_registered(publisher, ada, uri, dialled, monkeypatch):
    names_lead_to(monkeypatch, ["127.0.0.1"])
    with suppress(InvalidInput):  # a number that is a name to us is stopped where it leads
        clients.change(publisher.client, jwks_uri=uri, by=actor(ada), now=timezone.now())
    assert is_oauth_error(publisher.act_alone(), "invalid_client", 401)
    assert not dialled


@pytest.mark.parametrize("address", INSIDE)
def test_s53_a_name_that_leads_inside(publisher, ada, address, dialled, monkeypatch):
    clients.change(publisher.client, jwks_uri="https://keys.example/jwks", by=actor(ada), now=timezone.now())
    names_lead_to(monkeypatch, [address])
    with one_refusal("token.refused", "keys_not_reached"):
        answer = publisher.act_alone()
    assert is_oauth_error(answer, "invalid_client", 401)
    assert address not in answer.content.decode()
    assert not dialled


def test_s53_a_name_that_leads_to_both(dialled, monkeypatch):
    names_lead_to(monkeypatch, ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(BadAddress):
        get("https://keys.example/jwks", within=2, most=1_000)
    assert not dialled


def test_s53_a_second_answer_after_the_check_is_never_asked_for(dialled, monkeypatch):
    names_lead_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    with pytest.raises(NotReached):
        get("https://keys.example/jwks", within=2, most=1_000)
    assert dialled == [("93.184.216.34", 443)]


def bomb():
    body = gzip.compress(b" " * 10_000_000)
    yield HEAD + b"Content-Encoding: gzip\r\n\r\n" + body


@pytest.mark.parametrize("answers", [drip, endless, endless_head], ids=lambda f: f.__name__)
def test_s54_a_host_that_never_ends(host, answers):
    address = host(answers)
    started = time.monotonic()
    with pytest.raises(NotReached):
        get(address, within=1.0, most=64_000)
    assert time.monotonic() - started < 3


def test_s54_a_bomb_is_not_unpacked(host):
    assert len(get(host(bomb), within=2.0, most=64_000)) < 64_000


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\r\n\r\n", b"no http at all", b"HTTP/1.1 200\r\n", b"HTTP/9.9 200 OK\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    ],
)  # fmt: skip
def test_s54_what_is_no_whole_answer(host, answer):
    try:
        body = get(host(lambda: [answer]), within=2.0, most=64_000)
    except NotReached:
        return
    assert body == b""


def test_s54_a_whole_answer_in_chunks_is_read(host):
    answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert get(host(lambda: [answer]), within=2.0, most=64_000) == b"{}"


@pytest.mark.parametrize("host", [f"{'a' * 64}.example", "a..example"])
def test_s54_a_name_that_cannot_be_one_is_not_reached(host, dialled):
    with pytest.raises(BadAddress):
        get(f"https://{host}/jwks", within=1, most=1_000)
    assert public_addresses(host, 443, within=1) is None
    assert dialled == []


def test_s54_a_name_that_hangs_holds_nobody_up_beyond_the_deadline(monkeypatch, dialled):
    answers = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers.wait(10) and [])
    began = time.monotonic()
    try:
        with pytest.raises(NotReached):
            get("https://keys.example/jwks", within=0.3, most=1_000)
    finally:
        answers.set()
    assert time.monotonic() - began < 2
    assert dialled == []


@pytest.mark.parametrize(
    "jwk", [{"use": []}, {"use": {}}, {"use": 1}, {"kty": []}, {"kid": ["x"]}, {"kid": "\ud800"}, {"alg": {}}]
)
def test_s54_keys_of_an_odd_kind_are_passed_over(host, publisher, ada, jwk):
    """Members that are no texts, and half characters that no database keeps, are nobody's key and no fault of ours."""
    body = json.dumps({"keys": [{**public(pair()), **jwk}, public(publisher.key)]}).encode()
    address = host(lambda: [HEAD + b"\r\n" + body])
    clients.change(publisher.client, jwks_uri=address, by=actor(ada), now=timezone.now())
    assert publisher.act_alone().status_code in {200, 400}
    assert FetchedKeys.objects.get().keys[-1]["x"] == public(publisher.key)["x"]


def test_s54_strangers_at_slow_hosts_do_not_hold_every_thread(host, organisation, monkeypatch):
    """Of programs that nobody adopted a process fetches keys for one at a time, however many of them there are."""
    monkeypatch.setattr(key_sets, "WITHIN_FOR_STRANGERS", 1.0)
    address = host(drip)
    answer = registers(token_endpoint_auth_method="private_key_jwt", jwks_uri=address)
    assert answer.status_code == 201, answer.content
    stranger = Client.objects.get()
    assert key_sets._strangers.acquire(blocking=False)
    try:
        started = time.monotonic()
        with pytest.raises(key_sets.KeysNotReached):
            key_sets.published_keys(stranger.pk, address, now=timezone.now(), stranger=True)
        assert time.monotonic() - started < 0.5
    finally:
        key_sets._strangers.release()
    with pytest.raises(key_sets.KeysNotReached):
        key_sets.published_keys(stranger.pk, address, now=timezone.now(), stranger=True)
    assert FetchedKeys.objects.get().uri == address
    sent = by_assertion(signed(claims_of(stranger.client_id), pair()))
    with one_refusal("token.refused", "keys_not_reached"):
        assert is_oauth_error(post("/oauth/token", {"grant_type": "client_credentials", **sent}), "invalid_client", 401)


def test_s54_few_fetches_for_strangers_come_to_nothing(host, organisation, monkeypatch):
    """However many they are: where a process has one thread, each slow host would stand for everybody else's."""
    monkeypatch.setitem(key_sets.IN_VAIN, "most", 2)
    asked = []
    address = host(lambda: asked.append(1) or [b"HTTP/1.1 404 No\r\n\r\n"])
    ids = [registers(token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{address}/{n}").json() for n in range(4)]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for said in ids:
            sent = by_assertion(signed(claims_of(said["client_id"]), pair()))
            answer = post("/oauth/token", {"grant_type": "client_credentials", **sent})
            assert is_oauth_error(answer, "invalid_client", 401)
        assert len(asked) == 2
        clock.shift(60)
        sent = by_assertion(signed(claims_of(ids[3]["client_id"]), pair()))
        assert post("/oauth/token", {"grant_type": "client_credentials", **sent}).status_code == 401
    assert len(asked) == 3
