"""Managing a registration (RFC 7592): with its own token alone, and never past those who agreed to what it said before."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents.errors import Forbidden
from agents.models import Client, Credential
from agents.programs import changed_registrations
from consent.models import Consent
from tests import builders
from tests.builders import actor, events, one_refusal
from tests.forms import form_of, text_of
from tests.programs import LOOPBACK, allows, opens, redeems, registers
from tests.signing import pair, public

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation", "look_up_staff")]


@pytest.fixture
def said():
    """What a program was told when it registered."""
    return registers().json()


@pytest.fixture
def asks(directory):
    return {"resource": directory.uri, "scope": "staff:read"}


def manages(said, method="get", body=None, *, token=None, client_id=""):
    path = f"/oauth/register/{client_id or said['client_id']}"
    header = {"HTTP_AUTHORIZATION": f"Bearer {said['registration_access_token'] if token is None else token}"}
    return Browser().generic(method.upper(), path, json.dumps(body or {}), content_type="application/json", **header)


def reads(said):
    return Browser().get(
        f"/oauth/register/{said['client_id']}", HTTP_AUTHORIZATION=f"Bearer {said['registration_access_token']}"
    )


def test_it_reads_itself_and_what_it_read_changes_nothing(said):
    now = reads(said).json()
    assert now == {name: value for name, value in said.items() if name != "registration_access_token"}
    before = Client.objects.values().get()
    answer = manages(said, "put", now)
    assert (answer.status_code, answer.json()) == (200, now)
    assert Client.objects.values().get() == before
    assert not events("client.changed")


def test_a_secret_is_never_told_again():
    said = registers(token_endpoint_auth_method="client_secret_basic").json()
    assert "client_secret" not in reads(said).json()
    same = manages(said, "put", {**reads(said).json(), "client_secret": said["client_secret"]})
    assert same.status_code == 200
    other = manages(said, "put", {**reads(said).json(), "client_secret": "mdt_another"})
    assert other.json()["error"] == "invalid_client_metadata"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_its_own_token_counts(said, method):
    other = registers(client_name="Another").json()
    for token in ("", "mdr_guess", other["registration_access_token"], said["client_id"]):
        with one_refusal("client.registration_refused", "invalid_token"):
            answer = manages(said, method, token=token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert manages(said, "get", client_id="nobody").status_code == 401
    assert manages(said, "post").status_code == 405


def test_while_nobody_relies_on_it_a_change_counts_at_once(said):
    body = {**reads(said).json(), "client_name": "Better Helper", "redirect_uris": ["https://app.example/cb"]}
    body["application_type"] = "web"
    answer = manages(said, "put", body)
    assert answer.json()["client_name"] == "Better Helper"
    assert [event.detail["after"]["name"] for event in events("client.changed")] == ["Better Helper"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"client_id": "another"}, "invalid_client_metadata"),
    ],
)
def test_what_cannot_be(said, changed, error):
    answer = manages(said, "put", {**reads(said).json(), **changed})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_once_people_rely_on_it_a_change_waits_until_it_is_seen(said, asks, weber, mara):
    allows(weber, said["client_id"], **asks)
    other = "https://elsewhere.example/cb"
    answer = manages(said, "put", {**reads(said).json(), "redirect_uris": [other], "application_type": "web"})
    assert answer.json()["redirect_uris"] == [LOOPBACK]
    assert opens(weber, said["client_id"], redirect_uri=other, **asks).status_code == 400
    assert opens(weber, said["client_id"], **asks).status_code == 200
    client = Client.objects.get()
    browser = builders.browser(mara)
    assert "says something else of itself" in text_of(browser.get("/"))
    page = f"/programs/{client.pk}/changes/"
    assert "elsewhere.example" in text_of(browser.get(page))
    browser.post(page, {**form_of(browser.get(page), page), "reason": "Known to us.", "answer": "take"})
    assert Client.objects.get().redirect_uris == other
    assert Consent.objects.get().status(timezone.now()) == "paused"
    assert opens(weber, said["client_id"], redirect_uri=other, **asks).status_code == 200


def test_what_is_seen_can_be_left(said, asks, weber, mara, omar):
    allows(weber, said["client_id"], **asks)
    manages(said, "put", {**reads(said).json(), "client_name": "St. Anna"})
    client = Client.objects.get()
    seen = changed_registrations.digest_of_waiting(client)
    with pytest.raises(Forbidden):
        changed_registrations.see(client, take=True, seen=seen, reason="Mine.", by=actor(weber), now=timezone.now())
    page = f"/programs/{client.pk}/changes/"
    auditor = builders.browser(omar)
    read = text_of(auditor.get(page))
    assert "Anna" in read
    assert "Let it count" not in read
    assert auditor.post(page, {"reason": "As they say.", "answer": "take"}).status_code == 403
    browser = builders.browser(mara)
    browser.post(page, {**form_of(browser.get(page), page), "reason": "Not theirs.", "answer": "leave"})
    client.refresh_from_db()
    assert (client.name, client.pending_since) == ("Note Helper", None)
    assert "Nothing waits" in text_of(browser.get(page))
    assert builders.browser(weber).get(page).status_code == 404


def test_what_was_refused_is_not_asked_again_until_it_is_something_else(said, asks, weber, mara):
    allows(weber, said["client_id"], **asks)
    once_more = {**reads(said).json(), "client_name": "St. Anna"}
    manages(said, "put", once_more)
    client = Client.objects.get()
    seen = changed_registrations.digest_of_waiting(client)
    changed_registrations.see(client, take=False, seen=seen, reason="No.", by=actor(mara), now=timezone.now())
    manages(said, "put", once_more)
    assert Client.objects.get().pending_since is None
    assert len(events("client.registration_waits")) == 1
    manages(said, "put", {**once_more, "client_name": "St. Anna 2"})
    assert Client.objects.get().pending_since is not None


def test_what_a_program_says_after_the_look_is_not_taken_with_it(said, asks, weber, mara):
    allows(weber, said["client_id"], **asks)
    manages(said, "put", {**reads(said).json(), "client_name": "Note Helper 2"})
    browser, page = builders.browser(mara), f"/programs/{Client.objects.get().pk}/changes/"
    looked_at = form_of(browser.get(page), page)
    manages(said, "put", {**reads(said).json(), "redirect_uris": ["https://elsewhere.example/cb"]})
    answer = browser.post(page, {**looked_at, "reason": "Only a name.", "answer": "take"})
    assert "Look at it again" in text_of(answer)
    assert Client.objects.get().redirect_uris == LOOPBACK


def test_keys_rotate_at_once(asks, weber):
    old, new = public(pair()), public(pair())
    said = registers(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [old]}).json()
    assert reads(said).json()["jwks"]["keys"][0]["x"] == old["x"]
    answer = manages(said, "put", {**reads(said).json(), "jwks": {"keys": [new]}})
    assert [key["x"] for key in answer.json()["jwks"]["keys"]] == [new["x"]]
    assert Credential.objects.live(timezone.now()).get().public_jwk["x"] == new["x"]


def test_it_removes_itself_and_its_tokens_are_dead(said, asks, weber, directory_api):
    code = allows(weber, said["client_id"], **asks)
    token = redeems(said["client_id"], code).json()["access_token"]
    answer = manages(said, "delete")
    assert (answer.status_code, answer.content) == (204, b"")
    assert directory_api.introspects(token) == {"active": False}
    assert Consent.objects.count() == 1  # what was agreed to stays to be read
    assert reads(said).status_code == 401
    assert opens(weber, said["client_id"], **asks).status_code == 400
