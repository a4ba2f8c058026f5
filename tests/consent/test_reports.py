"""Reporting a request that looks wrong: refused, sent nowhere, and before the administrators until one has looked."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.errors import Ended, Forbidden
from agents.models import Client, User
from agents.trail.kinds import Kind
from consent import reports as domain
from consent.models import AuthorizationCode, Consent, Report
from console.waiting.for_person import waiting_for
from tests import builders
from tests.consent.asking import REPORT, decides, reports, screen
from tests.forms import text_of

pytestmark = pytest.mark.django_db
WHY = "I did not start this."


def waits(viewer: User) -> list[str]:
    return [str(row.sentence) for row in waiting_for(viewer, timezone.now()) if row.icon == "flag"]


def test_what_looks_wrong_is_refused_and_leads_nowhere(weber: User, discharge_client: Client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    asked_why = browser.post(REPORT, {"shown": form["shown"]})
    assert "Report this request?" in text_of(asked_why)
    assert not Report.objects.exists()
    done = browser.post(REPORT, {"shown": form["shown"], "why": WHY})
    assert (done.status_code, done.headers.get("Location")) == (200, None)
    assert "Reported. Nothing was allowed." in text_of(done)
    assert decides(browser, form).status_code == 409  # the same page can no longer allow it
    assert not Consent.objects.exists()
    assert not AuthorizationCode.objects.exists()
    (event,) = builders.events(Kind.REQUEST_REPORTED)
    assert (event.user_id, event.agent_id, event.client_id) == (
        weber.pk,
        discharge_client.agent_id,
        discharge_client.pk,
    )
    assert WHY not in str(event.detail)  # beside the trail, where it can be erased
    assert len(builders.events(Kind.CONSENT_REFUSED)) == 1


def test_it_waits_for_administrators_until_one_has_looked(mara: User, ada, omar, weber, discharge_client: Client):
    report = reports(weber, discharge_client, WHY)
    assert waits(mara) == ["Dr. Jonas Weber reported what <strong><bdi>Discharge Assistant</bdi></strong> asked for"]
    assert [waits(person) for person in (ada, omar, weber)] == [[], [], []]
    page = builders.browser(mara).get(report.get_absolute_url())
    assert WHY in text_of(page)
    assert "app.st-anna.example" in text_of(page)
    done = builders.browser(mara).post(report.get_absolute_url(), {"reason": "He had started it in another window."})
    assert done.status_code == 302
    assert waits(mara) == []
    report.refresh_from_db()
    assert report.looked_at_by == mara
    (event,) = builders.events(Kind.REPORT_LOOKED_AT)
    assert event.detail == {"report": report.event}
    with pytest.raises(Ended):
        domain.look_at(report.pk, found="Again.", by=builders.actor(mara), now=timezone.now())


def test_an_auditor_reads_it_and_changes_nothing_and_others_do_not_see_it(omar, ada, weber, mallory, discharge_client):
    report = reports(weber, discharge_client, WHY)
    page = builders.browser(omar).get(report.get_absolute_url())
    assert WHY in text_of(page)
    assert "I have looked at it" not in text_of(page)
    with builders.one_refusal(Kind.PAGE_REFUSED, "forbidden"):
        assert builders.browser(omar).post(report.get_absolute_url(), {"reason": "x"}).status_code == 403
    for person in (ada, weber, mallory):
        assert builders.browser(person).get(report.get_absolute_url()).status_code == 404
    with pytest.raises(Forbidden):
        domain.look_at(report.pk, found="Mine.", by=builders.actor(ada), now=timezone.now())


def test_reporting_again_is_one_that_waits_and_each_is_an_event(mara: User, weber: User, discharge_client: Client):
    first = reports(weber, discharge_client)
    assert reports(weber, discharge_client, "Again.") == first
    assert len(builders.events(Kind.REQUEST_REPORTED)) == 2
    assert len(waits(mara)) == 1
    domain.look_at(first.pk, found="Nothing.", by=builders.actor(mara), now=timezone.now())
    assert reports(weber, discharge_client) != first


def test_a_report_that_is_too_long_is_said_and_may_be_mended(weber: User, discharge_client: Client):
    browser = builders.browser(weber)
    form = {"shown": screen(browser, discharge_client)["shown"]}
    page = browser.post(REPORT, {**form, "why": "x" * 501})
    assert page.status_code == 400
    assert 'id="why-error"' in text_of(page)
    assert not Report.objects.exists()
    assert browser.post(REPORT, {**form, "why": "short"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"shown": ["x"]},
        {"shown": None},
        {"why": ["one", "two"]},
        {"client_id": ["other"]},
        {"scope": ["x"]},
        {"shown": ["y" * 50_000]},
        {"decision": ["allow"]},
    ],
    ids=str,
)
def test_a_form_that_is_not_the_one_shown_reports_nothing(weber: User, discharge_client: Client, change):
    browser = builders.browser(weber)
    form = {"shown": screen(browser, discharge_client)["shown"], "why": ["x"], **change}
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        response = browser.post(REPORT, {name: values for name, values in form.items() if values is not None})
    assert response.status_code == 400
    assert not Report.objects.exists()


def test_somebody_else_cannot_report_what_they_were_not_shown(weber: User, mallory: User, discharge_client: Client):
    form = {"shown": screen(builders.browser(weber), discharge_client)["shown"], "why": "x"}
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        assert builders.browser(mallory).post(REPORT, form).status_code == 400
    assert builders.browser().post(REPORT, form).status_code == 302
    assert not Report.objects.exists()


def test_what_was_decided_cannot_be_reported_by_the_same_page(weber: User, discharge_client: Client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    decides(browser, form)
    assert browser.post(REPORT, {"shown": form["shown"], "why": "Too late."}).status_code == 409
    assert not Report.objects.exists()
