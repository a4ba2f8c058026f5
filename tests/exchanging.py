"""Agents that pass work on: the planner and the reader, to whom the assistant may hand over what Weber allows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from agents import passing
from agents.actors import Actor
from agents.models import Agent, Client, GrantType, Scope, User
from consent import mandate
from consent.approval import Approval
from consent.conditions import NONE, Conditions
from consent.models import Consent
from consent.passing_on.passing import NOTHING, Passing
from tests import builders, grants
from tests.grants import Pkce, TokenClient, post

EXCHANGE = GrantType.EXCHANGE.value
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass
class Taker(TokenClient):
    """A client that takes work over."""

    def exchange(self, token: str, **form: Any) -> HttpResponse:
        return post("/oauth/token", self.form(token, **form), **self.header)

    def form(self, token: str, **form: Any) -> dict[str, Any]:
        asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **form}
        return {name: value for name, value in asked.items() if value is not None}

    def takes(self, token: str, **form: Any) -> str:
        """Exchange, which must work. Returns the new token."""
        answer = self.exchange(token, **form)
        assert answer.status_code == 200, answer.content
        return str(json.loads(answer.content)["access_token"])

    @property
    def agent(self) -> Agent:
        assert self.client.agent is not None
        return self.client.agent


def taker(agent: Agent, name: str = "") -> Taker:
    """A client of this agent that gets tokens by exchange only, with its key."""
    client = builders.client(agent, name or agent.name, grant_types={GrantType.EXCHANGE}, redirect_uris=[])
    return Taker(client, builders.key(client).key)


def asks_to_pass(agent: Agent, *to: Agent, deep: int = 1) -> None:
    """The agent's registration names these."""
    by = Actor.person(builders.administrator())
    passing.set_recipients(agent, to=to, deep=deep, by=by, now=timezone.now())


def passes(*to: Agent, deep: int = 1) -> Passing:
    return Passing(frozenset(agent.pk for agent in to), deep) if to else NOTHING


def allow(
    client: Client,
    user: User,
    scopes: Iterable[Scope],
    to: Passing,
    *,
    purpose: str = "Get ward 3B ready for tomorrow",
    life: timedelta = timedelta(hours=8),
    conditions: Conditions = NONE,
    once: bool = False,
) -> Consent:
    """Weber lets the client act, and pass work on."""
    now = timezone.now()
    approval = Approval(
        client=client,
        user=user,
        scopes={scope: scope.wording for scope in scopes},
        purpose=purpose,
        ends_at=now + life,
        once=once,
        conditions=conditions,
        passing=to,
    )
    return mandate.approve(approval, by=Actor.person(user), now=now)


def first_token(client: TokenClient, given: Consent, **form: Any) -> str:
    """A token under this consent, by a code."""
    pkce = Pkce()
    answer = client.redeem(grants.code(given, pkce), pkce, **form)
    assert answer.status_code == 200, answer.content
    return str(json.loads(answer.content)["access_token"])


def public_exchange(client: Client, token: str, **form: Any) -> HttpResponse:
    asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **form}
    return post("/oauth/token", {**asked, "client_id": client.client_id})


def said(answer: Any, error: str) -> str:
    """What the refusal says, which must be this one."""
    assert (answer.status_code, answer.json().get("error")) == (400, error), answer.content
    return str(answer.json()["error_description"])


@pytest.fixture
def planner_agent(ada: User, mara: User, read_records: Scope, write_letters: Scope, look_up_staff: Scope) -> Agent:
    return builders.agent(
        "Bed Planner",
        owner=ada,
        purpose="Plan beds for the ward",
        scopes=[read_records, write_letters, look_up_staff],
        data_classes=["health"],
    )


@pytest.fixture
def reader_agent(ada: User, mara: User, read_records: Scope, look_up_staff: Scope) -> Agent:
    return builders.agent(
        "Lab Reader",
        owner=ada,
        purpose="Read laboratory values",
        scopes=[read_records, look_up_staff],
        data_classes=["health"],
    )


@pytest.fixture
def planner(planner_agent: Agent) -> Taker:
    return taker(planner_agent)


@pytest.fixture
def reader(reader_agent: Agent) -> Taker:
    return taker(reader_agent)


@pytest.fixture
def discharge_exchanges(discharge_client: Client, discharge_key: Any) -> Taker:
    """The assistant itself, which may exchange its own tokens too."""
    discharge_client.grant_types = sorted({*discharge_client.grant_types, EXCHANGE})
    discharge_client.save(update_fields=["grant_types"])
    return Taker(discharge_client, discharge_key.key)


@pytest.fixture
def passed_twice(
    discharge_client: Client,
    discharge_key: Any,
    weber: User,
    planner_agent: Agent,
    reader_agent: Agent,
    read_records: Scope,
    write_letters: Scope,
    look_up_staff: Scope,
) -> Consent:
    """Weber lets the assistant read files, write drafts and look up staff, and pass work on twice: to planner and reader."""
    assert discharge_client.agent is not None
    asks_to_pass(discharge_client.agent, planner_agent, reader_agent, deep=2)
    scopes = [read_records, write_letters, look_up_staff]
    return allow(discharge_client, weber, scopes, passes(planner_agent, reader_agent, deep=2))


@pytest.fixture
def subject(discharge: TokenClient, passed_twice: Consent, records: Any) -> str:
    """A token of the assistant for the records."""
    return first_token(discharge, passed_twice, resource=records.uri)
