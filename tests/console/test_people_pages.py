"""The pages of people, settings and one's own account: who sees them, who changes what, and how many queries they take."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from agents import credentials, invitations, registry
from agents.ids import uuid7
from agents.models import Organisation, Role, Session
from agents.trail.kinds import Kind
from tests import builders

WHY = {"reason": "They moved to another ward."}


def test_administrators_and_auditors_see_everybody(mara, omar, ada, weber, discharge_assistant):
    for viewer in (mara, omar):
        page = builders.browser(viewer).get("/people/").content.decode()
        for person in (mara, omar, ada, weber):
            assert person.email in page
        assert "Discharge Assistant" in page
    assert "Invite somebody" not in page


@pytest.mark.parametrize("who", ["ada", "weber", "mallory"])
def test_nobody_else_sees_the_list(request, who):
    assert builders.browser(request.getfixturevalue(who)).get("/people/").status_code == 403


def test_people_are_found_by_name_role_and_state(mara, ada, weber, omar):
    browser = builders.browser(mara)
    assert [p.pk for p in browser.get("/people/?q=duarte").context["page"]] == [ada.pk]
    assert [p.pk for p in browser.get("/people/?role=auditor").context["page"]] == [omar.pk]
    assert not list(browser.get("/people/?state=deactivated").context["page"])
    assert browser.get("/people/?role=emperor&state=x&page=10000000000&q=%00").status_code == 200
    part = browser.get("/people/?q=duarte", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_the_list_takes_the_same_queries_for_many_people(mara, ada, discharge_assistant, django_assert_max_num_queries):
    browser = builders.browser(mara)
    for number in range(30):
        builders.person(f"Person {number}", Role.USER)
    with django_assert_max_num_queries(8):
        browser.get("/people/")


def test_a_person_is_shown_to_administrators_auditors_and_themselves(mara, omar, ada, weber, discharge_assistant):
    page = reverse("person", args=[ada.pk])
    for viewer in (mara, omar, ada):
        answer = builders.browser(viewer).get(page)
        assert answer.status_code == 200
        assert "Discharge Assistant" in answer.content.decode()
    assert builders.browser(weber).get(page).status_code == 404
    assert builders.browser(weber).get(reverse("person", args=[uuid7()])).status_code == 404


def test_an_administrator_changes_a_role_on_the_page(mara, weber):
    browser = builders.browser(mara)
    page = reverse("person-role", args=[weber.pk])
    assert browser.post(page, {"role": "owner"}).status_code == 200
    assert browser.post(page, {"role": "owner", **WHY}).status_code == 302
    weber.refresh_from_db()
    assert weber.role == Role.OWNER


def test_deactivating_shows_what_stops_and_asks_why(mara, ada, discharge_assistant):
    builders.browser(ada)
    browser = builders.browser(mara)
    page = reverse("person-deactivate", args=[ada.pk])
    asked = browser.get(page).content.decode()
    assert "Discharge Assistant" in asked
    assert "1 ends now" in asked
    ada.refresh_from_db()
    assert ada.is_active
    assert browser.post(page, {"reason": ""}).status_code == 200
    assert browser.post(page, WHY).status_code == 302
    ada.refresh_from_db()
    assert not ada.is_active
    assert "1 agent has lost its owner" in browser.get(reverse("person", args=[ada.pk])).content.decode()
    assert browser.post(reverse("person-reactivate", args=[ada.pk]), WHY).status_code == 302
    ada.refresh_from_db()
    assert ada.is_active


def test_deactivating_lists_the_keys_they_made_and_may_have_kept(mara, ada, mallory, discharge_client, records, now):
    agent = discharge_client.agent
    registry.set_deputies(agent, deputies=[mallory], by=builders.actor(ada), now=now)
    made, others, gone = (builders.key(discharge_client, by=by) for by in (mallory, ada, mallory))
    credentials.revoke(gone.credential, reason="Lost.", by=builders.actor(ada), now=timezone.now())
    asked = builders.browser(mara).get(reverse("person-deactivate", args=[mallory.pk])).content.decode()
    assert str(made.credential) in asked
    assert reverse("agent-clients", args=[agent.pk]) in asked
    for key in (others, gone):
        assert str(key.credential) not in asked
    eva = builders.person("Eva", Role.ADMINISTRATOR)
    of_resource = builders.key(records, by=eva)
    asked = builders.browser(mara).get(reverse("person-deactivate", args=[eva.pk])).content.decode()
    assert str(of_resource.credential) in asked
    assert records.get_absolute_url() in asked


@pytest.mark.parametrize("who", ["ada", "weber"])
def test_the_question_promises_what_the_slowest_resource_can_keep(
    request, who, mara, weber, discharge_client, read_records, look_up_staff
):
    asked = reverse("person-deactivate", args=[request.getfixturevalue(who).pk])
    builders.consent(weber, discharge_client, [read_records])
    assert "until then it is refused from its next request." in builders.browser(mara).get(asked).content.decode()
    builders.consent(weber, discharge_client, [look_up_staff], purpose="Who is on duty")
    assert "until then it is refused within 5 minutes." in builders.browser(mara).get(asked).content.decode()


CHANGES = ["person-role", "person-deactivate", "person-reactivate", "person-password-link"]


@pytest.mark.parametrize("page", CHANGES)
@pytest.mark.parametrize(("who", "status"), [("omar", 403), ("ada", 404), ("mallory", 404)])
def test_the_wrong_person_changes_nobody(request, page, who, status, weber):
    browser = builders.browser(request.getfixturevalue(who))
    answer = browser.post(reverse(page, args=[weber.pk]), {**WHY, "role": "administrator"})
    assert answer.status_code == status
    weber.refresh_from_db()
    assert (weber.role, weber.is_active) == (Role.USER, True)


@pytest.mark.parametrize("page", CHANGES)
def test_nobody_changes_themselves_there(page, mara, weber):
    for person in (mara, weber):
        answer = builders.browser(person).post(reverse(page, args=[person.pk]), {**WHY, "role": "user"})
        assert answer.status_code == 403


def test_an_administrator_changes_the_policy_and_it_is_told(mara):
    browser = builders.browser(mara)
    assert browser.get("/settings/").status_code == 200
    form = {"name": "St. Anna Hospital", "second_person_activates": "on", "dpop_nonces": "on"}
    assert browser.post("/settings/", form).status_code == 302
    organisation = Organisation.current()
    assert (organisation.name, organisation.second_person_activates) == ("St. Anna Hospital", True)
    event = builders.events(Kind.POLICY_CHANGED)[0]
    assert event.detail["after"] == {"name": "St. Anna Hospital", "second_person_activates": True, "dpop_nonces": True}
    browser.post("/settings/", form)
    assert len(builders.events(Kind.POLICY_CHANGED)) == 1


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_nobody_else_sees_or_changes_the_policy(request, who):
    browser = builders.browser(request.getfixturevalue(who))
    assert browser.get("/settings/").status_code == 403
    assert browser.post("/settings/", {"name": "Evil"}).status_code == 403
    assert Organisation.current().name == "St. Anna"


def test_everybody_keeps_their_own_account(weber):
    browser = builders.browser(weber)
    assert weber.email in browser.get("/account/").content.decode()
    assert browser.post("/account/", {"name": "Jonas W.", "time_zone": "Europe/Vienna"}).status_code == 302
    weber.refresh_from_db()
    assert (weber.name, weber.time_zone) == ("Jonas W.", "Europe/Vienna")
    assert browser.post("/account/", {"name": "Jonas", "time_zone": "Nowhere"}).status_code == 200


def test_members_of_the_form_that_are_not_offered_change_nothing(weber):
    builders.browser(weber).post(
        "/account/",
        {"name": "Jonas", "time_zone": "UTC", "role": "administrator", "email": "x@y.example", "is_active": ""},
    )
    email = weber.email
    weber.refresh_from_db()
    assert (weber.role, weber.email, weber.is_active) == (Role.USER, email, True)


def test_sessions_are_listed_and_the_others_ended(weber, mara):
    other, browser = builders.browser(weber), builders.browser(weber)
    builders.browser(mara)
    assert "2 browsers" in browser.get("/account/sessions/").content.decode()
    browser.post("/account/sessions/")
    assert other.get("/account/").status_code == 302
    assert browser.get("/account/").status_code == 200
    assert Session.objects.of(mara).count() == 1
    assert [event.user_id for event in builders.events(Kind.SESSION_ENDED)] == [weber.pk]


ACCOUNT_PAGES = [
    "account", "account-sessions", "account_change_password", "account_reauthenticate", "mfa_index",
    "mfa_list_webauthn", "account_logout",
]  # fmt: skip


@pytest.mark.parametrize("page", ACCOUNT_PAGES)
def test_account_pages_render(weber, page):
    assert builders.browser(weber).get(reverse(page)).status_code == 200


@pytest.mark.parametrize("page", [*ACCOUNT_PAGES[:-1], "people", "people-invite", "settings", "first-steps"])
def test_strangers_are_sent_to_sign_in(client, db, page):
    assert client.get(reverse(page))["Location"].startswith("/account/login/?next=")


def test_passkey_pages_render(weber):
    browser = builders.browser(weber)
    assert "reauthenticate" in browser.get("/account/2fa/webauthn/add/")["Location"]
    browser.post("/account/reauthenticate/", {"password": builders.PASSWORD, "next": "/account/"})
    page = browser.get("/account/2fa/webauthn/add/")
    assert page.status_code == 200
    assert page.context["js_data"]["creation_options"]["publicKey"]["rp"] == {"name": "Mandate", "id": "localhost"}


def test_times_are_those_of_the_person(weber):
    weber.time_zone = "America/Bogota"
    weber.save()
    page = builders.browser(weber).get("/account/sessions/").content.decode()
    assert re.search(r'title="[^"]+ -05"', page)


def test_no_page_is_kept(client, weber):
    assert "no-store" in builders.browser(weber).get("/account/")["Cache-Control"]
    assert "no-store" in client.get("/account/login/")["Cache-Control"]


def test_without_a_mail_server_the_page_says_who_helps(client, db):
    page = client.get("/account/password/reset/").content.decode()
    assert "Ask an administrator for a link" in page
    assert "Send the link" not in page


def test_asking_for_the_head_of_a_page_that_shows_a_link_once_does_not_use_it_up(mara, weber, settings):
    settings.MAIL_IS_SENT = False
    browser = builders.browser(mara)
    made = browser.post("/people/invite/", {"email": "new@st-anna.example", "name": "", "role": "user"})
    assert browser.head(made["Location"]).status_code == 200
    assert "/invitation/" in browser.get(made["Location"]).content.decode()
    assert browser.get(made["Location"]).status_code == 302
    made = browser.post(reverse("person-password-link", args=[weber.pk]), WHY)
    assert browser.head(made["Location"]).status_code == 200
    assert browser.get(made["Location"]).status_code == 200
    assert browser.get(made["Location"]).status_code == 302


def test_open_invitations_come_in_pages(mara, now, django_assert_max_num_queries):
    for number in range(30):
        invitations.invite(email=f"n{number}@st-anna.example", name="", role="user", by=builders.actor(mara), now=now)
    browser = builders.browser(mara)
    with django_assert_max_num_queries(10):
        first = browser.get("/people/")
    assert len(first.context["invitations"]) == 25
    assert "?open=2" in first.content.decode()
    second = browser.get("/people/?q=mara&open=2")
    assert len(second.context["invitations"]) == 5
    assert "q=mara&amp;open=1" in second.content.decode()
    assert browser.get("/people/?open=x").status_code == 200
