"""Somebody besides the person must agree: until then nothing stands, and of all who may, one decides, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import mail as outbox
from agents import people, registry
from agents.errors import Forbidden
from agents.models import Client, Role, Scope, User
from agents.trail.kinds import Kind
from consent import approvers
from consent.errors import ApproverNeeded
from consent.models import AuthorizationCode, Consent, PendingConsent
from consent.pending import ApprovalClosed
from tests import builders
from tests.builders import actor
from tests.consent.approvers.steps import allows, posts
from tests.consent.asking import answer_of, decides, opens
from tests.forms import form_of, text_of
from tests.ruling import rule, waits

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.mark.usefixtures("needs_administrator")
def test_what_a_person_allows_waits_and_is_worth_nothing(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="calendar:read")
    assert "Personal data: besides you, an administrator must agree" in text_of(page)
    done = decides(browser, form_of(page))
    waiting = PendingConsent.objects.get()
    assert done.headers["Location"].startswith(waiting.get_absolute_url())
    assert not Consent.objects.exists()
    assert not AuthorizationCode.objects.exists()
    (event,) = builders.events(Kind.CONSENT_WAITS)
    assert (event.actor_id, event.user_id, event.scopes) == (weber.pk, weber.pk, "calendar:read")
    shown = text_of(browser.get(done.headers["Location"]))
    assert "You allowed this to" in shown
    assert "error=access_denied" in shown
    assert "https://app.st-anna.example/callback?" in shown
    assert "Take it back" in shown
    assert waiting.purpose in text_of(browser.get("/inbox/"))


@pytest.mark.usefixtures("needs_administrator")
def test_the_way_back_leads_only_where_mandate_signed_it(weber: User, discharge_client: Client) -> None:
    waiting = allows(weber, discharge_client)
    page = builders.browser(weber).get(f"{waiting.get_absolute_url()}?back=https://evil.example")
    assert 'href="https://evil.example' not in text_of(page)


@pytest.mark.usefixtures("needs_administrator")
def test_an_administrator_agrees_and_the_consent_stands_as_it_was_shown(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = allows(weber, discharge_client)
    page = text_of(builders.browser(mara).get(waiting.get_absolute_url()))
    assert "See your appointments" in page
    assert "do you agree?" in page
    assert posts(mara, waiting, "agree").status_code == 302
    given = Consent.objects.get()
    assert (given.user, given.approved_by, given.agreed_by) == (weber, weber, mara)
    assert given.scopes(timezone.now()) == {see_appointments}
    assert given.shown["purpose"] == waiting.purpose
    waiting.refresh_from_db()
    assert (waiting.said, waiting.consent, waiting.closed_by) == ("agreed", given, mara)
    kinds = [event.kind for event in builders.events()][-2:]
    assert kinds == [Kind.APPROVER_AGREED, Kind.CONSENT_APPROVED]
    evidence = builders.browser(weber).get(f"/consents/{given.pk}/evidence/")
    assert "Agreed by" in text_of(evidence)
    # The client comes again and gets its code without a screen.
    assert "code" in answer_of(opens(builders.browser(weber), discharge_client, scope="calendar:read"))


@pytest.mark.usefixtures("needs_administrator")
def test_refused_by_an_administrator_with_a_reason(
    weber: User, mara: User, discharge_client: Client, settings: Any, mailoutbox: Any
) -> None:
    settings.MAIL_IS_SENT = True
    waiting = allows(weber, discharge_client)
    assert posts(mara, waiting, "refuse").status_code == 400  # a reason is needed
    assert posts(mara, waiting, "refuse", reason="Not for this ward.").status_code == 302
    waiting.refresh_from_db()
    assert waiting.said == "refused"
    assert not Consent.objects.exists()
    (event,) = builders.events(Kind.APPROVER_REFUSED)
    assert event.outcome == "refused"
    outbox.deliver(now=timezone.now())
    (sent,) = [each for each in mailoutbox if each.to == [weber.email]]
    assert "was refused what you allowed" in sent.subject
    assert "Not for this ward." in sent.body


@pytest.mark.usefixtures("needs_administrator")
def test_neither_the_person_nor_a_stranger_nor_an_auditor_agrees(
    weber: User, ada: User, omar: User, mallory: User, discharge_client: Client
) -> None:
    waiting = allows(weber, discharge_client)
    for person, status in ((weber, 403), (omar, 403), (ada, 404), (mallory, 404)):
        assert posts(person, waiting, "agree").status_code == status, person
        with pytest.raises(Forbidden):
            approvers.agree(waiting.pk, by=actor(person), now=timezone.now())
    assert not Consent.objects.exists()


def test_an_administrator_who_keeps_the_agent_does_not_agree(mara: User, weber: User, see_appointments: Scope) -> None:
    agent = builders.agent("Planner", owner=mara, scopes=[see_appointments])
    waiting = waits(weber, builders.client(agent), [see_appointments])
    assert posts(mara, waiting, "agree").status_code == 403
    assert not Consent.objects.exists()
    assert "Agree or refuse" not in text_of(builders.browser(mara).get("/inbox/"))


def test_an_administrator_does_not_agree_to_their_own(mara: User, discharge_client: Client) -> None:
    rule("personal", approver_role="administrator", by=mara)
    waiting = allows(mara, discharge_client)
    assert posts(mara, waiting, "agree").status_code == 403
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    assert posts(second, waiting, "agree").status_code == 302
    assert Consent.objects.get().agreed_by == second


def test_an_owner_of_another_agent_agrees_where_the_rule_says_so(
    weber: User, ada: User, mallory: User, discharge_client: Client, mara: User
) -> None:
    rule("personal", approver_role="owner", by=mara)
    waiting = allows(weber, discharge_client)
    assert posts(ada, waiting, "agree").status_code == 403  # keeps it
    assert "Agree or refuse" in text_of(builders.browser(mallory).get("/inbox/"))
    assert posts(mallory, waiting, "agree").status_code == 302
    assert Consent.objects.get().agreed_by == mallory


def test_a_rule_that_became_stricter_meanwhile_counts(
    weber: User, mallory: User, discharge_client: Client, mara: User
) -> None:
    rule("personal", approver_role="owner", by=mara)
    waiting = allows(weber, discharge_client)
    rule("personal", approver_role="administrator", by=mara)
    with pytest.raises(ApproverNeeded):
        approvers.agree(waiting.pk, by=actor(mallory), now=timezone.now())
    approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_it_is_decided_once(weber: User, mara: User, discharge_client: Client) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    waiting = allows(weber, discharge_client)
    approvers.refuse(waiting.pk, reason="No.", by=actor(second), now=timezone.now())
    with pytest.raises(ApprovalClosed):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    assert posts(mara, waiting, "agree").status_code == 409
    assert not Consent.objects.exists()


@pytest.mark.usefixtures("needs_administrator")
def test_whoever_lost_the_role_since_they_opened_the_page_does_not_decide(
    weber: User, mara: User, discharge_client: Client
) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    waiting = allows(weber, discharge_client)
    before = actor(second)
    people.change_role(
        User.objects.get(pk=second.pk), role=Role.OWNER, reason="Moved.", by=actor(mara), now=timezone.now()
    )
    with pytest.raises(Forbidden):
        approvers.agree(waiting.pk, by=before, now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_whoever_took_over_the_agent_since_does_not_decide(
    weber: User, mara: User, ada: User, discharge_client: Client
) -> None:
    waiting = allows(weber, discharge_client)
    registry.hand_over(discharge_client.agent, owner=mara, reason="Ada moves.", by=actor(ada), now=timezone.now())
    with pytest.raises(Forbidden):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_the_organisation_needs_a_second_administrator(claims_client: Client, mara: User) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    path = f"/agents/{claims_client.agent_id}/consent/?client={claims_client.pk}"
    browser = builders.browser(mara)
    done = browser.post(path, {**form_of(browser.get(path), path), "decision": "allow"})
    waiting = PendingConsent.objects.get()
    assert done.headers["Location"] == waiting.get_absolute_url()
    assert posts(mara, waiting, "agree").status_code == 403
    assert "somebody else must agree" in text_of(builders.browser(second).get("/"))
    assert posts(second, waiting, "agree").status_code == 302
    given = Consent.objects.get()
    assert (given.user, given.approved_by, given.agreed_by) == (None, mara, second)


def test_who_can_agree_gets_a_mail_and_nobody_else(
    weber: User,
    mara: User,
    ada: User,
    discharge_client: Client,
    see_appointments: Scope,
    settings: Any,
    mailoutbox: Any,
) -> None:
    settings.MAIL_IS_SENT = True
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    waits(weber, discharge_client, [see_appointments])
    outbox.deliver(now=timezone.now())
    told = [each for each in mailoutbox if "waits for somebody to agree" in each.subject]
    assert {address for each in told for address in each.to} == {mara.email, second.email}
    assert all("/approvals/" in each.body for each in told)


def test_no_way_round_the_pages_makes_the_consent(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    rule("personal", approver_role="administrator", by=mara)
    with pytest.raises(ApproverNeeded):
        builders.consent(weber, discharge_client, [see_appointments])


def test_the_database_refuses_that_somebody_agrees_to_their_own(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    waiting = waits(weber, discharge_client, [see_appointments])
    given = builders.consent(weber, discharge_client, [look_up_staff], purpose="Another")
    with pytest.raises(IntegrityError), transaction.atomic():
        PendingConsent.objects.filter(pk=waiting.pk).update(
            said="agreed", closed_at=timezone.now(), closed_by=weber, consent=given
        )


def test_what_is_decided_is_read_by_those_alone_whom_it_concerned(
    weber: User, ada: User, mallory: User, mara: User, omar: User, discharge_client: Client
) -> None:
    rule("personal", approver_role="owner", by=mara)
    another = builders.person("Nora Owner", Role.OWNER)
    waiting = allows(weber, discharge_client)
    assert builders.browser(another).get(waiting.get_absolute_url()).status_code == 200
    assert posts(mallory, waiting, "agree").status_code == 302
    for person, status in ((weber, 200), (mallory, 200), (mara, 200), (omar, 200), (another, 404), (ada, 404)):
        assert builders.browser(person).get(waiting.get_absolute_url()).status_code == status, person
