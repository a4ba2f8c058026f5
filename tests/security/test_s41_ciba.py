"""S41: asking out of band. Who may ask, whom, how often to poll; and that telling a client tells it nothing more."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import time_machine
from django.utils import timezone

from agents import outgoing, people
from agents.errors import InvalidInput
from agents.models import AuthMethod
from consent import pings
from consent.models import AccessRequest, AccessToken
from tests import builders
from tests.builders import one_refusal
from tests.grants import TokenClient, post
from tests.out_of_band import (
    ASK,
    asked_id,
    asking_client,
    asks,
    decides,
    joins_circle,
    polls,
    request_of,
    told_client,
)
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


class Listener:
    """The client's notification endpoint, on this machine."""

    def __init__(self, status=204, location=""):
        self.seen = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.seen.append((self.path, dict(self.headers), body))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def do_GET(self):
                self.do_POST()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/decided"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener():
    opened = []

    def make(**facts):
        opened.append(Listener(**facts))
        return opened[-1]

    yield make
    for one in opened:
        one.stop()


@pytest.fixture
def told(settings, discharge_assistant, weber, mara, listener):
    """A client that is told at a listener on this machine: the test switch allows that."""
    settings.LOCAL_CALLS = True
    joins_circle(discharge_assistant, weber, by=mara)

    def make(**facts):
        hears = listener(**facts)
        return told_client(discharge_assistant, hears.url, by=mara), hears

    return make


def test_s41_a_public_client(discharge_assistant, weber_allows, weber):
    public = builders.client(discharge_assistant, "local", auth_method=AuthMethod.NONE)
    with one_refusal("request.refused", "unauthorized_client"):
        answer = post(ASK, {"client_id": public.client_id, "login_hint": weber.email, "scope": "calendar:read"})
        assert is_oauth_error(answer, "unauthorized_client")


@pytest.mark.parametrize(
    "hints",
    [
        {"login_hint": None},
        {"login_hint": ""},
        {"id_token_hint": "a"},
        {"login_hint_token": "a"},
        {"id_token_hint": "a", "login_hint_token": "b"},
    ],
    ids=str,
)
def test_s41_no_or_two_hints(robot, weber, hints):
    assert is_oauth_error(asks(robot, weber, **hints), "invalid_request")
    assert not AccessRequest.objects.exists()


def test_s41_unknown_parameters_change_nothing(robot, weber, ada):
    extra = {
        "sub": str(ada.pk), "user": ada.email, "user_id": str(ada.pk), "agent": "x", "consent": "x", "decision": "allowed",
        "approved": "true", "user_code": "1234", "redirect_uri": "https://evil.example",
        "client_notification_token": "stolen", "notification_endpoint": "https://evil.example",
    }  # fmt: skip
    request = request_of(asked_id(robot, weber, **extra))
    assert (request.user, request.decision, request.ping_sealed) == (weber, "", "")


def test_s41_doubled_hints_are_refused(robot, weber, ada):
    body = f"scope=calendar:read&login_hint={weber.email}&login_hint={ada.email}"
    assert is_oauth_error(post(ASK, body, **robot.header), "invalid_request")


def test_s41_an_early_poll_is_slowed(robot, weber):
    secret = asked_id(robot, weber)
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False):
        assert is_oauth_error(polls(robot, secret), "authorization_pending")
        assert is_oauth_error(polls(robot, secret), "slow_down")
    assert request_of(secret).wait_seconds == 10


def test_s41_nobody_learns_who_is_known(robot, ada, weber, mara):
    people.deactivate(weber, reason="Left.", by=builders.actor(mara), now=timezone.now())
    answers = {asks(robot, hint).content for hint in (ada, weber, "nobody@st-anna.example")}
    assert len(answers) == 1


def test_s41_a_deactivated_person_gives_no_token(robot, weber, mara):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))
    people.deactivate(weber, reason="Left.", by=builders.actor(mara), now=timezone.now())
    assert is_oauth_error(polls(robot, secret), "invalid_grant")
    assert not AccessToken.objects.exists()


def test_s12_an_auth_req_id_in_other_hands(robot, weber, discharge_assistant, mallory, mara, read_records):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))
    foreign = asking_client(builders.agent("Other", owner=mallory, scopes=[read_records]), "foreign")
    for thief in (asking_client(discharge_assistant, "sibling"), foreign):
        with one_refusal("token.refused", "invalid_grant"):
            assert is_oauth_error(polls(thief, secret), "invalid_grant")
    public = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE)
    answer = post(
        "/oauth/token",
        {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": secret, "client_id": public.client_id},
    )
    assert is_oauth_error(answer, "unauthorized_client")
    assert polls(robot, secret).status_code == 200


@pytest.mark.parametrize("secret", ["unknown", "x" * 5000, "' OR 1=1 --", "\u00e4"])
def test_s41_an_unknown_auth_req_id_is_a_plain_refusal(robot, secret):
    assert is_oauth_error(polls(robot, secret), "invalid_grant")


# ------------------------------------------------------------------------------------------------------- being told


def test_s41_a_ping_says_which_question_and_carries_no_token(told, weber):
    robot, hears = told()
    secret = asked_id(robot, weber, client_notification_token="the-clients-own-token")
    request = request_of(secret)
    assert secret not in request.ping_sealed
    assert pings.tell(now=timezone.now()) == 0
    decides(weber, request)
    assert pings.tell(now=timezone.now()) == 1
    assert pings.tell(now=timezone.now() + timedelta(hours=1)) == 0
    ((path, headers, body),) = hears.seen
    assert path == "/decided"
    assert headers["Authorization"] == "Bearer the-clients-own-token"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"auth_req_id": secret}
    assert request_of(secret).ping_sealed == ""
    assert polls(robot, secret).status_code == 200


