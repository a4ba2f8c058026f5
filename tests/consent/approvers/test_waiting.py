"""What waits for an approver: until when, what becomes of it meanwhile, and what is kept of the decision."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import travel

from agents import people, scope_words
from agents.acr import MULTI, SignIn
from agents.details.detail import Detail
from agents.errors import Forbidden
from agents.models import Client, DetailVersion, Scope, User
from agents.trail.kinds import Kind
from consent import approvers, mandate, pending
from consent.approval import Approval
from consent.conditions import conditions_from
from consent.errors import DecisionRefused, OfferChanged
from consent.models import Consent, Origin, PendingConsent
from consent.passing_on.passing import Passing
from consent.pending import ApprovalClosed, approval_of, as_kept
from tests import builders, detailing, out_of_band
from tests.builders import actor
from tests.consent.approvers.steps import allows, posts
from tests.consent.asking import decides, opens
from tests.forms import form_of, text_of
from tests.ruling import rule, waits
from tests.security.expected import is_oauth_error
from tests.signing_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


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
    waiting = allows(weber, discharge_client)
    assert posts(mara, waiting, "withdraw").status_code == 403
    assert posts(weber, waiting, "withdraw").status_code == 302
    with pytest.raises(ApprovalClosed):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_whoever_stops_everything_takes_back_what_waits(weber: User, mara: User, discharge_client: Client) -> None:
    waiting = allows(weber, discharge_client)
    mandate.revoke_all(weber, reason="Stop.", by=actor(weber), now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.said == "withdrawn"


@pytest.mark.usefixtures("needs_administrator")
def test_decided_anew_for_the_same_purpose_the_older_one_is_closed(weber: User, discharge_client: Client) -> None:
    first = allows(weber, discharge_client)
    second = allows(weber, discharge_client)
    first.refresh_from_db()
    assert (first.said, second.closed_at) == ("replaced", None)


@pytest.mark.usefixtures("needs_administrator")
def test_a_standing_consent_goes_on_while_the_new_one_waits(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    purpose = "Draft discharge letters for the ward doctor"
    stands = builders.consent(weber, discharge_client, [look_up_staff], purpose=purpose)
    waiting = allows(weber, discharge_client)
    stands.refresh_from_db()
    assert stands.is_live(timezone.now())
    approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    stands.refresh_from_db()
    assert stands.superseded_at is not None


@pytest.mark.usefixtures("needs_administrator")
def test_what_means_something_else_by_now_cannot_be_agreed_to(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = allows(weber, discharge_client)
    scope_words.reword_scope(
        see_appointments, title="See all appointments", detail="", by=actor(mara), now=timezone.now()
    )
    with pytest.raises(OfferChanged):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


@pytest.mark.usefixtures("needs_administrator")
def test_what_somebody_allowed_who_is_gone_cannot_be_agreed_to(
    weber: User, mara: User, discharge_client: Client
) -> None:
    waiting = allows(weber, discharge_client)
    people.deactivate(weber, reason="Left.", by=actor(mara), now=timezone.now())
    with pytest.raises((DecisionRefused, Forbidden)):
        approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())


def test_a_fresh_sign_in_had_to_be_fresh_when_the_person_decided(
    weber: User, mara: User, discharge_client: Client
) -> None:
    rule("personal", approver_role="administrator", fresh_within=timedelta(minutes=5), by=mara)
    with travel(timezone.now(), tick=False) as clock:
        browser = signed_in(weber)
        form = form_of(opens(browser, discharge_client, scope="calendar:read"))
        decides(browser, form, until="30d")  # the first choice ends at six, which may be within the hour
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
        time_zone="Europe/Berlin",
    )
    unset = {field.name for field in fields(Approval)} - {
        "client", "user", "scopes", "purpose", "ends_at", "once", "conditions", "required", "shown", "redirect_host",
        "signed_in", "acr_values", "origin", "details", "tells_who", "passing", "time_zone",
    }  # fmt: skip
    assert not unset, "keep these in consent/pending.py, and give them a value here"
    with transaction.atomic():
        kept = pending.keep(made, "administrator", by=actor(weber), now=timezone.now())
    again = approval_of(PendingConsent.objects.with_what_is_asked().get(pk=kept.pk))
    for field in fields(Approval):
        assert getattr(again, field.name) == getattr(made, field.name), field.name
    assert as_kept(again) == as_kept(made)
    assert again.details[transfers][0].sentence in text_of(builders.browser(weber).get(kept.get_absolute_url()))


@pytest.mark.usefixtures("needs_administrator")
def test_agreeing_never_brings_back_what_somebody_revoked_since(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    waiting = allows(weber, discharge_client)
    before = builders.consent(weber, discharge_client, [look_up_staff], purpose=waiting.purpose)
    mandate.revoke(before.pk, reason="It reads too much.", by=actor(mara), now=timezone.now())
    with builders.one_refusal(Kind.PAGE_REFUSED, "decision_refused"):
        answer = posts(mara, waiting, "agree")
    assert answer.status_code == 409
    assert "revoked" in text_of(answer)
    assert not Consent.objects.live(timezone.now()).exists()
    assert not builders.events(Kind.APPROVER_AGREED)
    again = allows(weber, discharge_client)
    assert posts(mara, again, "agree").status_code == 302


@pytest.mark.usefixtures("needs_administrator")
def test_stopping_everything_refuses_the_question_that_was_answered(
    weber: User, mara: User, discharge_assistant: Any
) -> None:
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    secret = out_of_band.asked_id(robot, weber)
    out_of_band.decides(weber, out_of_band.request_of(secret))
    mandate.revoke_all(weber, reason="Stop.", by=actor(weber), now=timezone.now())
    assert is_oauth_error(out_of_band.polls(robot, secret), "access_denied")


def test_nobody_stops_everything_for_somebody_else(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = waits(weber, discharge_client, [see_appointments])
    with pytest.raises(Forbidden):
        mandate.revoke_all(weber, reason="Stop.", by=actor(mara), now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.closed_at is None


@pytest.mark.parametrize("role", ["administrator", "owner"])
def test_who_is_told_are_those_who_may_agree_in_one_query(
    weber: User, mara: User, ada: User, mallory: User, omar: User, discharge_client: Client, look_up_staff: Scope, role: str
) -> None:  # fmt: skip
    waiting = waits(weber, discharge_client, [look_up_staff], role=role)
    found = set(pending.who_may_agree(waiting))
    assert found == {person for person in User.objects.active() if waiting.may_be_agreed_to_by(person)}
    with CaptureQueriesContext(connection) as queries:
        list(pending.who_may_agree(waiting))
    assert len(queries) == 1


@pytest.mark.usefixtures("needs_administrator")
def test_times_of_day_count_in_the_zone_in_which_the_person_read_them(
    weber: User, mara: User, discharge_client: Client
) -> None:
    User.objects.filter(pk=weber.pk).update(time_zone="Europe/Berlin")
    browser = builders.browser(weber)
    form = form_of(opens(browser, discharge_client, scope="calendar:read"))
    decides(browser, form, limit_from=["08:00"], limit_to=["18:00"])
    User.objects.filter(pk=weber.pk).update(time_zone="America/New_York")
    waiting = PendingConsent.objects.get()
    assert "08:00 to 18:00 (Europe/Berlin)" in text_of(builders.browser(mara).get(waiting.get_absolute_url()))
    given = approvers.agree(waiting.pk, by=actor(mara), now=timezone.now())
    assert given.time_zone == "Europe/Berlin"
