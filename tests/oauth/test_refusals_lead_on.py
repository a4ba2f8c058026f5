"""Every refusal that a person could lift says where, to a client that proved itself, and the page is there for that person."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from agents import lifecycle, scope_words
from agents.models import AuthMethod, Client, Scope, User
from consent import mandate
from consent.models import Consent
from tests import builders, grants
from tests.consent.asking import answer_of, asked, opens
from tests.grants import Pkce, TokenClient, post
from tests.out_of_band import (
    ASK,
    START,
    asked_id,
    asking_client,
    asks,
    decides,
    joins_circle,
    let_use_device_codes,
    polls,
    request_of,
    starts,
)

pytestmark = [pytest.mark.django_db, pytest.mark.engine]

PUSH = "/oauth/par"


@dataclass
class World:
    """Who and what these refusals are about."""

    discharge: TokenClient
    robot: TokenClient
    claims: TokenClient
    ada: User
    weber: User
    mara: User
    see_appointments: Scope
    look_up_staff: Scope

    @property
    def client(self) -> Client:
        return self.discharge.client

    def allowed(self, *held: Scope) -> Consent:
        return grants.consent(self.client, scopes=held or [self.see_appointments], user=self.weber)

    def refresh_token(self, given: Consent, **form: str) -> str:
        pkce = Pkce()
        return str(self.discharge.redeem(grants.code(given, pkce), pkce, **form).json()["refresh_token"])

    def revokes(self, given: Consent) -> None:
        mandate.revoke(given.pk, reason="Done.", by=builders.actor(self.weber), now=timezone.now())


@pytest.fixture
def world(discharge, discharge_assistant, claims, ada, weber, mara, see_appointments, look_up_staff) -> World:
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    return World(discharge, robot, claims, ada, weber, mara, see_appointments, look_up_staff)


# ------------------------------------------------------------------------------------------------ at the token endpoint


def suspended(world: World) -> Any:
    lifecycle.suspend(world.client.agent, reason="Odd.", by=builders.actor(world.mara), now=timezone.now())
    return world.discharge.act_alone()


def without_the_grant(world: World) -> Any:
    return world.discharge.act_alone()


def never_allowed(world: World) -> Any:
    return world.claims.act_alone()


def beyond_the_consent(world: World) -> Any:
    grants.consent(world.claims.client, scopes=[world.see_appointments], user=None, by=world.mara)
    return world.claims.act_alone(scope="staff:read")


def elsewhere(world: World) -> Any:
    grants.consent(world.claims.client, scopes=[world.see_appointments], user=None, by=world.mara)
    return world.claims.act_alone(resource="https://directory.st-anna.example")


def refreshed_after_revoking(world: World) -> Any:
    given = world.allowed()
    token = world.refresh_token(given)
    world.revokes(given)
    return world.discharge.refresh(token)


def refreshed_while_paused(world: World) -> Any:
    given = world.allowed()
    token = world.refresh_token(given)
    by = builders.actor(world.mara)
    scope_words.reword_scope(world.see_appointments, title="See all appointments", detail="", by=by, now=timezone.now())
    assert Consent.objects.get(pk=given.pk).status(timezone.now()) == "paused"
    return world.discharge.refresh(token)


def refreshed_for_what_was_narrowed_away(world: World) -> Any:
    given = world.allowed(world.see_appointments, world.look_up_staff)
    token = world.refresh_token(given, resource="https://directory.st-anna.example")
    grants.keeps(given, world.see_appointments, by=world.weber)
    return world.discharge.refresh(token, scope="staff:read")


def refreshed_for_more(world: World) -> Any:
    return world.discharge.refresh(world.refresh_token(world.allowed()), scope="calendar:read letters:write")


def redeemed_after_revoking(world: World) -> Any:
    given, pkce = world.allowed(), Pkce()
    code = grants.code(given, pkce)
    world.revokes(given)
    return world.discharge.redeem(code, pkce)


def polled_after_revoking(world: World) -> Any:
    secret = asked_id(world.robot, world.weber)
    decides(world.weber, request_of(secret))
    world.revokes(Consent.objects.get())
    return polls(world.robot, secret)


# ------------------------------------------------------------------------------------------------- where agents ask


def not_let_ask(world: World) -> Any:
    return asks(world.discharge, world.weber)


def asks_nobody(world: World) -> Any:
    return asks(world.claims, world.weber)


def asks_a_stranger(world: World) -> Any:
    return asks(world.robot, world.ada)


def asks_for_what_it_may_not(world: World) -> Any:
    return asks(world.robot, world.weber, scope="records:burn")


def asks_whoever_wants_no_more(world: World) -> Any:
    builders.browser(world.weber).post(f"{request_of(asked_id(world.robot, world.weber)).get_absolute_url()}never/")
    return asks(world.robot, world.weber)


def asks_twice(world: World) -> Any:
    asked_id(world.robot, world.weber)
    return asks(world.robot, world.weber)


def asks_too_much(world: World) -> Any:
    for purpose in ("One", "Two", "Three"):
        asked_id(world.robot, world.weber, purpose=purpose)
    return asks(world.robot, world.weber, purpose="Four")


def device_not_let(world: World) -> Any:
    return starts(world.discharge)


def pushes_what_it_may_not(world: World) -> Any:
    return post(PUSH, asked(world.client, scope="records:burn"), **world.discharge.header)


MACHINES: list[tuple[Callable[[World], Any], str, str, str]] = [
    (suspended, "invalid_client", "ada", "/agents/{agent}/"),
    (without_the_grant, "unauthorized_client", "ada", "/agents/{agent}/clients/"),
    (never_allowed, "unauthorized_client", "mara", "/agents/{alone}/consent/"),
    (beyond_the_consent, "invalid_scope", "mara", "/agents/{alone}/consent/"),
    (elsewhere, "invalid_target", "mara", "/agents/{alone}/consent/"),
    (refreshed_after_revoking, "invalid_grant", "weber", "/my-agents/{consent}/"),
    (refreshed_while_paused, "invalid_grant", "weber", "/consents/{consent}/changes/"),
    (refreshed_for_what_was_narrowed_away, "invalid_scope", "weber", "/my-agents/{consent}/"),
    (refreshed_for_more, "invalid_scope", "weber", "/my-agents/{consent}/"),
    (redeemed_after_revoking, "invalid_grant", "weber", "/my-agents/{consent}/"),
    (polled_after_revoking, "invalid_grant", "weber", "/my-agents/{consent}/"),
    (not_let_ask, "unauthorized_client", "ada", "/agents/{agent}/clients/"),
    (asks_nobody, "unauthorized_client", "mara", "/agents/{alone}/consent/"),
    (asks_a_stranger, "unknown_user_id", "mara", "/agents/{agent}/circle/"),
    (asks_for_what_it_may_not, "invalid_scope", "ada", "/agents/{agent}/scopes/"),
    (asks_whoever_wants_no_more, "access_denied", "weber", "/my-agents/"),
    (asks_twice, "access_denied", "weber", "/inbox/"),
    (asks_too_much, "access_denied", "weber", "/inbox/"),
    (device_not_let, "unauthorized_client", "ada", "/agents/{agent}/clients/"),
    (pushes_what_it_may_not, "invalid_scope", "ada", "/agents/{agent}/scopes/"),
]


@pytest.mark.parametrize(("refused", "error", "who", "page"), MACHINES, ids=[row[0].__name__ for row in MACHINES])
def test_a_program_hears_where_and_the_person_can_open_it(world, refused, error, who, page):
    body = refused(world).json()
    assert body["error"] == error, body
    given = Consent.objects.order_by("-starts_at").first()
    address = page.format(
        agent=world.client.agent_id, alone=world.claims.client.agent_id, consent=given.pk if given else ""
    )
    assert body["error_description"].split()[-1] == f"{settings.ISSUER}{address}"
    assert builders.browser(getattr(world, who)).get(address).status_code == 200


def test_a_device_that_asks_for_something_sensitive_is_sent_to_the_other_way(world):
    let_use_device_codes(world.client, by=world.mara)
    body = starts(world.discharge, scope="calendar:read records:read").json()
    assert body["error"] == "invalid_scope"
    assert body["error_description"].endswith(f"{settings.ISSUER}/oauth/authorize")


def test_whoever_did_not_prove_itself_hears_no_address(world, discharge_assistant, mara):
    """Anybody can name a public client, and guess at a key."""
    public = builders.client(
        discharge_assistant, "public", auth_method=AuthMethod.NONE, redirect_uris=["http://127.0.0.1/cb"]
    )
    named = {"client_id": public.client_id}
    guessing = grants.basic(world.client.client_id, "mdt_wrong")
    token = "/oauth/token"

    def said() -> list[str]:
        answers = [
            post(token, {"grant_type": "client_credentials", **named}),
            post(token, {"grant_type": "client_credentials"}, **guessing),
            post(token, {"grant_type": "refresh_token", "refresh_token": "x", **named}),
            post(ASK, {"login_hint": "a@b.example", **named}),
            post(START, {"scope": "records:burn", **named}),
            post(PUSH, asked(public, scope="records:burn")),
        ]
        return [answer.content.decode() for answer in answers]

    before = said()
    let_use_device_codes(public, by=mara)
    with_device = said()
    lifecycle.suspend(discharge_assistant, reason="Odd.", by=builders.actor(mara), now=timezone.now())
    for heard in (*before, *with_device, *said()):
        assert '"error"' in heard
        assert "http" not in heard, heard
        assert str(discharge_assistant.pk) not in heard


# --------------------------------------------------------------------------------------------------------- in a browser


def test_an_error_that_goes_back_to_the_program_says_where(world, ada):
    answer = answer_of(opens(builders.browser(ada), world.client, scope="records:burn"))
    assert answer["error"] == "invalid_scope"
    assert answer["error_description"].endswith(f"{settings.ISSUER}/agents/{world.client.agent_id}/scopes/")


def test_a_page_leads_whoever_may_see_to_it_there_and_nobody_else(world, ada, weber, mallory):
    def page(person: User, **parameters: Any) -> str:
        answer = opens(builders.browser(person), world.client, **parameters)
        assert answer.status_code == 400
        return html.unescape(answer.content.decode())

    clients_page = f'href="/agents/{world.client.agent_id}/clients/"'
    assert clients_page in page(ada, redirect_uri="https://evil.example/")
    assert clients_page not in page(weber, redirect_uri="https://evil.example/")
    assert 'href="/agents/register/"' in page(ada, client_id="nobody")
    assert 'href="/agents/register/"' not in page(weber, client_id="nobody")

    lifecycle.suspend(world.client.agent, reason="Odd.", by=builders.actor(ada), now=timezone.now())
    agent_page = f'href="/agents/{world.client.agent_id}/"'
    assert agent_page in page(ada)
    for person in (weber, mallory):
        assert agent_page not in page(person)


def test_a_question_of_a_suspended_agent_leads_its_owner_to_it(world, ada, mara, discharge_assistant):
    joins_circle(discharge_assistant, ada, by=mara)
    questions = {person: request_of(asked_id(world.robot, person)) for person in (ada, world.weber)}
    lifecycle.suspend(discharge_assistant, reason="Odd.", by=builders.actor(mara), now=timezone.now())
    agent_page = f'href="/agents/{discharge_assistant.pk}/"'
    for person, request in questions.items():
        answer = builders.browser(person).get(request.get_absolute_url())
        assert (agent_page in answer.content.decode()) is (person == ada)
