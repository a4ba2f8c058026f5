"""The revocation clock: what a change took away, when that counts, and the first refusal, kept with the event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle, resources
from agents.models import Agent, Event, Resource, Scope, User
from agents.models import Kind as AgentKind
from agents.trail.kinds import Kind
from consent import mandate
from consent.clock import after_in_words, clock_of_agent, clock_of_consent
from consent.models import Consent
from tests import builders, grants
from tests.forms import text_of
from tests.grants import ResourceServer, TokenClient
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def pair(discharge: TokenClient, weber_allows: Consent, pkce: Any) -> dict[str, str]:
    """Access and refresh token of the assistant for Weber."""
    return dict(discharge.redeem(grants.code(weber_allows, pkce), pkce).json())


def observed() -> list[Event]:
    return builders.events(Kind.REVOCATION_OBSERVED)


def revoke(consent: Consent, weber: User) -> None:
    mandate.revoke(consent.pk, reason="Enough.", by=builders.actor(weber), now=timezone.now())


def test_the_first_refused_use_is_written_down_once_with_its_seconds(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, discharge: TokenClient
) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        revoke(weber_allows, weber)
    with time_machine.travel(start + timedelta(seconds=1.87), tick=False):
        records_api.introspects(pair["access_token"])
        records_api.introspects(pair["access_token"])
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    (revoked,) = builders.events(Kind.CONSENT_REVOKED)
    assert (event.detail["of"], event.detail["change"], event.detail["seconds"]) == (
        revoked.pk,
        "consent.revoked",
        1.87,
    )
    assert (event.consent_id, event.user_id, event.resource_id) == (
        weber_allows.pk,
        weber.pk,
        records_api.resource.pk,
    )
    clock = clock_of_consent(weber_allows, timezone.now())
    assert clock is not None
    assert (clock.refused_after, clock.tokens, clock.settled) == (1.87, 1, True)
    told = text_of(builders.browser(weber).get(f"/trail/{revoked.pk}/"))
    assert "Tokens that were out" in told
    assert f'<a href="/trail/{event.pk}/">after 1.87 s</a>' in told


def test_a_refused_refresh_is_a_first_refusal_too(
    weber: User, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    revoke(weber_allows, weber)
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    assert (event.consent_id, event.detail["refusal"]) == (weber_allows.pk, "invalid_grant")
    assert builders.events(Kind.TOKEN_REFUSED)[-1].consent_id == weber_allows.pk


def test_a_token_that_ran_out_proves_no_revocation(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    revoke(weber_allows, weber)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        records_api.introspects(pair["access_token"])
    assert not observed()


def test_narrowing_is_seen_when_nothing_is_left_for_a_token(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    look_up_staff: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, look_up_staff], user=weber)
    code = grants.code(given, pkce)
    token = discharge.redeem(code, pkce, resource=records_api.resource.uri).json()["access_token"]
    grants.keeps(given, look_up_staff, by=weber)
    records_api.introspects(token)
    (event,) = observed()
    assert (event.detail["change"], event.detail["refusal"]) == ("consent.narrowed", "nothing_left")
    clock = clock_of_consent(given, timezone.now())
    assert clock is not None
    assert [place.resource for place in clock.places] == [records_api.resource]


def test_a_pause_is_seen_too(
    mara: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, read_records: Scope
) -> None:
    resources.reword_scope(read_records, title="Read all files", detail="", by=builders.actor(mara), now=timezone.now())
    records_api.introspects(pair["access_token"])
    (event,) = observed()
    assert event.detail["change"] == "consent.paused"


def test_suspending_is_seen_at_the_token_endpoint_and_forgotten_when_it_goes_on(
    mara: User, discharge_assistant: Agent, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    by, now = builders.actor(mara), timezone.now()
    lifecycle.suspend(discharge_assistant, reason="A look.", by=by, now=now)
    discharge.refresh(pair["refresh_token"])
    (event,) = observed()
    assert (event.agent_id, event.detail["change"]) == (discharge_assistant.pk, "agent.suspended")
    clock = clock_of_agent(discharge_assistant, timezone.now())
    assert clock is not None
    assert clock.refused == event
    assert clock.tokens == 1
    lifecycle.resume(discharge_assistant, reason="Fine.", by=by, now=timezone.now())
    lifecycle.suspend(discharge_assistant, reason="Again.", by=by, now=timezone.now())
    lifecycle.resume(discharge_assistant, reason="Fine.", by=by, now=timezone.now())
    discharge.refresh(pair["refresh_token"])
    assert len(observed()) == 1


def test_a_wrong_secret_proves_nothing_about_a_suspended_agent(
    mara: User, discharge_assistant: Agent, discharge: TokenClient
) -> None:
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=timezone.now())
    TokenClient(discharge.client, "wrong").act_alone()
    assert not observed()


def test_an_organisations_consent_is_seen_to_be_revoked(
    mara: User, clinic_allows: Consent, claims: TokenClient
) -> None:
    mandate.revoke(clinic_allows.pk, reason="Enough.", by=builders.actor(mara), now=timezone.now())
    claims.act_alone()
    (event,) = observed()
    assert (event.consent_id, event.user_id, event.detail["refusal"]) == (clinic_allows.pk, None, "unauthorized_client")


@pytest.mark.django_db(transaction=True)
def test_of_many_refusals_at_once_one_is_the_first(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer, discharge: TokenClient
) -> None:
    revoke(weber_allows, weber)
    at_once(6, lambda _: records_api.introspects(pair["access_token"]))
    assert len(observed()) == 1


# ------------------------------------------------------------------------------------------------------------ the pages


def test_the_page_looks_again_by_itself_until_it_has_seen_the_refusal(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    browser = builders.browser(weber)
    address = f"/consents/{weber_allows.pk}/revoke/"
    asking = text_of(browser.get(address))
    for words in ("Live tokens", "Agents below it", "from its next request", "last used"):
        assert words in asking, words
    text = text_of(browser.post(address, {"reason": "Enough."}, follow=True))
    assert "consent revoked by you" in text
    assert "1 token worth nothing" in text
    assert 'hx-trigger="every 2s"' in text
    assert "It has not tried again yet" in text
    watch = text.split('hx-get="')[1].split('"')[0]
    assert watch.startswith(f"/consents/{weber_allows.pk}/stopped/?seen=")
    htmx = {"HX-Request": "true"}
    assert browser.get(watch, headers=htmx).status_code == 204  # nothing new, so nothing is drawn or read out again
    records_api.introspects(pair["access_token"])
    part = browser.get(watch, headers=htmx)
    assert "HX-Request" in part["Vary"]
    assert "first use refused, at" in text_of(part)
    assert "<html" not in text_of(part)
    assert "hx-trigger" not in text_of(part)  # it has seen all there is to see
    assert "first use refused, at" in text_of(browser.get(address))


def test_narrowing_ends_on_the_clock_too(weber: User, weber_allows: Consent, read_records: Scope) -> None:
    keep = {"keep": [str(read_records.pk)], "reason": "Less."}
    response = builders.browser(weber).post(f"/consents/{weber_allows.pk}/narrow/", keep, follow=True)
    text = text_of(response)
    assert response.redirect_chain[-1][0] == f"/consents/{weber_allows.pk}/stopped/"
    assert "may do less now" in text
    assert "consent narrowed by you" in text


def test_suspending_and_retiring_say_who_and_what_before_and_show_the_clock_after(
    ada: User, discharge_assistant: Agent, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    browser = builders.browser(ada)
    for move, words in (("suspend", "agent suspended by you"), ("retire", "agent retired by you")):
        page = f"/agents/{discharge_assistant.pk}/move/{move}/"
        asking = text_of(browser.get(page))
        for said in ("Live consents", "People", "Tokens that are out", "Last activity"):
            assert said in asking, said
        done = text_of(browser.post(page, {"reason": "A look."}, follow=True))
        assert words in done
        assert 'hx-trigger="every 2s"' in done
    discharge.refresh(pair["refresh_token"])
    assert "first request for a token refused" in text_of(browser.get(f"/agents/{discharge_assistant.pk}/stopped/"))


def test_the_clock_is_for_those_who_see_the_consent_or_the_agent(
    mallory: User, omar: User, weber: User, weber_allows: Consent, discharge_assistant: Agent
) -> None:
    revoke(weber_allows, weber)
    address = f"/consents/{weber_allows.pk}/stopped/"
    assert builders.browser(mallory).get(address).status_code == 404
    assert builders.browser(omar).get(address).status_code == 200
    assert builders.browser().get(address).status_code == 302
    assert builders.browser(mallory).get(f"/agents/{discharge_assistant.pk}/stopped/").status_code == 404


def test_where_nothing_was_stopped_there_is_no_clock(weber: User, ada: User, weber_allows: Consent) -> None:
    assert builders.browser(weber).get(f"/consents/{weber_allows.pk}/stopped/").status_code == 302
    assert builders.browser(ada).get(f"/agents/{weber_allows.agent_id}/stopped/").status_code == 302


def test_after_a_quarter_of_an_hour_the_page_stops_looking(weber: User, weber_allows: Consent) -> None:
    revoke(weber_allows, weber)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        text = text_of(builders.browser(weber).get(f"/consents/{weber_allows.pk}/stopped/"))
    assert "hx-trigger" not in text
    assert "it has not tried again" in text


# ---------------------------------------------------------------------------------- what a change did not lead to


def test_a_token_that_is_worth_less_shows_that_narrowing_counts(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    see_appointments: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    token = discharge.redeem(grants.code(given, pkce), pkce).json()["access_token"]
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        grants.keeps(given, see_appointments, by=weber)
    with time_machine.travel(start + timedelta(seconds=0.42), tick=False):
        assert records_api.introspects(token)["scope"] == "calendar:read"
        records_api.introspects(token)
    (event,) = observed()
    assert (event.detail["change"], event.detail["refusal"], event.detail["seconds"]) == (
        "consent.narrowed",
        "worth_less",
        0.42,
    )
    text = text_of(builders.browser(weber).get(f"/consents/{given.pk}/stopped/"))
    assert "first use with less, at" in text
    assert "hx-trigger" not in text


def test_a_token_that_never_held_what_was_taken_away_shows_nothing(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    see_appointments: Scope,
    pkce: Any,
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    first = discharge.redeem(grants.code(given, pkce), pkce).json()
    token = discharge.refresh(first["refresh_token"], scope="calendar:read").json()["access_token"]
    grants.keeps(given, see_appointments, by=weber)
    assert records_api.introspects(token)["scope"] == "calendar:read"
    assert not observed()


def test_a_token_that_was_refused_before_for_something_else_shows_the_change_too(
    mara: User, weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    by, agent = builders.actor(mara), weber_allows.agent
    for _ in range(2):
        lifecycle.suspend(agent, reason="A look.", by=by, now=timezone.now())
        assert records_api.introspects(pair["access_token"]) == {"active": False}
        lifecycle.resume(agent, reason="Fine.", by=by, now=timezone.now())
    revoke(weber_allows, weber)
    for _ in range(2):
        assert records_api.introspects(pair["access_token"]) == {"active": False}
    changes = [event.detail["change"] for event in observed()]
    assert changes == ["agent.suspended", "agent.suspended", "consent.revoked"]
    assert len(builders.events(Kind.INTROSPECTION_INACTIVE)) == 1


def test_what_ran_out_after_a_narrowing_is_no_proof_of_it(
    weber: User, discharge: TokenClient, read_records: Scope, see_appointments: Scope, pkce: Any
) -> None:
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    refresh = discharge.redeem(grants.code(given, pkce), pkce).json()["refresh_token"]
    grants.keeps(given, see_appointments, by=weber)
    with time_machine.travel(timezone.now() + timedelta(hours=9)):
        assert discharge.refresh(refresh).json()["error"] == "invalid_grant"
    assert not observed()


def test_an_agent_that_asks_for_what_was_taken_from_the_organisation_meets_the_change(
    mara: User, ada: User, records: Resource, see_appointments: Scope
) -> None:
    beds = builders.scope(records, "beds:read", "See free beds")
    client = builders.client(
        builders.agent("Beds", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=[beds, see_appointments])
    )
    claims = TokenClient(client, builders.key(client).key)
    given = grants.consent(client, scopes=[beds, see_appointments], user=None, by=mara)
    grants.keeps(given, beds, by=mara)
    assert claims.act_alone(scope="never:offered").status_code == 400
    assert not observed()
    assert claims.act_alone(scope="calendar:read").json()["error"] == "invalid_scope"
    (event,) = observed()
    assert (event.consent_id, event.detail["change"]) == (given.pk, "consent.narrowed")


def test_it_says_long_times_roughly():
    assert [after_in_words(seconds) for seconds in (0.0, 1.874, 99.99, 100.0, 7300.0, 253_397.0)] == [
        "0.00 s",
        "1.87 s",
        "99.99 s",
        "1 minute",
        "2 hours",
        "2 days",
    ]
