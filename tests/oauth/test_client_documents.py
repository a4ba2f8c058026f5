"""Client ID Metadata Documents: a program is known by the address of a document, which is read for people alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents.models import Agent, Client, Organisation
from agents.outgoing import Document
from agents.programs import changed_registrations, client_documents
from tests.builders import actor, events, one_refusal
from tests.forms import text_of
from tests.oauth.authorizing import is_page
from tests.programs import LOOPBACK, allows, host_on_this_machine, opens, redeems
from tests.signing import by_assertion, claims_of, pair, public, signed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation", "look_up_staff")]


@pytest.fixture
def host(settings):
    settings.LOCAL_CALLS = True
    with host_on_this_machine() as host:
        yield host


@pytest.fixture
def asks(directory):
    return {"resource": directory.uri, "scope": "staff:read"}


@pytest.mark.engine
def test_from_the_document_to_a_token_at_the_first_try(host, asks, weber, directory_api):
    client_id = host.serves()
    answer = redeems(client_id, allows(weber, client_id, **asks))
    assert answer.status_code == 200, answer.content
    told = directory_api.introspects(answer.json()["access_token"])
    assert told["client_id"] == client_id
    assert Agent.objects.get().personal_of == weber
    client = Client.objects.get()
    assert (client.registration_source, client.grant_types) == ("cimd", ["authorization_code", "refresh_token"])
    assert [event.detail["host"] for event in events("client.registered")] == [f"127.0.0.1:{host.port}"]
    assert host.asked == ["/client.json"]  # once, for as long as it holds


def test_the_metadata_says_so_while_it_is_so():
    where = "/.well-known/oauth-authorization-server"
    assert Browser().get(where).json()["client_id_metadata_document_supported"] is True
    Organisation.objects.update(client_documents=False)
    assert "client_id_metadata_document_supported" not in Browser().get(where).json()


def test_nothing_is_read_or_kept_for_somebody_who_has_not_signed_in(host, asks):
    client_id = host.serves()
    answer = opens(None, client_id, **asks)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/")
    is_page(opens(None, client_id, prompt="none", **asks), "login_required")
    assert (host.asked, Client.objects.count()) == ([], 0)


def test_the_screen_shows_where_the_document_and_the_way_back_lead(host, asks, weber):
    page = text_of(opens(weber, host.serves(), **asks))
    assert f"127.0.0.1:{host.port}" in page
    assert "127.0.0.1:4000" in page
    assert "has not verified" in page


def test_two_people_bring_the_same_document(host, asks, weber, ada):
    client_id = host.serves()
    for person in (weber, ada):
        assert redeems(client_id, allows(person, client_id, **asks)).status_code == 200
    assert Client.objects.get().client_id == client_id
    assert {agent.personal_of for agent in Agent.objects.all()} == {weber, ada}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "https://other.example/client.json"},
        {"client_id": None},
        {"client_secret": "mine"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"redirect_uris": None},
        {"redirect_uris": ["http://app.example/cb"]},
        {"redirect_uris": ["https://user@app.example/cb"]},
        {"grant_types": ["client_credentials"]},
        {"client_name": ["a", "b"]},
    ],
    ids=str,
)
def test_a_document_that_is_none(host, asks, weber, changed):
    client_id = host.serves(**changed)
    with one_refusal("authorization.refused", "bad_document"):
        is_page(opens(weber, client_id, **asks), "bad_document")
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"not json", {}),
        (b"[]", {}),
        (b"{" * 1_000, {}),
        (b'{"client_id": 1}', {"media": "text/html"}),
        (b"\xff\xfe", {}),
    ],
    ids=range(5),
)
def test_a_body_that_is_none(host, asks, weber, body, answer):
    host.sends(body, **answer)
    is_page(opens(weber, host.address(), **asks), "bad_document")


@pytest.mark.parametrize("status", ["404 Not Found", "500 No", "204 No Content", "302 Found", "304 Not Modified"])
def test_an_answer_that_is_none(host, asks, weber, status):
    host.sends(b"{}", status=status, head="Location: http://127.0.0.1:1/\r\n")
    with one_refusal("authorization.refused", "document_not_reached"):
        is_page(opens(weber, host.address(), **asks), "document_not_reached")
    host.serves()
    is_page(opens(weber, host.address(), **asks), "document_not_reached")  # not asked again at once
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "client_id",
    [
        "https://app.example",
        "https://app.example/a/../client.json",
        "https://app.example/%2e%2e/client.json",
        "https://app.example/client.json#x",
        "https://user@app.example/client.json",
        "https://app.example:8443/client.json",
        "https://127.0.0.1/client.json",
        "https://2130706433/client.json",
        "https://[::1]/client.json",
        "https://app.example/" + "x" * 300,
        "HTTPS://app.example/\\x",
    ],
)
def test_an_address_that_can_be_none(client_id, asks, weber, monkeypatch):
    monkeypatch.setattr("socket.create_connection", lambda *_args, **_more: pytest.fail("it called somebody"))
    with one_refusal("authorization.refused", "bad_document_address"):
        is_page(opens(weber, client_id, **asks), "bad_document_address")


def test_plain_http_is_a_name_like_any_other(asks, weber):
    is_page(opens(weber, "http://127.0.0.1:1/client.json", **asks), "unknown_client")


@pytest.mark.parametrize(
    ("said", "good_for"),
    [
        ("public, max-age=600", 600),
        ("max-age=1", 300),
        ("no-store", 300),
        ("max-age=99999999", 86_400),
        ("immutable", 3_600),
    ],
)
def test_a_document_counts_for_as_long_as_it_says_within_bounds(host, asks, weber, said, good_for):
    client_id = host.serves(head=f"Cache-Control: {said}\r\n")
    before = timezone.now()
    assert opens(weber, client_id, **asks).status_code == 200
    assert opens(weber, client_id, **asks).status_code == 200
    assert len(host.asked) == 1
    good_until = Client.objects.get().cimd_expires_at
    assert good_until is not None
    assert good_for <= (good_until - before).total_seconds() < good_for + 30
    Client.objects.update(cimd_expires_at=before)
    assert opens(weber, client_id, **asks).status_code == 200
    assert len(host.asked) == 2


def test_a_host_that_is_gone_leaves_the_client_as_it_was(host, asks, weber):
    client_id = host.serves()
    allows(weber, client_id, **asks)
    Client.objects.update(cimd_expires_at=timezone.now() - timedelta(minutes=1))
    host.sends(b"gone", status="503 Gone")
    assert opens(weber, client_id, **asks).status_code == 200


def test_documents_that_are_not_taken(host, asks, weber):
    Organisation.objects.update(client_documents=False)
    is_page(opens(weber, host.serves(), **asks), "unknown_client")
    assert host.asked == []


def test_one_person_brings_so_many_and_no_more(host, asks, weber, monkeypatch):
    monkeypatch.setattr(client_documents, "MOST_OF_A_PERSON", 1)
    assert opens(weber, host.serves(), **asks).status_code == 200
    host.answers = lambda path: [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        f'{{"client_id": "{host.address(path)}", "redirect_uris": ["{LOOPBACK}"]}}'.encode(),
    ]
    is_page(opens(weber, host.address("/another.json"), **asks), "too_many_registrations")


@pytest.mark.parametrize(("back", "seen"), [("https://app.example/cb", False), ("https://other.example/cb", True)])
def test_at_the_host_of_its_document_it_is_remembered_and_elsewhere_not(asks, weber, monkeypatch, back, seen):
    client_id = "https://app.example/client.json"
    said = {"client_id": client_id, "client_name": "Notes", "redirect_uris": [back]}
    found = Document(json.dumps(said).encode(), "application/json", "")
    monkeypatch.setattr(client_documents, "fetch", lambda *_args, **_more: found)
    allows(weber, client_id, redirect_uri=back, **asks)
    again = opens(weber, client_id, redirect_uri=back, **asks)
    assert again.status_code == (200 if seen else 303)


def test_a_document_that_says_something_else_waits_where_people_rely_on_it(host, asks, weber, mara):
    client_id = host.serves()
    allows(weber, client_id, **asks)
    Client.objects.update(cimd_expires_at=timezone.now() - timedelta(minutes=1))
    other = "http://127.0.0.1:4000/other"
    host.serves(redirect_uris=[other], client_name="St. Anna")
    is_page(opens(weber, client_id, redirect_uri=other, **asks), "invalid_redirect_uri")
    assert opens(weber, client_id, **asks).status_code == 200
    client = Client.objects.get()
    assert (client.name, client.pending_metadata["name"]) == ("Note Helper", "St. Anna")
    assert len(events("client.registration_waits")) == 1
    seen = changed_registrations.digest_of_waiting(client)
    changed_registrations.see(client, take=True, seen=seen, reason="Theirs.", by=actor(mara), now=timezone.now())
    assert opens(weber, client_id, redirect_uri=other, **asks).status_code == 200


def test_while_nobody_relies_on_it_what_it_says_simply_counts(host, asks, weber):
    client_id = host.serves()
    opens(weber, client_id, **asks)
    Client.objects.update(cimd_expires_at=timezone.now() - timedelta(minutes=1))
    host.serves(client_name="Better Helper")
    opens(weber, client_id, **asks)
    assert Client.objects.get().name == "Better Helper"


def test_a_document_whose_keys_prove_the_program(host, asks, weber, directory_api):
    key = pair()
    client_id = host.serves(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public(key)]})
    code = allows(weber, client_id, **asks)
    proof = by_assertion(signed(claims_of(client_id), key))
    answer = redeems(client_id, code, **proof)
    assert answer.status_code == 200, answer.content
    assert directory_api.introspects(answer.json()["access_token"])["client_id"] == client_id
    assert redeems(client_id, code).status_code == 401
