"""My agents: what a person allowed, and what they agreed to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from agents import lifecycle
from agents.last_use import note_use
from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent import mandate
from consent.models import Consent
from tests import builders
from tests.consent.asking import allows
from tests.forms import text_of

pytestmark = pytest.mark.django_db


def page(person: User, path: str = "/my-agents/") -> str:
    response = builders.browser(person).get(path)
    assert response.status_code == 200
    return text_of(response)


def test_what_stands_comes_first_and_what_is_over_below(weber: User, discharge_client: Client) -> None:
    standing = allows(weber, discharge_client, scope="staff:read", purpose="What stands")
    over = allows(weber, discharge_client, scope="staff:read", purpose="What is over")
    mandate.revoke(over.pk, reason="Done.", by=builders.actor(weber), now=timezone.now())
    text = page(weber)
    head, below = text.split("What is over</h2>")
    assert f'id="consent-{standing.pk}"' in head
    assert "What stands" in head
    assert f"/my-agents/{over.pk}/" in below
    assert f"?consent={standing.pk}" in head


def test_it_says_when_each_was_used_last(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="staff:read")
    assert "not used yet" in page(weber)
    note_use([consent.pk], timezone.now())
    assert "last used" in page(weber)


def test_others_consents_are_not_there(weber: User, mallory: User, mara: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, purpose="Private matter", scope="staff:read")
    for other in (mallory, mara):
        assert "Private matter" not in page(other)
    assert builders.browser(mallory).get(f"/my-agents/{consent.pk}/").status_code == 404
    assert builders.browser(mallory).get("/my-agents/0199c0de-0000-7000-8000-000000000000/").status_code == 404


def test_somebody_who_allowed_nothing_reads_what_would_be_here(weber: User) -> None:
    assert "No agent acts for you" in page(weber)
    assert builders.browser(weber).get("/my-agents/stop/").status_code == 404


def test_a_suspended_agent_is_shown_as_not_active(
    weber: User, mara: User, discharge_client: Client, discharge_assistant: Agent
) -> None:
    allows(weber, discharge_client, scope="staff:read")
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=timezone.now())
    assert "agent not active" in page(weber)


def test_what_was_agreed_to_is_shown_as_it_was_read(
    weber: User, ada: User, omar: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    consent = allows(weber, discharge_client, [look_up_staff], scope="calendar:read staff:read", purpose="Find a nurse")
    for reader in (weber, ada, omar, mara):
        text = page(reader, f"/my-agents/{consent.pk}/")
        assert "Find a nurse" in text
        assert "Look up staff" in text
        assert "See your appointments" in text  # read, and left off
    assert "Revoke…" not in page(ada, f"/my-agents/{consent.pk}/")


def test_my_agents_takes_the_same_queries_for_one_and_for_twenty(
    weber: User, discharge_client: Client, django_assert_max_num_queries: Any
) -> None:
    allows(weber, discharge_client, scope="staff:read calendar:read", purpose="Number 0")
    browser = builders.browser(weber)
    with django_assert_max_num_queries(15):
        browser.get("/my-agents/")
    for number in range(1, 20):
        allows(weber, discharge_client, scope="staff:read calendar:read", purpose=f"Number {number}")
    with django_assert_max_num_queries(15):
        assert browser.get("/my-agents/").status_code == 200


def test_what_is_over_is_paged(weber: User, discharge_client: Client) -> None:
    for number in range(12):
        allows(weber, discharge_client, scope="staff:read", purpose="The same thing again", prompt="consent")
        assert Consent.objects.count() == number + 1
    assert "1–10 of 11" in page(weber)
    assert "11–11 of 11" in page(weber, "/my-agents/?over=2")
    assert "11–11 of 11" in page(weber, "/my-agents/?over=999999999")
    assert "1–10 of 11" in page(weber, "/my-agents/?over=x")


def test_stopping_all_revokes_each_and_only_ones_own(weber: User, mara: User, discharge_client: Client) -> None:
    for purpose in ("One", "Two"):
        allows(weber, discharge_client, scope="staff:read", purpose=purpose)
    others = allows(mara, discharge_client, scope="staff:read")
    browser = builders.browser(weber)
    asking = text_of(browser.get("/my-agents/stop/"))
    assert "One" in asking
    assert "within 5 minutes" in asking  # the staff directory checks offline
    assert Consent.objects.live(timezone.now()).count() == 3
    response = browser.post("/my-agents/stop/", {"reason": "Leaving."}, follow=True)
    assert "2 consents are revoked" in text_of(response)
    assert list(Consent.objects.live(timezone.now())) == [others]
    assert len(builders.events(Kind.CONSENT_REVOKED)) == 2


def test_all_of_it_asks_for_a_sign_in(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="staff:read")
    for path in (
        "/my-agents/",
        "/my-agents/stop/",
        f"/my-agents/{consent.pk}/",
        f"/consents/{consent.pk}/narrow/",
        f"/consents/{consent.pk}/shorten/",
        f"/consents/{consent.pk}/revoke/",
    ):
        response = builders.browser().get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/account/login/")


def test_stopping_all_goes_on_when_one_was_ended_in_between(
    weber: User, mara: User, discharge_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tab, or an administrator, may be a moment faster: the others must stop all the same."""
    first = builders.consent(weber, discharge_client, purpose="One")
    second = builders.consent(weber, discharge_client, purpose="Two")
    revoke = mandate.revoke

    def after_somebody_else(consent_id: UUID, **facts: Any) -> Consent:
        if consent_id == first.pk:
            revoke(second.pk, reason="Faster.", by=builders.actor(mara), now=facts["now"])
        return revoke(consent_id, **facts)

    monkeypatch.setattr(mandate, "revoke", after_somebody_else)
    by = builders.actor(weber)
    assert mandate.revoke_all(weber, reason="", by=by, now=timezone.now()) == [first]
    assert not Consent.objects.live(timezone.now()).exists()


def test_a_thousand_consents_come_in_pages(
    weber: User, discharge_client: Client, look_up_staff: Scope, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for number in range(30):
        builders.consent(weber, discharge_client, [look_up_staff], purpose=f"Purpose {number}", now=now)
    browser = builders.browser(weber)
    with django_assert_max_num_queries(22):
        first = browser.get("/my-agents/")
    assert sum(len(group.cards) for group in first.context["groups"]) == 25
    second = browser.get("/my-agents/?page=2&over=x")
    assert sum(len(group.cards) for group in second.context["groups"]) == 5
    assert len(browser.get("/my-agents/stop/").context["groups"][0].cards) == 30
