"""S52: the parts that stand apart from tests/oauth/test_registration_management.py: tokens of others, and what is over."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from agents.models import Client
from agents.programs import registration_management
from consent.models import Consent
from tests.builders import one_refusal
from tests.oauth.test_registration_management import manages, reads
from tests.programs import allows, redeems, registers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation", "look_up_staff")]


def test_s52_after_deletion_nothing_of_it_counts(weber, directory, directory_api):
    said = registers().json()
    token = redeems(said["client_id"], allows(weber, said["client_id"], resource=directory.uri)).json()["access_token"]
    assert directory_api.introspects(token)["active"] is True
    assert manages(said, "delete").status_code == 204
    for method in ("get", "put", "delete"):
        with one_refusal("client.registration_refused", "invalid_token"):
            assert manages(said, method, {"client_id": said["client_id"]}).status_code == 401
    assert directory_api.introspects(token) == {"active": False}
    assert Consent.objects.filter(client__client_id=said["client_id"]).count() == 1


def test_s52_a_registration_token_is_no_token_anywhere_else(weber, directory_api):
    said = registers().json()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {said['registration_access_token']}"}
    assert directory_api.introspects(said["registration_access_token"]) == {"active": False}
    assert Browser().post("/api/v1/receipts", "{}", content_type="application/json", **bearer).status_code == 401
    assert registers(token=said["registration_access_token"]).status_code == 401
    assert reads(said).status_code == 200


def test_s52_a_client_that_people_registered_has_no_such_address(discharge_client):
    Client.objects.filter(pk=discharge_client.pk).update(registration_digest="")
    for token in ("", "x"):
        said = {"client_id": discharge_client.client_id, "registration_access_token": token}
        assert manages(said, "delete").status_code == 401
    discharge_client.refresh_from_db()
    assert discharge_client.ended_at is None


def test_s52_a_registration_cannot_be_changed_without_end(monkeypatch):
    """Each change is an event as long as what it tells, and whoever registers need not say who they are."""
    monkeypatch.setattr(registration_management, "MOST_CHANGES", 2)
    said, other = registers().json(), registers(client_name="Another").json()
    for number in range(2):
        assert manages(said, "put", {**reads(said).json(), "client_name": f"Name {number}"}).status_code == 200
    with one_refusal("client.registration_refused", "too_many_registrations"):
        answer = manages(said, "put", {**reads(said).json(), "client_name": "Once more"})
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert int(answer["Retry-After"]) > 0
    assert reads(said).json()["client_name"] == "Name 1"
    assert manages(other, "put", {**reads(other).json(), "client_name": "Mine"}).status_code == 200
    assert manages(said, "delete").status_code == 204


@pytest.mark.engine
@pytest.mark.parametrize("client_id", ["%00", "a%00b", "%ff", "%ed%a0%80", "x" * 5_000, "%0a", "%F0%9F%98%80"])
def test_s52_an_id_of_anything_is_unknown(client_id):
    with one_refusal("client.registration_refused", "invalid_token"):
        answer = Browser().get(f"/oauth/register/{client_id}", HTTP_AUTHORIZATION="Bearer mdr_x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
