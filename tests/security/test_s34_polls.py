"""S34, the polls: what a person allowed out of band and its client has not fetched yet is cut off like everything else.

CIBA and the device grant: the person has said yes, somebody takes access away, and only then does the client poll.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import clients, credentials, lifecycle, people, resources
from agents import scopes as scope_rules
from agents.actors import Actor
from consent import mandate
from consent.models import AccessToken, Consent
from tests.builders import one_refusal
from tests.out_of_band import asked_id, decides, polls, polls_device, request_of, starts, types_code
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
SCOPES = "calendar:read letters:write"


def asked_by_ciba(robot, weber):
    secret = asked_id(robot, weber, scope=f"openid {SCOPES}")
    return secret, lambda: polls(robot, secret)


def asked_by_device(display, weber):
    body = starts(display, scope="calendar:read").json()
    types_code(weber, body["user_code"])
    return body["device_code"], lambda: polls_device(display, body["device_code"])


@pytest.fixture(params=["ciba", "device"])
def allowed(request, weber, see_appointments, write_letters):
    """A client whose question Weber has allowed, and the poll that it has not made yet."""
    ciba = request.param == "ciba"
    client = request.getfixturevalue("robot" if ciba else "display")
    secret, poll = (asked_by_ciba if ciba else asked_by_device)(client, weber)
    decides(weber, request_of(secret), scopes=[see_appointments, write_letters] if ciba else [see_appointments])
    return client, poll


def revoke(given, client, by, **when):
    mandate.revoke(given.pk, by=by(given.user), **when)


def revoke_all(given, client, by, **when):
    mandate.revoke_all(given.user, by=by(given.user), **when)


def suspend(given, client, by, **when):
    lifecycle.suspend(given.agent, by=by(), **when)


def retire(given, client, by, **when):
    lifecycle.retire(given.agent, by=by(), **when)


def owner_gone(given, client, by, **when):
    people.deactivate(given.agent.owner, by=by(), **when)


def person_deactivated(given, client, by, **when):
    people.deactivate(given.user, by=by(), **when)


def client_removed(given, client, by, **when):
    clients.end(client.client, by=by(), **when)


def credential_revoked(given, client, by, **when):
    [key] = client.client.credentials.all()
    credentials.revoke(key, by=by(), **when)


def resource_removed(given, client, by, **when):
    for resource in {scope.resource for scope in given.scopes(timezone.now())}:
        resources.end(resource, by=by(), **when)


def scopes_no_longer_offered(given, client, by, **when):
    for scope in given.scopes(timezone.now()):
        scope_rules.end_scope(scope, by=by(), **when)


CUTS = [
    (revoke, "invalid_grant"),
    (revoke_all, "invalid_grant"),
    (suspend, "invalid_client"),
    (retire, "invalid_client"),
    (owner_gone, "invalid_client"),
    (person_deactivated, "invalid_grant"),
    (client_removed, "invalid_client"),
    (credential_revoked, "invalid_client"),
    (resource_removed, "invalid_grant"),
    (scopes_no_longer_offered, "invalid_grant"),
]


@pytest.mark.parametrize(("cut", "error"), CUTS, ids=lambda value: getattr(value, "__name__", ""))
def test_s34_a_cut_between_the_yes_and_the_poll(allowed, mara, cut, error):
    client, poll = allowed

    def by(person=mara):
        return Actor.person(person)

    cut(Consent.objects.get(), client, by, reason="Over.", now=timezone.now())
    with one_refusal("token.refused"):
        assert is_oauth_error(poll(), error, 401 if error == "invalid_client" else 400)
    assert not AccessToken.objects.exists()


def test_s34_the_end_of_what_was_allowed_comes_before_the_poll(allowed):
    _, poll = allowed
    with time_machine.travel(Consent.objects.get().ends_at + timedelta(seconds=1), tick=False):
        assert poll().status_code == 400
    assert not AccessToken.objects.exists()


def test_s34_narrowed_before_the_poll_it_gets_what_is_left(robot, weber, see_appointments, write_letters):
    secret, poll = asked_by_ciba(robot, weber)
    decides(weber, request_of(secret), scopes=[see_appointments, write_letters])
    mandate.narrow(
        Consent.objects.get().pk, keep=frozenset({see_appointments}), reason="Less.", by=Actor.person(weber),
        now=timezone.now(),
    )  # fmt: skip
    assert poll().json()["scope"].split() == ["openid", "calendar:read"]


def test_s34_nothing_taken_away_the_poll_gets_its_token(allowed):
    _, poll = allowed
    assert poll().status_code == 200
    assert AccessToken.objects.count() == 1
