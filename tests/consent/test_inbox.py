"""The inbox: what waits, live, counted, decided on the same screen, and the word that ends the asking."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import Event, OutgoingMail
from consent.models import AccessRequest, Consent, Report, Silence
from tests import builders
from tests.builders import one_refusal
from tests.forms import form_of
from tests.out_of_band import asked_id, asking_client, asks, decides, joins_circle, polls, request_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def sibling(robot, discharge_assistant):
    """Another client of the same agent."""
    return asking_client(discharge_assistant, "sibling")


def page_of(browser, address, **headers):
    return browser.get(address, **headers).content.decode()


def test_what_an_agent_asks_waits_here_and_is_counted(robot, weber):
    browser = builders.browser(weber)
    assert "Nobody asks you anything" in page_of(browser, "/inbox/")
    request = request_of(asked_id(robot, weber, binding_message="Room 12"))
    page = page_of(browser, "/inbox/")
    assert "Discharge Assistant" in page
    assert "Plan the ward round" in page
    assert "Room 12" in page
    assert request.get_absolute_url() in page
    assert 'id="count-inbox">1<' in page_of(browser, "/my-agents/")


def test_the_count_is_asked_for_on_every_page_and_answers_only_what_is_new(robot, weber, django_assert_max_num_queries):
    browser = builders.browser(weber)
    assert 'hx-get="/inbox/count/?seen=0"' in page_of(browser, "/my-agents/")
    assert "/inbox/count/" not in page_of(browser, "/inbox/")  # the list there counts itself
    with django_assert_max_num_queries(3):  # session, person, count
        assert browser.get("/inbox/count/?seen=0", HTTP_HX_REQUEST="true").status_code == 204
    asked_id(robot, weber)
    told = page_of(browser, "/inbox/count/?seen=0", HTTP_HX_REQUEST="true")
    assert 'hx-get="/inbox/count/?seen=1"' in told
    assert 'id="count-inbox" hx-swap-oob="true">1<' in told
    assert "One request waits for you." in told
    assert browser.get("/inbox/count/?seen=1", HTTP_HX_REQUEST="true").status_code == 204
    assert "waits for you." not in page_of(browser, "/inbox/count/?seen=2")  # fewer: nothing is said
    for odd in ("", "-1", "x", "9" * 5000, "٣"):
        assert browser.get("/inbox/count/", {"seen": odd}).status_code == 200


def test_the_count_is_everybodys_own(robot, weber, mara):
    asked_id(robot, weber)
    assert builders.browser(mara).get("/inbox/count/?seen=0").status_code == 204
    assert "/account/login/" in builders.browser().get("/inbox/count/?seen=0").headers["Location"]


def test_only_the_person_sees_it(robot, weber, mara, ada, omar, mallory):
    request = request_of(asked_id(robot, weber))
    for person in (mara, ada, omar, mallory):
        browser = builders.browser(person)
        assert "Plan the ward round" not in page_of(browser, "/inbox/")
        assert browser.get(request.get_absolute_url()).status_code == 404
        assert browser.post(request.get_absolute_url(), {"decision": "allow"}).status_code == 404
        assert browser.post(f"{request.get_absolute_url()}never/").status_code == 404
    assert not Consent.objects.exists()


def test_htmx_gets_the_list_alone_and_nothing_while_nothing_changed(robot, weber):
    browser = builders.browser(weber)
    page = page_of(browser, "/inbox/")
    address = page.split('hx-get="')[1].split('"')[0]
    unchanged = browser.get(address, HTTP_HX_REQUEST="true")
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    asked_id(robot, weber)
    changed = browser.get(address, HTTP_HX_REQUEST="true")
    assert changed.status_code == 200
    assert "HX-Request" in changed["Vary"]
    part = changed.content.decode()
    assert "<html" not in part
    assert "Plan the ward round" in part
    assert 'id="count-inbox" hx-swap-oob="true">1<' in part


def test_the_list_takes_a_fixed_number_of_queries(robot, sibling, weber, django_assert_num_queries):
    browser = builders.browser(weber)
    browser.get("/inbox/")
    asked_id(robot, weber)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as one:
        browser.get("/inbox/")
    asked_id(robot, weber, purpose="Another")
    asked_id(sibling, weber, purpose="A third")
    with CaptureQueriesContext(connection) as three:
        browser.get("/inbox/")
    assert len(three) == len(one)


def test_it_says_what_became_of_it(robot, weber):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret), "refuse")
    browser = builders.browser(weber)
    assert "refused" in page_of(browser, "/inbox/")
    assert "You have refused this" in page_of(browser, request_of(secret).get_absolute_url())


def test_the_screen_is_the_same_and_its_scopes_can_be_unticked(robot, weber, see_appointments):
    secret = asked_id(robot, weber, scope="calendar:read staff:read")
    decides(weber, request_of(secret), scopes=[see_appointments])
    assert polls(robot, secret).json()["scope"] == "calendar:read"


def test_the_consent_tells_how_it_was_asked_for(robot, weber):
    decides(weber, request_of(asked_id(robot, weber, binding_message="Room 12")))
    page = page_of(builders.browser(weber), f"/my-agents/{Consent.objects.get().pk}/")
    assert "out of band" in page
    assert "Room 12" in page


def test_two_windows_one_answer(robot, weber):
    request = request_of(asked_id(robot, weber))
    browser = builders.browser(weber)
    address = request.get_absolute_url()
    first, second = (dict(form_of(browser.get(address), address)) for _ in range(2))
    assert browser.post(address, {**first, "decision": ["allow"]}).status_code == 302
    with one_refusal("consent.form_refused", "request_closed"):
        late = browser.post(address, {**second, "decision": ["refuse"]})
    assert late.status_code == 409
    assert "You have allowed this" in late.content.decode()
    assert browser.post(address, {**first, "decision": ["allow"]}).status_code == 409
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": ["00000000-0000-0000-0000-000000000000"]},
        {"until": ["for ever"]},
        {"extra": ["1"]},
        {"shown": ["x"]},
        {"decision": ["perhaps"]},
        {"purpose": None},
    ],
    ids=str,
)
def test_a_tampered_form_allows_nothing(robot, weber, changed):
    request = request_of(asked_id(robot, weber))
    browser = builders.browser(weber)
    address = request.get_absolute_url()
    form = {**form_of(browser.get(address), address), "decision": ["allow"], **changed}
    with one_refusal("consent.form_refused", "form_tampered"):
        answer = browser.post(address, {name: value for name, value in form.items() if value is not None})
    assert answer.status_code == 400
    assert not Consent.objects.exists()


def test_the_form_of_another_request_is_not_taken(robot, weber):
    one, other = (request_of(asked_id(robot, weber, purpose=purpose)) for purpose in ("One", "Other"))
    browser = builders.browser(weber)
    form = form_of(browser.get(one.get_absolute_url()), one.get_absolute_url())
    answer = browser.post(other.get_absolute_url(), {**form, "decision": ["allow"]})
    assert answer.status_code == 400
    assert not Consent.objects.exists()


def test_what_has_changed_since_is_shown_again(robot, weber, see_appointments, mara):
    from agents import scope_words

    request = request_of(asked_id(robot, weber))
    browser = builders.browser(weber)
    address = request.get_absolute_url()
    form = form_of(browser.get(address), address)
    scope_words.reword_scope(
        see_appointments, title="See all appointments", detail="", by=builders.actor(mara), now=timezone.now()
    )
    answer = browser.post(address, {**form, "decision": ["allow"]})
    assert answer.status_code == 409
    assert "See all appointments" in answer.content.decode()
    assert request_of_same(request).decision == ""


def request_of_same(request):
    return AccessRequest.objects.get(pk=request.pk)


def test_an_auditor_reads_and_cannot_allow(robot, omar, mara, discharge_assistant):
    joins_circle(discharge_assistant, omar, by=mara)
    request = request_of(asked_id(robot, omar))
    browser = builders.browser(omar)
    page = page_of(browser, request.get_absolute_url())
    assert "so you cannot allow this" in page
    form = form_of(browser.get(request.get_absolute_url()), request.get_absolute_url())
    assert browser.post(request.get_absolute_url(), {**form, "decision": ["allow"]}).status_code == 403
    assert not Consent.objects.exists()


def test_an_agent_that_was_suspended_can_be_allowed_nothing(robot, weber, discharge_assistant, mara):
    from agents import lifecycle

    request = request_of(asked_id(robot, weber))
    lifecycle.suspend(discharge_assistant, reason="Odd.", by=builders.actor(mara), now=timezone.now())
    assert "can be allowed nothing of this now" in page_of(builders.browser(weber), request.get_absolute_url())


def test_what_looks_wrong_is_reported_and_refused(robot, weber, mallory, mara):
    secret = asked_id(robot, weber)
    address = request_of(secret).get_absolute_url()
    browser = builders.browser(weber)
    assert f'action="{address}report/"' in page_of(browser, address)
    assert builders.browser(mallory).post(f"{address}report/", {"why": "x"}).status_code == 404
    assert "What looks wrong?" in browser.post(f"{address}report/").content.decode()
    assert polls(robot, secret).json()["error"] == "authorization_pending"
    assert browser.post(f"{address}report/", {"why": "x" * 501}).status_code == 400
    assert browser.post(f"{address}report/", {"why": "I did not ask for this."}).status_code == 302
    assert polls(robot, secret).json()["error"] == "access_denied"
    assert Report.objects.open().get().user == weber
    assert browser.post(f"{address}report/", {"why": "Twice."}).status_code == 409
    assert Report.objects.count() == 1


# ---------------------------------------------------------------------------------------------------------- never again


def test_never_again_holds_for_every_client_of_the_agent_and_can_be_taken_back(
    robot, sibling, weber, discharge_assistant
):
    waiting = asked_id(robot, weber)
    also = asked_id(sibling, weber)
    browser = builders.browser(weber)
    assert browser.post(f"{request_of(waiting).get_absolute_url()}never/").status_code == 302
    assert {polls(robot, waiting).json()["error"], polls(sibling, also).json()["error"]} == {"access_denied"}
    mails = OutgoingMail.objects.count()
    for client in (robot, sibling):
        with one_refusal("request.refused", "silenced"):
            assert asks(client, weber).status_code == 403
    assert OutgoingMail.objects.count() == mails
    assert Event.objects.filter(kind="request.silenced", user_id=weber.pk).count() == 1

    assert "Do not ask you any more" in page_of(browser, "/my-agents/")
    assert browser.post(f"/my-agents/ask-again/{discharge_assistant.pk}/").status_code == 302
    assert asks(robot, weber).status_code == 200
    assert not Silence.objects.live().exists()
    assert browser.post(f"/my-agents/ask-again/{discharge_assistant.pk}/").status_code == 404


def test_never_again_can_be_said_to_what_is_over_too(robot, weber):
    request = request_of(asked_id(robot, weber, requested_expiry="60"))
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        browser = builders.browser(weber)
        assert "Never ask me again" in page_of(browser, request.get_absolute_url())
        assert browser.post(f"{request.get_absolute_url()}never/").status_code == 302
        assert asks(robot, weber).status_code == 403
        assert "Never ask me again" not in page_of(browser, request.get_absolute_url())
        assert browser.post(f"{request.get_absolute_url()}never/").status_code == 409
    assert len(builders.events("request.silenced")) == 1


def test_never_again_refuses_what_else_waits_and_the_trail_says_each(robot, sibling, weber):
    first, second = asked_id(robot, weber), asked_id(sibling, weber, purpose="Another")
    builders.browser(weber).post(f"{request_of(first).get_absolute_url()}never/")
    assert polls(sibling, second).json()["error"] == "access_denied"
    reasons = [event.reason_code for event in builders.events("consent.refused")]
    assert sorted(reasons) == ["access_denied", "silenced"]


def test_it_says_nothing_for_other_people_or_agents(robot, weber, ada, mara, discharge_assistant):
    joins_circle(discharge_assistant, ada, by=mara)
    builders.browser(weber).post(f"{request_of(asked_id(robot, weber)).get_absolute_url()}never/")
    assert asks(robot, ada).status_code == 200


# --------------------------------------------------------------------------------------------------------------- limits


def test_an_agent_has_three_open_questions_at_most(robot, sibling, weber):
    for client, purpose in ((robot, "One"), (sibling, "Two"), (robot, "Three")):
        assert asks(client, weber, purpose=purpose).status_code == 200
    with one_refusal("request.refused", "asked_too_often"):
        assert asks(sibling, weber, purpose="Four").status_code == 403
    decides(weber, AccessRequest.objects.first(), "refuse")
    assert asks(sibling, weber, purpose="Four").status_code == 200


def test_an_agent_asks_ten_times_a_day_at_most(robot, weber):
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for number in range(10):
            decides(weber, request_of(asked_id(robot, weber, purpose=f"Number {number}")), "refuse")
        assert asks(robot, weber, purpose="One more").status_code == 403
        clock.move_to(start + timedelta(hours=24, seconds=1))
        assert asks(robot, weber, purpose="One more").status_code == 200


def test_the_same_question_waits_once(robot, weber):
    secret = asked_id(robot, weber, purpose="Plan  the ward round")
    with one_refusal("request.refused", "asked_already"):
        assert asks(robot, weber, purpose="Plan the ward round").status_code == 403
    decides(weber, request_of(secret), "refuse")
    assert asks(robot, weber).status_code == 200


def test_one_that_ran_out_makes_room(robot, weber):
    asked_id(robot, weber, requested_expiry="60")
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        assert asks(robot, weber).status_code == 200
    assert len(builders.events("request.over")) == 1
