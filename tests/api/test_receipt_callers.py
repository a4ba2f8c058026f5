"""Who may report: a resource by its own live credentials, and nobody by a session, a token or a key elsewhere (S22, S26)."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import credentials, resources
from agents.actors import Actor
from agents.models import Event
from tests import builders, grants
from tests.api.reporting import PATH, is_problem, sends
from tests.builders import one_refusal
from tests.grants import basic

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic bm9uYW1l", "Bearer", "Digest x", "x" * 5_000])
def test_who_does_not_prove_itself_is_refused_with_a_challenge(said, header):
    with one_refusal("api.refused", "not_authenticated"):
        response = sends(said, **({"HTTP_AUTHORIZATION": header} if header else {}))
    is_problem(response, 401, "not_authenticated")
    assert "realm=" in response["WWW-Authenticate"]


def test_a_wrong_key_an_ended_one_and_a_clients_key_are_refused_alike(said, records_api, records, mara, discharge):
    other = builders.key(records, by=mara)
    credentials.revoke(other.credential, by=Actor.person(mara), now=timezone.now(), reason="Leaked.")
    wrong = records_api.key[:-7] + "AAAAAAA"
    answers = set()
    for key in (wrong, other.key, discharge.key, ""):
        for header in (basic(records.identifier, key), {"HTTP_AUTHORIZATION": f"Bearer {key}"}):
            response = sends(said, **header)
            is_problem(response, 401, "not_authenticated")
            answers.add(response.json()["detail"])
    assert len(answers) == 1
    assert not Event.objects.filter(kind="receipt.reported").exists()


def test_the_key_of_a_removed_resource_proves_nothing(said, records_api, records, mara):
    resources.end(records, reason="Gone.", by=Actor.person(mara), now=timezone.now())
    is_problem(sends(said, **records_api.header), 401, "not_authenticated")
    is_problem(sends(said, HTTP_AUTHORIZATION=f"Bearer {records_api.key}"), 401, "not_authenticated")


def test_an_access_token_is_no_credential_here(said, discharge, weber_allows, pkce):
    token = discharge.redeem(grants.code(weber_allows, grants.Pkce()), pkce)
    bearer = token.json().get("access_token", "no-token")
    response = sends(said, HTTP_AUTHORIZATION=f"Bearer {bearer}")
    is_problem(response, 401, "not_authenticated")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_a_bad_bearer_never_falls_back_to_a_session(said, mara):
    signed_in = builders.browser(mara)
    is_problem(sends(said, browser=signed_in, HTTP_AUTHORIZATION="Bearer nonsense"), 401, "not_authenticated")
    is_problem(sends(said, browser=signed_in), 401, "not_authenticated")


def test_a_key_in_the_body_or_the_query_counts_for_nothing(said, records_api):
    is_problem(sends({**said, "access_token": records_api.key}), 401, "not_authenticated")
    response = Browser().post(
        f"{PATH}?access_token={records_api.key}", json.dumps(said), content_type="application/json"
    )
    is_problem(response, 401, "not_authenticated")
