"""F1: when an event cannot be written, nothing changes, no token leaves the server, and the next try works."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from agents import clients, credentials, invitations, lifecycle, people, registry, resources
from agents import scopes as scope_rules
from consent import mandate
from tests import builders, grants
from tests.consent.asking import DECIDE, screen

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db(transaction=True)]
MAY_DIFFER = {"agents_refusalcount", "agents_lastuse", "mandate_cache", "agents_session"}
"""What counts refusals, notes uses, limits and keeps sessions is no change of anything that events tell of."""


@contextmanager
def no_event_of(kind):
    """A trigger refuses every event of this kind while the block lasts."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION fault_no_event() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER fault_no_event BEFORE INSERT ON agents_event FOR EACH ROW WHEN (NEW.kind = '{kind}') "
                "EXECUTE FUNCTION fault_no_event()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER fault_no_event BEFORE INSERT ON agents_event WHEN NEW.kind = '{kind}' "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            on = " ON agents_event" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER fault_no_event{on}")


def everything():
    """Every row of every table whose change would have to be told."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in MAY_DIFFER:
                cursor.execute(f'SELECT * FROM "{table}"')
                rows[table] = sorted(map(repr, cursor.fetchall()))
    return rows


@pytest.fixture
def cast(
    request, mara, ada, weber, mallory, discharge_assistant, discharge_client, discharge_key, claims_filer, claims_client,
    records, read_records, write_letters, look_up_staff, weber_allows, clinic_allows,
):  # fmt: skip
    given = {**locals()}
    del given["request"]
    return given


def change(kind, action):
    return pytest.param(kind, action, id=kind)


REASON: dict[str, Any] = {"reason": "For a test."}
CHANGES = [
    change("agent.suspended", lambda c, who: lifecycle.suspend(c["discharge_assistant"], **REASON, **who)),
    change("agent.retired", lambda c, who: lifecycle.retire(c["discharge_assistant"], **REASON, **who)),
    change("agent.edited", lambda c, who: registry.edit(c["discharge_assistant"], name="Other", **who)),
    change(
        "agent.handed_over", lambda c, who: registry.hand_over(c["claims_filer"], owner=c["mallory"], **REASON, **who)
    ),
    change("agent.registered", lambda c, who: builders.agent("New", owner=c["ada"], active=False)),
    change("client.created", lambda c, who: builders.client(c["discharge_assistant"], "new")),
    change("client.ended", lambda c, who: clients.end(c["discharge_client"], **REASON, **who)),
    change("credential.issued", lambda c, who: credentials.issue(c["discharge_client"], **who)),
    change("credential.revoked", lambda c, who: credentials.revoke(c["discharge_key"].credential, **REASON, **who)),
    change("resource.created", lambda c, who: builders.resource("New", "https://new.st-anna.example")),
    change("resource.ended", lambda c, who: resources.end(c["records"], **REASON, **who)),
    change("scope.created", lambda c, who: builders.scope(c["records"], "new:read")),
    change("scope.ended", lambda c, who: scope_rules.end_scope(c["write_letters"], **REASON, **who)),
    change("person.deactivated", lambda c, who: people.deactivate(c["weber"], **REASON, **who)),
    change("person.role_changed", lambda c, who: people.change_role(c["weber"], role="owner", **REASON, **who)),
    change("person.invited", lambda c, who: invitations.invite(email="n@x.example", name="N", role="user", **who)),
    change("consent.revoked", lambda c, who: mandate.revoke(c["weber_allows"].pk, **REASON, **who)),
    change(
        "consent.narrowed",
        lambda c, who: mandate.narrow(c["weber_allows"].pk, keep=frozenset({c["read_records"]}), **REASON, **who),
    ),
    change(
        "consent.shortened",
        lambda c, who: mandate.shorten(
            c["weber_allows"].pk, ends_at=timezone.now() + timedelta(hours=1), **REASON, **who
        ),
    ),
    change(
        "consent.approved",
        lambda c, who: grants.consent(
            c["discharge_client"], scopes=[c["look_up_staff"]], user=c["weber"], purpose="New"
        ),
    ),
    change(
        "consent.superseded",
        lambda c, who: grants.consent(c["discharge_client"], scopes=[c["look_up_staff"]], user=c["weber"]),
    ),
]


@pytest.mark.parametrize(("kind", "action"), CHANGES)
def test_f01_a_domain_function_without_its_event_changes_nothing(cast, kind, action):
    def act():
        action(cast, {"by": builders.actor(cast["mara"]), "now": timezone.now()})

    before = everything()
    with no_event_of(kind), pytest.raises(DatabaseError):
        act()
    assert everything() == before
    act()
    assert everything() != before


def test_f01_no_token_leaves_without_its_event(discharge, claims, weber_allows, clinic_allows, pkce, records_api):
    code = grants.code(weber_allows, pkce)
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    tries = {
        "token.issued": [
            claims.act_alone,
            lambda: discharge.redeem(code, pkce),
            lambda: discharge.refresh(pair["refresh_token"]),
        ],
        "token.revoked": [lambda: discharge.revoke(pair["access_token"])],
    }
    for kind, asks in tries.items():
        for ask in asks:
            before = everything()
            with no_event_of(kind):
                answer = ask()
            assert (answer.status_code, answer.json()["error"]) == (503, "server_error")
            assert answer["Retry-After"]
            assert "access_token" not in answer.json()
            assert everything() == before
        assert all(ask().status_code == 200 for ask in asks)


def test_f01_a_penalty_that_cannot_be_told_is_tried_again_and_the_replay_stays_refused(
    discharge, weber_allows, pkce, records_api
):
    code = grants.code(weber_allows, pkce)
    token = discharge.redeem(code, pkce).json()["access_token"]
    with no_event_of("code.used_twice"):
        assert discharge.redeem(code, pkce).status_code == 503
    assert discharge.redeem(code, pkce).status_code == 400
    assert records_api.introspects(token) == {"active": False}


def test_f01_a_refusal_stays_one_when_it_cannot_be_told(claims, clinic_allows):
    with no_event_of("token.refused"):
        answer = claims.act_alone(scope="no:such")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_f01_a_decision_that_cannot_be_told_makes_no_consent_and_can_be_made_again(weber, discharge_client):
    browser = builders.browser(weber)
    browser.raise_request_exception = False
    form = screen(browser, discharge_client)
    before = everything()
    for kind in ("consent.approved", "code.issued"):
        with no_event_of(kind):
            answer = browser.post(DECIDE, {**form, "decision": "allow"})
        assert answer.status_code >= 500
        assert everything() == before
    assert browser.post(DECIDE, {**form, "decision": "allow"}).status_code == 303
