"""private_key_jwt (RFC 7523): a client proves itself by a signature; its keys here or at its own address."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import time_machine
from django.utils import timezone
from joserfc.jwk import ECKey, OKPKey, RSAKey

from agents import clients, credentials
from agents.models import AuthMethod, EventText, FetchedKeys
from agents.trail.kinds import Kind
from consent.models import AccessToken
from tests import builders, grants
from tests.builders import actor, one_refusal
from tests.consent.asking import asked
from tests.grants import post
from tests.oauth.test_query_counts import statements
from tests.security.expected import is_oauth_error
from tests.services.parallel import at_once
from tests.signing import SigningClient, by_assertion, claims_of, gives_key, pair, public, signed

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
PAIRS = {
    "ES256": lambda: ECKey.generate_key("P-256", private=True),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", private=True),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", private=True),
    "PS256": lambda: RSAKey.generate_key(2048, private=True),
}


class Published:
    """A program at a port of this machine that publishes keys, as slowly or as wrongly as a test says."""

    def __init__(self) -> None:
        self.keys: list[dict] = []
        self.answer: tuple[int, bytes] | None = None
        self.asked = 0
        self.wait = threading.Event()
        self.wait.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.wait.wait(10)
                status, body = outer.answer or (200, json.dumps({"keys": outer.keys}).encode())
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/jwks.json"


@pytest.fixture
def published(settings):
    settings.LOCAL_CALLS = True
    program = Published()
    yield program
    program.wait.set()
    program.server.shutdown()
    program.server.server_close()


@pytest.fixture
def publisher(filer, ada, published):
    """The same client, which publishes its keys by itself."""
    clients.change(filer.client, jwks_uri=published.address, by=actor(ada), now=timezone.now())
    published.keys = [public(filer.key, kid="one")]
    return filer


@pytest.mark.parametrize("algorithm", PAIRS)
def test_each_algorithm_that_is_advertised_works(filer, algorithm):
    key = PAIRS[algorithm]()
    gives_key(filer.client, key)
    assertion = signed(claims_of(filer.client.client_id), key, algorithm=algorithm)
    assert filer.act_alone(assertion).status_code == 200


@pytest.mark.parametrize("header", [{}, {"typ": "JWT"}, {"typ": "client-authentication+jwt"}, {"kid": "whatever"}])
def test_the_header_may_say_what_it_is_and_which_key(filer, header):
    assertion = signed(claims_of(filer.client.client_id), filer.key, **header)
    assert filer.act_alone(assertion).status_code == 200
    assert filer.act_alone(client_id=filer.client.client_id).status_code == 200


def test_it_works_for_people_too_and_at_every_endpoint(discharge_assistant, weber, read_records, pkce, records_api):
    client = builders.client(discharge_assistant, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    signing = SigningClient(client)
    gives_key(client, signing.key)
    given = grants.consent(client, scopes=[read_records], user=weber)
    pair_of_tokens = signing.redeem(grants.code(given, pkce), pkce).json()
    fresh = signing.ask(grant_type="refresh_token", refresh_token=pair_of_tokens["refresh_token"]).json()
    assert records_api.introspects(fresh["access_token"])["active"] is True
    pushed = post("/oauth/par", asked(client, scope="calendar:read") | by_assertion(signing.assertion()))
    assert pushed.status_code == 201
    gone = post("/oauth/revoke", {"token": fresh["refresh_token"], **by_assertion(signing.assertion())})
    assert gone.status_code == 200
    assert records_api.introspects(fresh["access_token"]) == {"active": False}


def test_a_token_names_its_key_and_dies_with_it(filer, records_api, ada):
    token = filer.act_alone().json()["access_token"]
    credential = filer.client.credentials.get()
    assert AccessToken.objects.get().credential_id == credential.pk
    credentials.revoke(credential, by=actor(ada), now=timezone.now(), reason="The laptop is gone.")
    assert records_api.introspects(token) == {"active": False}
    assert is_oauth_error(filer.act_alone(), "invalid_client", 401)


def test_two_keys_overlap_and_one_ends_by_itself(filer):
    newer = pair()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        gives_key(filer.client, newer, ends_at=timezone.now() + timedelta(hours=1))
        assert filer.act_alone().status_code == 200
        assert SigningClient(filer.client, newer).act_alone().status_code == 200
        clock.shift(timedelta(hours=1))
        assert filer.act_alone().status_code == 200
        assert is_oauth_error(SigningClient(filer.client, newer).act_alone(), "invalid_client", 401)


def test_an_older_client_signs_as_authlib_does_by_default(filer, ada, settings):
    key = RSAKey.generate_key(2048, private=True)
    gives_key(filer.client, key)

    def asks(**changed):
        claims = claims_of(filer.client.client_id, **changed)
        return filer.act_alone(signed(claims, key, algorithm="RS256"))

    older = {"aud": f"{settings.ISSUER}/oauth/token", "exp": claims_of("x")["iat"] + 3_600}
    for changed, said in (({}, "RS256"), ({"aud": older["aud"]}, "RS256")):
        answer = asks(**changed)
        assert is_oauth_error(answer, "invalid_client", 401)
        assert said in answer.json()["error_description"]
        assert "/clients/" in answer.json()["error_description"]
    for changed, said in (({"aud": older["aud"]}, "aud"), ({"exp": older["exp"]}, "exp")):
        answer = filer.act_alone(filer.assertion(**changed))
        assert is_oauth_error(answer, "invalid_client", 401)
        assert answer.json()["error_description"].startswith(said)
        assert "/clients/" in answer.json()["error_description"]
    clients.change(filer.client, older_reason="Its library is of 2021.", by=actor(ada), now=timezone.now())
    assert asks(**older).status_code == 200
    assert filer.act_alone().status_code == 200
    (event,) = builders.events(Kind.CLIENT_CHANGED)
    assert event.detail["after"] == {"older": True}
    assert EventText.objects.get(pk=event.reason_digest).text == "Its library is of 2021."


def test_what_is_wrong_inside_is_told_only_to_whoever_signed_it(filer, discharge_client):
    stranger = SigningClient(filer.client, pair())
    unknown = signed(claims_of("nobody", aud="x"), pair())
    answers = [
        stranger.act_alone(stranger.assertion(aud="x")),
        post("/oauth/token", {"grant_type": "client_credentials", **by_assertion(unknown)}),
    ]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_of_one_assertion_one_counts(filer):
    assertion = filer.assertion()
    outcome = at_once(50, lambda _number: filer.act_alone(assertion).status_code)
    assert not outcome.raised, outcome.raised[:3]
    assert sorted(outcome.returned) == [200] + [401] * 49


@pytest.mark.django_db(transaction=True)
def test_it_costs_one_statement_more_than_a_secret(filer):
    filer.act_alone()
    with statements(most=5):
        assert filer.act_alone().status_code == 200


# ------------------------------------------------------------------------------------------ keys at an address


def test_published_keys_are_read_once_and_kept(publisher, published):
    for _ in range(3):
        assert publisher.act_alone().status_code == 200
    assert published.asked == 1
    assert FetchedKeys.objects.get().keys[0]["kid"] == "one"
    assert AccessToken.objects.filter(credential=None).count() == 3


def test_a_key_that_its_client_changed_is_found_and_one_that_it_took_away_is_over(publisher, published):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert publisher.act_alone().status_code == 200
        newer = SigningClient(publisher.client)
        published.keys = [public(newer.key, kid="two")]
        assert is_oauth_error(newer.act_alone(), "invalid_client", 401)  # asked a moment ago
        clock.shift(timedelta(seconds=31))
        assert newer.act_alone().status_code == 200
        assert is_oauth_error(publisher.act_alone(), "invalid_client", 401)


def test_a_key_that_was_taken_away_counts_ten_minutes_at_most(publisher, published):
    """S20, also while its host is down meanwhile: the last good keys count up to their limit, and not longer."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert publisher.act_alone().status_code == 200
        published.answer = (500, b"")
        clock.shift(timedelta(minutes=9))
        assert publisher.act_alone().status_code == 200
        clock.shift(timedelta(minutes=1))
        with one_refusal("token.refused", "keys_not_reached"):
            assert is_oauth_error(publisher.act_alone(), "invalid_client", 401)
        published.answer = None
        clock.shift(timedelta(seconds=6))
        assert publisher.act_alone().status_code == 200


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"), (302, b""), (200, b""), (200, b"no json"), (200, b"[]"), (200, b'{"keys": 7}'),
        (200, b'{"keys": [' + b"[" * 50_000), (200, b"x" * 70_000), (204, b""),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:8]!r}",
)  # fmt: skip
def test_an_address_that_answers_something_else_is_no_key(publisher, published, answer):
    published.answer = answer
    with one_refusal("token.refused", "keys_not_reached"):
        assert is_oauth_error(publisher.act_alone(), "invalid_client", 401)