def test_s41_a_no_is_told_likewise(told, weber):
    robot, hears = told()
    secret = asked_id(robot, weber, client_notification_token="t")
    decides(weber, request_of(secret), "refuse")
    assert pings.tell(now=timezone.now()) == 1
    assert json.loads(hears.seen[0][2]) == {"auth_req_id": secret}


def test_s41_a_ping_follows_no_redirect(told, listener, weber):
    elsewhere = listener()
    robot, hears = told(status=302, location=elsewhere.url)
    decides(weber, request_of(asked_id(robot, weber, client_notification_token="t")))
    assert pings.tell(now=timezone.now()) == 0
    assert len(hears.seen) == 1
    assert elsewhere.seen == []


def test_s41_a_client_that_cannot_be_told_is_tried_ever_more_seldom_and_then_no_more(told, weber):
    robot, hears = told(status=500)
    secret = asked_id(robot, weber, client_notification_token="t")
    decides(weber, request_of(secret))
    now = timezone.now()
    for _ in range(20):
        pings.tell(now=now)
        now += timedelta(minutes=1)
    assert 1 < len(hears.seen) <= pings.MOST_TRIES
    assert request_of(secret).ping_sealed == ""
    assert len(builders.events("request.not_told")) == 1
    assert polls(robot, secret).status_code == 200


def test_s41_the_token_for_being_told_is_needed_and_checked(told, weber):
    robot, _ = told()
    for token in (None, "", "a b", "x" * 1025, "a\r\nX-Evil: 1", "\u00e4"):
        assert is_oauth_error(asks(robot, weber, client_notification_token=token), "invalid_request")
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.example.org/decided",
        "http://127.0.0.1:8000/decided",
        "http://localhost/decided",
        "https://localhost/decided",
        "https://127.0.0.1/decided",
        "https://10.0.0.7/decided",
        "https://[::1]/decided",
        "https://169.254.169.254/latest",
        "https://2130706433/decided",
        "https://user@agent.example.org/decided",
        "https://agent.example.org/decided#x",
        "https://agent.example.org/a b",
        "ftp://agent.example.org/",
        "file:///etc/passwd",
        "agent.example.org",
    ],
)
def test_s41_an_address_inside_is_no_place_to_be_told(discharge_assistant, mara, url):
    def tell():
        told_client(discharge_assistant, url, by=mara)
        outgoing.post(url, body=b"", headers={}, within=1)

    with pytest.raises((InvalidInput, outgoing.BadAddress)):
        tell()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::1", "64:ff9b::a00:1",
    ],
)  # fmt: skip
def test_s41_a_name_that_leads_inside_is_not_called(address, monkeypatch):
    called = []
    monkeypatch.setattr("agents.outgoing.socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    monkeypatch.setattr("agents.outgoing.socket.create_connection", lambda *a, **_: called.append(a))
    with pytest.raises(outgoing.BadAddress):
        outgoing.post("https://agent.example.org/decided", body=b"", headers={}, within=1)
    assert called == []


def test_s41_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    called = []

    def refuse(address, timeout):
        called.append(address)
        raise OSError("not here")

    monkeypatch.setattr("agents.outgoing.socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("93.184.216.34", 443))])
    monkeypatch.setattr("agents.outgoing.socket.create_connection", refuse)
    with pytest.raises(outgoing.NotReached):
        outgoing.post("https://agent.example.org/decided", body=b"", headers={}, within=1)
    assert called == [("93.184.216.34", 443)]


def test_s41_a_ping_of_a_client_that_was_removed_goes_nowhere(told, weber, mara):
    from agents import clients

    robot, hears = told()
    secret = asked_id(robot, weber, client_notification_token="t")
    decides(weber, request_of(secret))
    clients.end(robot.client, reason="Gone.", by=builders.actor(mara), now=timezone.now())
    pings.tell(now=timezone.now())
    assert hears.seen == []


def test_s41_the_registration_keeps_no_second_secret(told):
    robot, _ = told()
    assert isinstance(robot, TokenClient)
    assert robot.client.client_secret == ""
