"""Resources and permissions on their pages: what holds, who decides, and the promise each makes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from agents import credentials
from agents.models import Credential, Resource, Scope
from agents.trail.kinds import Kind
from console.pages.once import form_token
from tests import builders
from tests.builders import browser

pytestmark = pytest.mark.django_db

NEW = {
    "name": "Billing",
    "uri": "https://billing.st-anna.example",
    "checks": "introspection",
    "cache_seconds": "30",
    "token_minutes": "5",
    "operations": "read file",
    "record_types": "claim",
}


def test_an_administrator_registers_a_resource_and_its_promise_follows_from_how_it_checks(mara):
    response = browser(mara).post("/resources/new/", NEW)
    made = Resource.objects.get()
    assert response.url == made.get_absolute_url()
    assert (made.operations, made.record_types) == (["read", "file"], ["claim"])
    assert "Within 30 seconds" in browser(mara).get(made.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"uri": "http://billing.st-anna.example"}, "uri"),
        ({"uri": "https://billing.st-anna.example/#here"}, "uri"),
        ({"uri": "https://ada@billing.st-anna.example"}, "uri"),
        ({"uri": "billing"}, "uri"),
        ({"name": ""}, "name"),
        ({"cache_seconds": "-1"}, "cache_seconds"),
        ({"checks": "offline", "token_minutes": "6"}, "token_minutes"),
        ({"operations": "Read!"}, "operations"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(mara, change, field):
    response = browser(mara).post("/resources/new/", NEW | change)
    assert response.context["form"].errors.keys() == {field}
    assert not Resource.objects.exists()


def test_two_resources_of_one_address_are_refused(mara, records):
    response = browser(mara).post("/resources/new/", NEW | {"uri": records.uri})
    assert response.context["form"].errors.keys() == {"uri"}


@pytest.mark.parametrize("person", ["ada", "omar", "weber"])
def test_only_administrators_change_resources(request, records, read_records, person):
    opened = browser(request.getfixturevalue(person))
    pages = [
        reverse("resource-create"),
        *(reverse(name, args=[records.pk]) for name in ("resource-edit", "resource-end", "resource-key", "scope-add")),
        reverse("resource-sensitive-offline", args=[records.pk]),
        *(reverse(name, args=[records.pk, read_records.pk]) for name in ("scope-edit", "scope-reword", "scope-end")),
    ]
    for page in pages:
        with builders.one_refusal(Kind.PAGE_REFUSED, "forbidden"):
            assert opened.post(page, {"reason": "Let me."}).status_code == 403, page


def test_owners_and_auditors_read_resources_and_users_do_not(ada, omar, weber, records, read_records):
    for person in (ada, omar):
        page = browser(person).get(records.get_absolute_url()).content.decode()
        assert "Read patient files of ward 3B" in page
        assert "From its next request" in page
        assert "Make a key" not in page
    assert browser(weber).get("/resources/").status_code == 403
    assert browser(weber).get(records.get_absolute_url()).status_code == 403


def test_a_sensitive_permission_stays_out_of_a_resource_that_checks_offline(mara, directory):
    url = reverse("scope-add", args=[directory.pk])
    facts = {
        "title": "Read pay slips",
        "name": "pay:read",
        "access": "read",
        "data_class": "financial",
        "longest_days": "30",
    }
    response = browser(mara).post(url, facts)
    assert "checks tokens offline" in str(response.context["form"].non_field_errors())
    allow = reverse("resource-sensitive-offline", args=[directory.pk])
    assert browser(mara).post(allow, {"reason": ""}).status_code == 200
    browser(mara).post(allow, {"reason": "It holds no names."})
    assert browser(mara).post(url, facts).status_code == 302
    assert Scope.objects.get().longest_life == timedelta(days=30)
    assert "It holds no names." in browser(mara).get(directory.get_absolute_url()).content.decode()


def test_a_resource_with_sensitive_permissions_does_not_go_offline(mara, records, read_records):
    response = browser(mara).post(reverse("resource-edit", args=[records.pk]), NEW | {"checks": "offline"})
    assert "checks tokens offline" in str(response.context["form"].non_field_errors())
    records.refresh_from_db()
    assert not records.is_offline
    asked = NEW | {"checks": "offline", "offline_reason": "It holds no names."}
    assert browser(mara).post(reverse("resource-edit", args=[records.pk]), asked).status_code == 302
    records.refresh_from_db()
    assert records.is_offline


def test_rewording_keeps_the_words_that_were_seen(mara, records, read_records):
    url = reverse("scope-reword", args=[records.pk, read_records.pk])
    browser(mara).post(url, {"title": "Read the files of ward 3B", "detail": "Not: billing."})
    titles = [wording.title for wording in read_records.wordings.order_by("version")]
    assert titles == ["Read patient files of ward 3B", "Read the files of ward 3B"]


def test_a_permission_is_edited_and_then_no_longer_offered(mara, records, read_records, discharge_client, weber, now):
    builders.consent(weber, discharge_client, now=now)
    edit = reverse("scope-edit", args=[records.pk, read_records.pk])
    browser(mara).post(edit, {"access": "read", "data_class": "health", "longest_days": "7"})
    read_records.refresh_from_db()
    assert read_records.longest_life == timedelta(days=7)
    end = reverse("scope-end", args=[records.pk, read_records.pk])
    asked = browser(mara).get(end).content.decode()
    assert "Live consents that hold it" in asked
    browser(mara).post(end, {"reason": "Nobody needs it."})
    assert browser(mara).get(edit).status_code == 404


def test_a_key_of_a_resource_is_shown_once(mara, records):
    url = reverse("resource-key", args=[records.pk])
    sent = {"once": form_token()}
    response = browser(mara).post(url, sent)
    shown = response.context["secret"].removeprefix("MANDATE_KEY=")
    assert credentials.proves(shown, Credential.objects.get().digest)
    assert "no-store" in response["Cache-Control"]
    again = browser(mara).post(url, sent, follow=True)
    assert shown not in again.content.decode()
    assert Credential.objects.count() == 1
    revoke = reverse("resource-key-revoke", args=[records.pk, Credential.objects.get().pk])
    browser(mara).post(revoke, {"reason": "It leaked."})
    assert Credential.objects.get().revoked_at is not None


def test_a_removed_resource_is_gone_from_the_list_and_its_page_stays_readable(mara, records):
    browser(mara).post(reverse("resource-end", args=[records.pk]), {"reason": "Switched off."})
    assert (
        "Patient records" not in browser(mara).get("/resources/").content.decode().split("<main")[1].split("<table")[-1]
    )
    page = browser(mara).get(records.get_absolute_url())
    assert page.status_code == 200
    assert "Make a key" not in page.content.decode()


def test_a_resource_that_takes_only_bound_tokens_says_so(mara, ada, records):
    url = reverse("resource-edit", args=[records.pk])
    form = {name: value for name, value in NEW.items() if name != "uri"} | {"require_dpop": "on"}
    assert browser(ada).post(url, form).status_code == 403
    assert browser(mara).post(url, form).status_code == 302
    event = builders.events(Kind.RESOURCE_CHANGED)[-1]
    assert event.detail["after"]["require_dpop"] is True
    assert (
        "only tokens that are bound to a key (DPoP)" in browser(mara).get(records.get_absolute_url()).content.decode()
    )
