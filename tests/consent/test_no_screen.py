"""When the screen may be left out, and everything that brings it back (security.md S48, decisions.md Consents)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from time_machine import travel

from agents import clients, registry, resources
from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent import decision, mandate
from consent.models import AuthorizationCode, Consent, PushedRequest
from consent.oauth.par import read
from consent.offer import Asking
from consent.offering import make_offer
from tests import builders
from tests.consent.asking import allows, answer_of, asked, opens, pushes

pytestmark = pytest.mark.django_db


def shows_the_screen(weber: User, client: Client, **parameters: Any) -> bool:
    """Whether the person must look; with ``prompt=none`` the client is told so. Never both, never a code."""
    codes = AuthorizationCode.objects.count()
    browser = builders.browser(weber)
    page = opens(browser, client, **parameters)
    silent = answer_of(opens(browser, client, **{**parameters, "prompt": "none"}))
    seen = page.status_code == 200
    assert seen == (silent.get("error") in {"consent_required", "interaction_required"})
    assert not seen or AuthorizationCode.objects.count() == codes
    return seen


def test_the_same_again_needs_no_screen_and_makes_no_second_consent(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="calendar:read staff:read")
    response = opens(builders.browser(weber), discharge_client, scope="calendar:read staff:read")
    assert answer_of(response).keys() == {"code", "state", "iss"}
    assert Consent.objects.get() == consent
    assert AuthorizationCode.objects.filter(consent=consent).count() == 2
    assert len(builders.events(Kind.CODE_ISSUED)) == 2
    fewer = opens(builders.browser(weber), discharge_client, scope="staff:read", prompt="none")
    assert "code" in answer_of(fewer)


@pytest.mark.parametrize("extra", [{"approval_prompt": "auto"}, {"skip_authorization": "true"}])
def test_s48_no_parameter_skips_the_first_screen(weber: User, discharge_client: Client, extra: dict[str, str]) -> None:
    assert shows_the_screen(weber, discharge_client, **extra)


def test_s48_the_toolkits_own_switch_skips_nothing(weber: User, discharge_client: Client) -> None:
    Client.objects.filter(pk=discharge_client.pk).update(skip_authorization=True)
    assert shows_the_screen(weber, discharge_client)


def test_s48_another_purpose_or_a_wider_request_brings_it_back(weber: User, discharge_client: Client) -> None:
    allows(weber, discharge_client, scope="calendar:read", purpose="Plan a visit")
    same = {"scope": "calendar:read", "purpose": " Plan  a\u0020visit "}
    assert not shows_the_screen(weber, discharge_client, **same)
    assert shows_the_screen(weber, discharge_client, scope="calendar:read", purpose="Plan two visits")
    assert shows_the_screen(weber, discharge_client, scope="calendar:read")
    assert shows_the_screen(weber, discharge_client, scope="calendar:read staff:read", purpose="Plan a visit")


def test_s48_what_was_left_unticked_is_asked_again(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    allows(weber, discharge_client, [see_appointments], scope="calendar:read staff:read")
    assert shows_the_screen(weber, discharge_client, scope="calendar:read staff:read")
    assert not shows_the_screen(weber, discharge_client, scope="calendar:read")


def test_s48_another_client_of_the_same_agent_gets_nothing_from_it(
    weber: User, discharge_client: Client, discharge_assistant: Agent
) -> None:
    allows(weber, discharge_client, scope="staff:read")
    assert shows_the_screen(weber, builders.client(discharge_assistant, "second"), scope="staff:read")


def test_s48_a_consent_for_one_use_is_not_remembered(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="staff:read")
    Consent.objects.filter(pk=consent.pk).update(once=True)
    assert shows_the_screen(weber, discharge_client, scope="staff:read")


@pytest.mark.parametrize("prompt", ["consent", "select_account", "consent select_account"])
def test_s48_the_client_can_ask_for_the_screen(weber: User, discharge_client: Client, prompt: str) -> None:
    allows(weber, discharge_client, scope="staff:read")
    assert opens(builders.browser(weber), discharge_client, scope="staff:read", prompt=prompt).status_code == 200


def test_s48_a_paused_revoked_narrowed_or_ended_consent_brings_it_back(
    weber: User, discharge_client: Client, see_appointments: Scope, time_machine: Any
) -> None:
    both: dict[str, Any] = {"scope": "calendar:read staff:read"}

    def afresh() -> Consent:
        Consent.objects.update(paused_at=None)
        return allows(weber, discharge_client, **both, prompt="consent")

    consent = afresh()
    Consent.objects.filter(pk=consent.pk).update(paused_at=timezone.now())
    assert shows_the_screen(weber, discharge_client, **both)
    consent = afresh()
    act: dict[str, Any] = {"reason": "", "by": builders.actor(weber)}
    mandate.narrow(consent.pk, keep=frozenset({see_appointments}), now=timezone.now(), **act)
    assert shows_the_screen(weber, discharge_client, **both)
    consent = afresh()
    mandate.revoke(consent.pk, now=timezone.now(), **act)
    assert shows_the_screen(weber, discharge_client, **both)
    consent = afresh()
    time_machine.move_to(consent.ends_at)
    assert shows_the_screen(weber, discharge_client, **both)


def test_s48_other_words_for_a_scope_bring_it_back(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    allows(weber, discharge_client, scope="staff:read")
    resources.reword_scope(
        look_up_staff, title="Look up staff and their rosters", detail="", by=builders.actor(mara), now=timezone.now()
    )
    assert shows_the_screen(weber, discharge_client, scope="staff:read")


@pytest.mark.parametrize(
    "change",
    [
        {"access": "delete"},
        {"data_class": "personal"},
        {"data_class": "health"},
        {"marked_sensitive": True},
        {"longest_life": timedelta(days=1)},
        {"longest_life": timedelta(days=3000)},
    ],
    ids=str,
)
def test_s48_a_scope_that_weighs_otherwise_under_the_same_words_brings_it_back(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope, change: dict[str, Any]
) -> None:
    allows(weber, discharge_client, scope="staff:read")
    assert not shows_the_screen(weber, discharge_client, scope="staff:read")
    resources.change(look_up_staff.resource, checks="introspection", by=builders.actor(mara), now=timezone.now())
    allows(weber, discharge_client, scope="staff:read", prompt="consent")
    resources.change_scope(look_up_staff, by=builders.actor(mara), now=timezone.now(), **change)
    assert shows_the_screen(weber, discharge_client, scope="staff:read")
    allows(weber, discharge_client, scope="staff:read")
    assert not shows_the_screen(weber, discharge_client, scope="staff:read")


def test_s48_a_resource_that_will_count_a_change_later_brings_it_back(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    act: dict[str, Any] = {"by": builders.actor(mara), "now": timezone.now()}
    resources.change(look_up_staff.resource, token_life=timedelta(minutes=1), **act)
    with travel(timezone.now() + timedelta(minutes=10), tick=True):
        allows(weber, discharge_client, scope="staff:read")
        assert not shows_the_screen(weber, discharge_client, scope="staff:read")
        resources.change(look_up_staff.resource, token_life=timedelta(minutes=5), **act)
        assert shows_the_screen(weber, discharge_client, scope="staff:read")


def test_s48_changed_facts_of_agent_or_client_bring_it_back(
    weber: User, ada: User, discharge_client: Client, discharge_assistant: Agent
) -> None:
    act: dict[str, Any] = {"by": builders.actor(ada), "now": timezone.now()}
    changes = [
        lambda: registry.edit(discharge_assistant, name="Letter Writer", **act),
        lambda: registry.edit(discharge_assistant, unit="Somebody Else", **act),
        lambda: clients.change(discharge_client, name="another name", **act),
        lambda: clients.change(
            discharge_client,
            redirect_uris=["https://app.st-anna.example/callback", "https://new.st-anna.example/cb"],
            **act,
        ),
    ]
    for change in changes:
        allows(weber, discharge_client, scope="staff:read", prompt="consent")
        assert not shows_the_screen(weber, discharge_client, scope="staff:read")
        change()
        discharge_client.refresh_from_db()
        assert shows_the_screen(weber, discharge_client, scope="staff:read")


def test_s48_loopback_always_gets_the_screen_even_from_a_client_that_authenticates(
    weber: User, discharge_assistant: Agent
) -> None:
    for method in ("none", "client_secret_basic"):
        client = builders.client(
            discharge_assistant, f"laptop {method}", auth_method=method, redirect_uris=["http://127.0.0.1/cb"]
        )
        allows(weber, client, scope="staff:read")
        assert shows_the_screen(weber, client, scope="staff:read")


def test_s48_a_public_client_is_remembered_only_at_the_organisations_own_https_host(
    weber: User, discharge_assistant: Agent
) -> None:
    client = builders.client(discharge_assistant, "public", auth_method="none")
    allows(weber, client, scope="staff:read")
    assert not shows_the_screen(weber, client, scope="staff:read")
    Client.objects.filter(pk=client.pk).update(registration_source="dcr")
    allows(weber, client, scope="staff:read", prompt="consent")
    assert shows_the_screen(weber, client, scope="staff:read")


def test_no_code_after_the_person_may_no_longer_decide(weber: User, discharge_client: Client) -> None:
    allows(weber, discharge_client, scope="staff:read")
    weber.role = "auditor"
    weber.save()
    assert shows_the_screen(weber, discharge_client, scope="staff:read")


def test_a_remembered_consent_keeps_its_end(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="staff:read")
    answer_of(opens(builders.browser(weber), discharge_client, scope="staff:read"))
    before, consent = consent.ends_at, Consent.objects.get()
    assert abs(consent.ends_at - before) < timedelta(seconds=1)


@pytest.mark.engine
def test_what_was_revoked_a_moment_ago_brings_the_screen_back_and_uses_no_reference_up(
    weber: User, discharge_client: Client
) -> None:
    given = allows(weber, discharge_client, scope="calendar:read")
    now = timezone.now()
    right = asked(discharge_client, scope="calendar:read")
    sent = {"client_id": [discharge_client.client_id], "request_uri": [pushes(right)]}
    request = read(sent, now=now, person=weber)
    asking = Asking(request.client, request.asked, redirect_uri=request.redirect_uri)
    offer = make_offer(asking, person=weber, zone_name="UTC", now=now)
    mandate.revoke(given.pk, reason="", by=builders.actor(weber), now=now)
    codes = AuthorizationCode.objects.count()
    assert decision.needs_no_screen(offer, request, by=builders.actor(weber), now=now)
    assert decision.code_without_screen(offer, request, by=builders.actor(weber), now=now) is None
    assert AuthorizationCode.objects.count() == codes
    assert PushedRequest.objects.get().decided_at is None