def test_keys_that_cannot_be_used_are_passed_over(publisher, published):
    published.keys = [
        {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC", "crv": "P-384", "x": "a", "y": "b"}, {"kty": ["EC"]}, {},
        public(pair(), use="enc"), publisher.key.as_dict(private=True), *published.keys,
    ]  # fmt: skip
    assert publisher.act_alone().status_code == 200
    assert len(FetchedKeys.objects.get().keys) == 1


@pytest.mark.django_db(transaction=True)
def test_a_host_that_hangs_holds_up_nobody_else_and_is_asked_once(publisher, published, claims, clinic_allows):
    published.wait.clear()

    def asks(number):
        started = timezone.now()
        answer = claims.act_alone() if number % 10 == 0 else publisher.act_alone()
        return number % 10 == 0, answer.status_code, (timezone.now() - started).total_seconds()

    outcome = at_once(20, asks)
    assert not outcome.raised, outcome.raised[:3]
    assert published.asked == 1
    assert {status for plain, status, _ in outcome.returned if plain} == {200}
    assert {status for plain, status, _ in outcome.returned if not plain} == {401}
    assert max(seconds for *_, seconds in outcome.returned) < 5


def test_another_address_forgets_the_keys_of_the_old_one(publisher, published, ada):
    assert publisher.act_alone().status_code == 200
    published.keys = []
    act = {"by": actor(ada), "now": timezone.now()}
    clients.change(publisher.client, jwks_uri=published.address + "?v=2", **act)
    assert is_oauth_error(publisher.act_alone(), "invalid_client", 401)
    assert builders.events(Kind.CLIENT_CHANGED)[-1].detail["after"] == {"jwks_uri": published.address + "?v=2"}
