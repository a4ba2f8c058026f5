"""Bad input at the token endpoints: the specification's error, one event, never a 500, nothing lost (RFC 6749 §5.2)."""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client as Browser

from agents.models import AuthMethod, Event
from consent.models import AccessToken
from tests import builders
from tests.builders import one_refusal
from tests.grants import FORM, basic, post

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+\Z")
ENDPOINTS = {
    "/oauth/token": "token.refused",
    "/oauth/introspect": "introspection.refused",
    "/oauth/revoke": "revocation.refused",
}


def check(answer, status, error):
    """The answer has this status and error, in the form of RFC 6749 §5.2."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.content
    assert set(answer.json()) == {"error", "error_description"}
    assert DESCRIPTION.match(answer.json()["error_description"]), answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer) == (status == 401)
    assert "Set-Cookie" not in answer
    assert "Access-Control-Allow-Credentials" not in answer


@contextmanager
def nothing_is_lost(claims, kind, reason):
    """What happens inside is one refusal; afterwards the right request works as before."""
    before = AccessToken.objects.count()
    with one_refusal(kind, reason):
        yield
    assert AccessToken.objects.count() == before
    assert claims.act_alone().status_code == 200


RAW_BODIES = {
    "grant_type twice": "grant_type=client_credentials&grant_type=client_credentials",
    "grant_type twice, different": "grant_type=client_credentials&grant_type=password",
    "scope twice": "grant_type=client_credentials&scope=calendar:read&scope=calendar:read",
    "token twice": "token=a&token=b",
    "client_id twice": "grant_type=client_credentials&client_id=a&client_id=a",
    "an unknown one twice": "grant_type=client_credentials&x=1&x=2",
    "NUL": "grant_type=client_credentials&scope=calendar%00read",
    "NUL in a name": "grant_type=client_credentials&sc%00ope=x",
    "invalid UTF-8, encoded": "grant_type=client_credentials&scope=%ff%fe",
    "a lone surrogate": "grant_type=client_credentials&scope=%ed%a0%80",
    "overlong UTF-8": "grant_type=client_credentials&scope=%c0%ae",
    "invalid UTF-8": b"grant_type=client_credentials&scope=\xff\xfe",
    "a raw NUL": b"grant_type=client_credentials&scope=\x00",
    "1 MB": "grant_type=client_credentials&token=t&scope=" + "x" * 1_000_000,
    "200 kB": "grant_type=client_credentials&token=t&scope=" + "x" * 200_000,
    "many": "&".join(f"p{number}=1" for number in range(2_000)),
    "a long name": "x" * 150_000 + "=1&" + "y" * 60_000 + "=2",
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_broken_form_is_invalid_request(claims, clinic_allows, endpoint):
    for body in RAW_BODIES.values():
        with nothing_is_lost(claims, ENDPOINTS[endpoint], "invalid_request"):
            check(Browser().post(endpoint, body, content_type=FORM, **claims.header), 400, "invalid_request")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_another_content_type_is_invalid_request(claims, clinic_allows, endpoint):
    body = json.dumps({"grant_type": "client_credentials", "token": "x"})
    for content_type in (
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "application/x-www-form-urlencoded-x",
        "x" * 5_000,
    ):
        with nothing_is_lost(claims, ENDPOINTS[endpoint], "invalid_request"):
            check(Browser().post(endpoint, body, content_type=content_type, **claims.header), 400, "invalid_request")


def test_a_charset_beside_the_content_type_changes_nothing(claims, clinic_allows):
    for charset in "utf-8", "UTF-8", "utf-16", "nonsense":
        header = f"{FORM}; charset={charset}"
        answer = Browser().generic("POST", "/oauth/token", b"grant_type=client_credentials", header, **claims.header)
        assert answer.status_code == 200, (charset, answer.content)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_parameters_in_the_address_are_refused(claims, clinic_allows, endpoint):
    with nothing_is_lost(claims, ENDPOINTS[endpoint], "invalid_request"):
        address = f"{endpoint}?grant_type=client_credentials&token=x&client_secret={claims.key}"
        check(
            post(address, {"grant_type": "client_credentials", "token": "x"}, **claims.header), 400, "invalid_request"
        )


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_another_method_is_refused(claims, clinic_allows, endpoint):
    for method in "get", "put", "patch", "delete", "options", "trace", "head":
        with nothing_is_lost(claims, ENDPOINTS[endpoint], "invalid_request"):
            answer = getattr(Browser(), method)(endpoint, **claims.header)
        assert (answer.status_code, answer["Allow"]) == (405, "POST")
        assert answer["Cache-Control"] == "no-store"


HEADERS = (
    "Basic",
    "Basic ",
    "Basic %%%",
    "Basic " + base64.b64encode(b"no colon").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Basic " + base64.b64encode(b"a\0:b").decode(),
    "Basic " + base64.b64encode(b"%00:%00").decode(),
    "Basic " + base64.b64encode(b"a:mdt_\0_x_000000").decode(),
    "Basic " + base64.b64encode(b"a" * 70_000 + b":b").decode(),
    "Basic \u00e4\u00f6",
    "Bearer abc",
    "Digest username=x",
    "\t",
)


def test_a_broken_authorization_header_is_invalid_client(claims, clinic_allows):
    for header in HEADERS:
        with nothing_is_lost(claims, "token.refused", "invalid_client"):
            answer = post("/oauth/token", {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
            check(answer, 401, "invalid_client")


def test_two_ways_to_prove_oneself_at_once_are_invalid_request(claims, clinic_allows):
    for more in (
        {"client_secret": claims.key},
        {"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
        {"client_assertion": "x"},
    ):
        with one_refusal("token.refused", "invalid_request"):
            check(claims.act_alone(client_id=claims.client.client_id, **more), 400, "invalid_request")
    assert claims.act_alone(client_id=claims.client.client_id).status_code == 200


def test_header_and_body_that_name_two_clients_are_invalid_request(claims, clinic_allows, discharge):
    with nothing_is_lost(claims, "token.refused", "invalid_request"):
        check(claims.act_alone(client_id=discharge.client.client_id), 400, "invalid_request")


def test_a_parameter_named_like_something_of_ours_is_only_a_parameter(claims, clinic_allows):
    unknown = basic("nobody", "x")
    for name in [
        "client",
        "user",
        "facts",
        "form",
        "scopes",
        "token",
        "code_row",
        "refresh_row",
        "mandate",
        "consent_id",
        "headers",
        "body",
    ]:
        assert claims.act_alone(**{name: "x"}).status_code == 200
        check(post("/oauth/token", {"grant_type": "client_credentials", name: "x"}, **unknown), 401, "invalid_client")
        check(claims.ask(grant_type="refresh_token", refresh_token="x", **{name: "x"}), 400, "unauthorized_client")


def test_an_unknown_client_and_a_wrong_secret_are_told_alike(claims, clinic_allows):
    form = {"grant_type": "client_credentials"}
    with one_refusal("token.refused", "invalid_client"):
        unknown = post("/oauth/token", form, **basic("nobody", claims.key))
    with one_refusal("token.refused", "invalid_client"):
        wrong = post("/oauth/token", form, **basic(claims.client.client_id, claims.key[:-1] + "0"))
    check(unknown, 401, "invalid_client")
    assert (unknown.content, unknown.headers.keys()) == (wrong.content, wrong.headers.keys())


WRONG_ALONE: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
    ({"grant_type": 'x"\\\u00e4'}, "unsupported_grant_type"),
    ({"grant_type": "authorization_code", "code": "x"}, "unauthorized_client"),
    ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
    ({"grant_type": "client_credentials", "scope": "unknown"}, "invalid_scope"),
    ({"grant_type": "client_credentials", "scope": 'calendar:read "'}, "invalid_scope"),
    ({"grant_type": "client_credentials", "scope": "x" * 5_000}, "invalid_scope"),
    ({"grant_type": "client_credentials", "resource": "https://nowhere.example"}, "invalid_target"),
    ({"grant_type": "client_credentials", "resource": ["https://a.example", "https://b.example"]}, "invalid_target"),
    ({"grant_type": "client_credentials", "resource": "\u00e4" * 5_000}, "invalid_target"),
    ({"grant_type": "client_credentials", "purpose": "Something else entirely"}, "invalid_request"),
    ({"grant_type": "client_credentials", "purpose": "\u202e" * 5_000}, "invalid_request"),
)


def test_each_wrong_request_gets_its_own_error(claims, clinic_allows):
    for form, error in WRONG_ALONE:
        with nothing_is_lost(claims, "token.refused", error):
            check(claims.ask(**form), 400, error)


WRONG_FOR_PEOPLE = (
    ({"grant_type": "authorization_code"}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": ""}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": "unknown", "code_verifier": "x" * 43}, "invalid_grant"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
    ({"grant_type": "client_credentials"}, "unauthorized_client"),
)


def test_so_does_each_wrong_request_of_an_assistant(discharge):
    for form, error in WRONG_FOR_PEOPLE:
        with one_refusal("token.refused", error):
            check(discharge.ask(**form), 400, error)


def test_an_event_of_a_refusal_names_client_agent_address_and_request_and_no_secret(claims, clinic_allows):
    answer = claims.act_alone(scope="unknown", client_id=claims.client.client_id)
    event = Event.objects.get(kind="token.refused")
    assert event.client_id == claims.client.pk
    assert event.agent_id == claims.client.agent_id
    assert event.address_digest
    assert str(event.request_id) == answer["X-Request-ID"]
    assert claims.key not in json.dumps(event.detail)


def test_a_public_client_that_sends_a_secret_is_refused(discharge_assistant):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": public.client_id}
    check(post("/oauth/token", form | {"client_secret": "x"}), 401, "invalid_client")
    check(post("/oauth/token", form), 400, "invalid_grant")


def test_what_stands_in_grant_type_does_not_enter_the_trail(claims):
    assert claims.ask(grant_type="Dr. Weber steals patient data").status_code == 400
    told = Event.objects.get(kind="token.refused")
    assert told.detail == {"grant": "other"}


def test_who_did_not_prove_to_be_the_client_is_not_told_as_the_client(claims_client):
    post("/oauth/token", {"grant_type": "client_credentials", "client_id": claims_client.client_id})
    told = Event.objects.get(kind="token.refused")
    assert (told.actor_kind, told.actor_id) == ("anonymous", None)
    assert told.client_id == claims_client.pk
