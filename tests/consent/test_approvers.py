"""Somebody besides the person must agree: until then nothing stands, and of all who may, one decides, once."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from time_machine import travel

from agents import mail as outbox
from agents import people, registry, scope_words
from agents.acr import MULTI, SignIn
from agents.details.detail import Detail
from agents.errors import Forbidden
from agents.models import Client, DetailVersion, Role, Scope, User
from agents.trail.kinds import Kind
from consent import approvers, mandate, pending
from consent.approval import Approval
from consent.conditions import conditions_from
from consent.errors import ApproverNeeded, DecisionRefused, OfferChanged
from consent.models import AuthorizationCode, Consent, Origin, PendingConsent
from consent.passing import Passing
from consent.pending import ApprovalClosed, approval_of, as_kept
from tests import builders, detailing, out_of_band
from tests.builders import actor
from tests.consent.asking import answer_of, decides, opens
from tests.forms import form_of, text_of
from tests.ruling import rule, waits
from tests.security.expected import is_oauth_error
from tests.signing_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def needs_administrator(mara: User) -> None:
    rule("personal", approver_role="administrator", by=mara)


def _allows(person: User, client: Client, **asked: Any) -> PendingConsent:
    """The person allows on the screen; what waits then."""
    browser = builders.browser(person)
    done = decides(browser, form_of(opens(browser, client, scope="calendar:read", **asked)))
    assert done.status_code == 303
    assert done.headers["Location"].startswith("/approvals/")
    return PendingConsent.objects.open().get(client=client, decided_by=person)


def _posts(person: User, waiting: PendingConsent, decision: str, **form: str) -> Any:
    return builders.browser(person).post(waiting.get_absolute_url(), {"decision": decision, **form})


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
    assert "See your appointments" in text_of(browser.get("/inbox/")) or waiting.purpose in text_of(
        browser.get("/inbox/")
    )


@pytest.mark.usefixtures("needs_administrator")
def test_the_way_back_leads_only_where_mandate_signed_it(weber: User, discharge_client: Client) -> None:
    waiting = _allows(weber, discharge_client)
    page = builders.browser(weber).get(f"{waiting.get_absolute_url()}?back=https://evil.example")
    assert 'href="https://evil.example' not in text_of(page)


@pytest.mark.usefixtures("needs_administrator")
def test_an_administrator_agrees_and_the_consent_stands_as_it_was_shown(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = _allows(weber, discharge_client)
    page = text_of(builders.browser(mara).get(waiting.get_absolute_url()))
    assert "See your appointments" in page
    assert "do you agree?" in page
    assert _posts(mara, waiting, "agree").status_code == 302
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
    waiting = _allows(weber, discharge_client)
    assert _posts(mara, waiting, "refuse").status_code == 400  # a reason is needed
    assert _posts(mara, waiting, "refuse", reason="Not for this ward.").status_code == 302
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
    waiting = _allows(weber, discharge_client)
    for person, status in ((weber, 403), (omar, 403), (ada, 404), (mallory, 404)):
        assert _posts(person, waiting, "agree").status_code == status, person
        with pytest.raises(Forbidden):
            approvers.agree(waiting.pk, by=actor(person), now=timezone.now())
    assert not Consent.objects.exists()


def test_an_administrator_who_keeps_the_agent_does_not_agree(mara: User, weber: User, see_appointments: Scope) -> None:
    agent = builders.agent("Planner", owner=mara, scopes=[see_appointments])
    waiting = waits(weber, builders.client(agent), [see_appointments])
    assert _posts(mara, waiting, "agree").status_code == 403
    assert not Consent.objects.exists()
    assert "Agree or refuse" not in text_of(builders.browser(mara).get("/inbox/"))


def test_an_administrator_does_not_agree_to_their_own(mara: User, discharge_client: Client) -> None:
    rule("personal", approver_role="administrator", by=mara)
    waiting = _allows(mara, discharge_client)
    assert _posts(mara, waiting, "agree").status_code == 403
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    assert _posts(second, waiting, "agree").status_code == 302
    assert Consent.objects.get().agreed_by == second


def test_an_owner_of_another_agent_agrees_where_the_rule_says_so(
    weber: User, ada: User, mallory: User, discharge_client: Client, mara: User
) -> None:
    rule("personal", approver_role="owner", by=mara)
    waiting = _allows(weber, discharge_client)
    assert _posts(ada, waiting, "agree").status_code == 403  # keeps it
    assert "Agree or refuse" in text_of(builders.browser(mallory).get("/inbox/"))
    assert _posts(mallory, waiting, "agree").status_code == 302
    assert Consent.objects.get().agreed_by == mallory


def test_a_rule_that_became_stricter_meanwhile_counts(
    weber: User, mallory: User, discharge_client: Client, mara: User
) -> None:
    rule("personal", approver_role="owner", by=mara)
    waiting = _allows(weber, discharge_client)
    rule("personal", approver_role="administrator", by=mara)
    with pytest.raises(ApproverNeeded):
        approvers.agree(waiting.pk, by=actor(mallory), now=timezone.now())
    approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_it_is_decided_once(weber: User, mara: User, discharge_client: Client) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    waiting = _allows(weber, discharge_client)
    approvers.refuse(waiting.pk, reason="No.", by=actor(second), now=timezone.now())
    with pytest.raises(ApprovalClosed):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    assert _posts(mara, waiting, "agree").status_code == 409
    assert not Consent.objects.exists()


@pytest.mark.usefixtures("needs_administrator")
def test_whoever_lost_the_role_since_they_opened_the_page_does_not_decide(
    weber: User, mara: User, discharge_client: Client
) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    waiting = _allows(weber, discharge_client)
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
    waiting = _allows(weber, discharge_client)
    registry.hand_over(discharge_client.agent, owner=mara, reason="Ada moves.", by=actor(ada), now=timezone.now())
    with pytest.raises(Forbidden):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_after_three_days_it_is_over_and_says_so(weber: User, mara: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = form_of(opens(browser, discharge_client, scope="calendar:read"))
    decides(browser, form, until="30d")
    waiting = PendingConsent.objects.get()
    later = timezone.now() + timedelta(days=3, seconds=1)
    with pytest.raises(ApprovalClosed):
        approvers.agree(waiting.pk, by=actor(mara), now=later)
    assert pending.close_over(now=later) == 1
    assert pending.close_over(now=later) == 0
    (event,) = builders.events(Kind.APPROVAL_OVER)
    assert event.detail["because"] == "over"


@pytest.mark.usefixtures("needs_administrator")
def test_the_person_takes_it_back(weber: User, mara: User, discharge_client: Client) -> None:
    waiting = _allows(weber, discharge_client)
    assert _posts(mara, waiting, "withdraw").status_code == 403
    assert _posts(weber, waiting, "withdraw").status_code == 302
    with pytest.raises(ApprovalClosed):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_whoever_stops_everything_takes_back_what_waits(weber: User, mara: User, discharge_client: Client) -> None:
    waiting = _allows(weber, discharge_client)
    mandate.revoke_all(weber, reason="Stop.", by=actor(weber), now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.said == "withdrawn"


@pytest.mark.usefixtures("needs_administrator")
def test_decided_anew_for_the_same_purpose_the_older_one_is_closed(weber: User, discharge_client: Client) -> None:
    first = _allows(weber, discharge_client)
    second = _allows(weber, discharge_client)
    first.refresh_from_db()
    assert (first.said, second.closed_at) == ("replaced", None)


@pytest.mark.usefixtures("needs_administrator")
def test_a_standing_consent_goes_on_while_the_new_one_waits(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    purpose = "Draft discharge letters for the ward doctor"
    stands = builders.consent(weber, discharge_client, [look_up_staff], purpose=purpose)
    waiting = _allows(weber, discharge_client)
    stands.refresh_from_db()
    assert stands.is_live(timezone.now())
    approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    stands.refresh_from_db()
    assert stands.superseded_at is not None


@pytest.mark.usefixtures("needs_administrator")
def test_what_means_something_else_by_now_cannot_be_agreed_to(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = _allows(weber, discharge_client)
    scope_words.reword_scope(
        see_appointments, title="See all appointments", detail="", by=actor(mara), now=timezone.now()
    )
    with pytest.raises(OfferChanged):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_what_somebody_allowed_who_is_gone_cannot_be_agreed_to(
    weber: User, mara: User, discharge_client: Client
) -> None:
    waiting = _allows(weber, discharge_client)
    people.deactivate(weber, reason="Left.", by=actor(mara), now=timezone.now())
    with pytest.raises((DecisionRefused, Forbidden)):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


def test_a_fresh_sign_in_had_to_be_fresh_when_the_person_decided(
    weber: User, mara: User, discharge_client: Client
) -> None:
    rule("personal", approver_role="administrator", fresh_within=timedelta(minutes=5), by=mara)
    with travel(timezone.now(), tick=False) as clock:
        browser = signed_in(weber)
        decides(browser, form_of(opens(browser, discharge_client, scope="calendar:read")))
        clock.shift(timedelta(minutes=50))
        approvers.agree(PendingConsent.objects.get().pk, by=actor(mara), now=timezone.now())
    assert Consent.objects.get().agreed_by == mara


@pytest.mark.usefixtures("needs_administrator")
def test_an_agent_that_asks_out_of_band_waits_on_until_the_approver_agrees(
    weber: User, mara: User, discharge_assistant: Any
) -> None:
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    secret = out_of_band.asked_id(robot, weber)
    asked = out_of_band.request_of(secret)
    out_of_band.decides(weber, asked)
    waiting = PendingConsent.objects.get()
    assert waiting.request == asked
    assert builders.browser(weber).get(asked.get_absolute_url()).headers["Location"] == waiting.get_absolute_url()
    assert is_oauth_error(out_of_band.polls(robot, secret), "authorization_pending")
    approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    assert out_of_band.polls(robot, secret).json()["access_token"]


@pytest.mark.usefixtures("needs_administrator")
def test_refused_the_agent_that_asked_out_of_band_is_told(weber: User, mara: User, discharge_assistant: Any) -> None:
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    secret = out_of_band.asked_id(robot, weber)
    out_of_band.decides(weber, out_of_band.request_of(secret))
    approvers.refuse(PendingConsent.objects.get().pk, reason="No.", by=actor(mara), now=timezone.now())
    assert is_oauth_error(out_of_band.polls(robot, secret), "access_denied")


@pytest.mark.usefixtures("needs_administrator")
def test_the_organisation_needs_a_second_administrator(claims_client: Client, mara: User) -> None:
    second = builders.person("Nora Second", Role.ADMINISTRATOR)
    path = f"/agents/{claims_client.agent_id}/consent/?client={claims_client.pk}"
    browser = builders.browser(mara)
    done = browser.post(path, {**form_of(browser.get(path), path), "decision": "allow"})
    waiting = PendingConsent.objects.get()
    assert done.headers["Location"] == waiting.get_absolute_url()
    assert _posts(mara, waiting, "agree").status_code == 403
    assert "somebody else must agree" in text_of(builders.browser(second).get("/"))
    assert _posts(second, waiting, "agree").status_code == 302
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


def test_a_decision_is_kept_whole(
    weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    """Whoever gives ``Approval`` a new field and does not keep it here would let an approver agree to something else."""
    transfers = detailing.transfers_at(builders.resource("House bank"))
    version = DetailVersion.objects.by_scope([transfers.pk])[transfers.pk]
    asked = {name: value for name, value in detailing.transfer(250).items() if name != "type"}
    made = Approval(
        client=discharge_client,
        user=weber,
        scopes={scope: scope.wording for scope in (see_appointments, look_up_staff, transfers)},
        purpose="Everything is kept",
        ends_at=timezone.now() + timedelta(hours=3),
        once=True,
        conditions=conditions_from({"networks": ["10.0.0.0/8"]}, 7),
        required=frozenset({look_up_staff}),
        shown={"purpose": "Everything is kept", "resources": []},
        redirect_host="app.st-anna.example",
        signed_in=SignIn(("password", "totp"), timezone.now(), MULTI),
        acr_values=(MULTI,),
        origin=Origin.REQUEST,
        details={transfers: (Detail(version, asked),)},
        tells_who=True,
        passing=Passing(frozenset({discharge_client.pk}), 2),
    )
    unset = {field.name for field in fields(Approval)} - {
        "client", "user", "scopes", "purpose", "ends_at", "once", "conditions", "required", "shown", "redirect_host",
        "signed_in", "acr_values", "origin", "details", "tells_who", "passing",
    }  # fmt: skip
    assert not unset, "keep these in consent/pending.py, and give them a value here"
    with transaction.atomic():
        kept = pending.keep(made, "administrator", by=actor(weber), now=timezone.now())
    again = approval_of(PendingConsent.objects.with_what_is_asked().get(pk=kept.pk))
    for field in fields(Approval):
        assert getattr(again, field.name) == getattr(made, field.name), field.name
    assert as_kept(again) == as_kept(made)
    assert again.details[transfers][0].sentence in text_of(builders.browser(weber).get(kept.get_absolute_url()))
