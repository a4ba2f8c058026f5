"""Clients and keys on their pages: added, changed, removed; a key is shown once."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse

from agents import clients as domain
from agents import credentials, lifecycle
from agents.last_use import note_use
from agents.models import AuthMethod, Client, Credential
from agents.trail.kinds import Kind
from console.pages import agent_connect
from console.pages.once import form_token
from tests import builders
from tests.builders import actor, browser
from tests.signing import pair

pytestmark = pytest.mark.django_db


def _key_url(client):
    return reverse("client-key", args=[client.agent_id, client.pk])


def test_a_key_is_in_the_answer_that_made_it_and_nowhere_else(ada, discharge_client):
    opened = browser(ada)
    response = opened.post(_key_url(discharge_client), {"once": form_token()})
    shown = response.context["secret"].removeprefix("MANDATE_KEY=")
    credential = Credential.objects.get()
    assert credentials.proves(shown, credential.digest)
    assert shown in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "same-origin"
    for page in ("agent", "agent-clients", "agent-connect", "agent-activity"):
        assert shown not in opened.get(reverse(page, args=[discharge_client.agent_id])).content.decode()


def test_a_reload_of_the_answer_makes_no_second_key_and_shows_none(ada, discharge_client):
    opened = browser(ada)
    sent = {"once": form_token()}
    opened.post(_key_url(discharge_client), sent)
    again = opened.post(_key_url(discharge_client), sent, follow=True)
    assert Credential.objects.count() == 1
    assert "cannot be shown again" in again.content.decode()
    assert "mdt_" + Credential.objects.get().handle + "_" not in again.content.decode().replace("_…", "")


def test_two_keys_live_side_by_side_until_the_old_one_is_revoked(ada, discharge_client, discharge_key, now):
    browser(ada).post(_key_url(discharge_client), {"once": form_token()})
    assert Credential.objects.live(now).count() >= 1
    url = reverse(
        "client-key-revoke", args=[discharge_client.agent_id, discharge_client.pk, discharge_key.credential.pk]
    )
    assert browser(ada).post(url, {"reason": ""}).status_code == 200
    assert browser(ada).post(url, {"reason": "Rotated."}).status_code == 302
    discharge_key.credential.refresh_from_db()
    assert discharge_key.credential.revoked_at is not None
    assert Credential.objects.filter(revoked_at=None).count() == 1


def test_revoking_the_only_key_is_warned_of(ada, discharge_client, discharge_key):
    url = reverse(
        "client-key-revoke", args=[discharge_client.agent_id, discharge_client.pk, discharge_key.credential.pk]
    )
    assert "its only live key" in browser(ada).get(url).content.decode()


def test_a_key_with_an_end_in_the_past_is_not_made(ada, discharge_client):
    response = browser(ada).post(_key_url(discharge_client), {"once": form_token(), "ends_on": "2001-01-01"})
    assert response.context["form"].errors.keys() == {"ends_on"}
    assert not Credential.objects.exists()


def test_a_public_client_gets_no_key(ada, discharge_assistant):
    client = builders.client(discharge_assistant, "On phones", auth_method="none")
    response = browser(ada).post(_key_url(client), {"once": form_token()})
    assert response.context["form"].non_field_errors()
    assert not Credential.objects.exists()


@pytest.mark.parametrize(("person", "status"), [("mallory", 404), ("weber", 404), ("omar", 403)])
def test_others_get_no_key_and_revoke_none(request, discharge_client, discharge_key, person, status):
    opened = browser(request.getfixturevalue(person))
    revoke = reverse(
        "client-key-revoke", args=[discharge_client.agent_id, discharge_client.pk, discharge_key.credential.pk]
    )
    assert opened.post(_key_url(discharge_client), {"once": form_token()}).status_code == status
    assert opened.post(revoke, {"reason": "Let me."}).status_code == status
    assert Credential.objects.filter(revoked_at=None).count() == 1


def test_a_client_of_another_agent_is_not_found_under_this_one(ada, discharge_client, claims_client):
    url = reverse("client-edit", args=[claims_client.agent_id, discharge_client.pk])
    assert browser(ada).get(url).status_code == 404


def test_a_client_is_added_and_its_addresses_are_changed(ada, discharge_assistant):
    facts = {
        "name": "Staging",
        "auth_method": "client_secret_post",
        "redirect_uris": "https://a.example/cb",
        "refresh": "on",
    }
    browser(ada).post(reverse("client-add", args=[discharge_assistant.pk]), facts)
    client = Client.objects.get()
    assert client.grant_types == ["authorization_code", "refresh_token"]
    edit = reverse("client-edit", args=[discharge_assistant.pk, client.pk])
    wrong = browser(ada).post(edit, facts | {"redirect_uris": "https://*.example/cb"})
    assert wrong.context["form"].errors.keys() == {"redirect_uris"}
    del facts["refresh"]
    browser(ada).post(edit, facts | {"redirect_uris": "https://b.example/cb\r\nhttps://c.example/cb"})
    client.refresh_from_db()
    assert client.redirect_uris.split() == ["https://b.example/cb", "https://c.example/cb"]
    assert client.grant_types == ["authorization_code"]


def test_removing_a_client_says_what_stops_and_is_final(ada, weber, discharge_client, now):
    builders.consent(weber, discharge_client, now=now)
    url = reverse("client-end", args=[discharge_client.agent_id, discharge_client.pk])
    assert "Live consents" in browser(ada).get(url).content.decode()
    assert browser(ada).post(url, {"reason": "Replaced."}).status_code == 302
    with builders.one_refusal(Kind.PAGE_REFUSED, "ended"):
        assert browser(ada).post(url, {"reason": "Again."}).status_code == 200
    discharge_client.refresh_from_db()
    assert discharge_client.ended_at is not None


def test_a_retired_agent_shows_its_clients_and_changes_none(ada, discharge_assistant, discharge_client, now):
    lifecycle.retire(discharge_assistant, reason="Replaced.", by=actor(ada), now=now)
    page = browser(ada).get(reverse("agent-clients", args=[discharge_assistant.pk])).content.decode()
    assert "Add client" not in page
    facts = {"name": "New", "auth_method": "client_secret_basic", "redirect_uris": "https://a.example/cb"}
    response = browser(ada).post(reverse("client-add", args=[discharge_assistant.pk]), facts)
    assert response.context["form"].non_field_errors()


def test_pressed_twice_it_adds_one_client(ada, discharge_assistant):
    url = reverse("client-add", args=[discharge_assistant.pk])
    sent = {"name": "Ward 3B", "auth_method": "client_secret_basic", "once": form_token()}
    sent["redirect_uris"] = "https://a.example/cb"
    opened = browser(ada)
    opened.post(url, sent)
    assert "Nothing was made a second time." in opened.post(url, sent, follow=True).content.decode()
    assert Client.objects.filter(name="Ward 3B").count() == 1


def test_the_first_token_is_noticed_and_the_asking_stops(ada, weber, discharge_client, now):
    url = reverse("agent-heard", args=[discharge_client.agent_id])
    waiting = browser(ada).get(url, {"client": discharge_client.pk})
    assert waiting.status_code == 200
    assert "Waiting for the first token" in waiting.content.decode()
    assert 'hx-trigger="every 3s"' in waiting.content.decode()
    builders.token_event(discharge_client, weber, now=now)
    heard = browser(ada).get(url, {"client": discharge_client.pk})
    assert heard.status_code == 286
    assert "The first token is out." in heard.content.decode()
    assert "hx-trigger" not in heard.content.decode()


def test_while_nothing_is_new_the_page_is_left_alone_so_that_the_focus_stays(ada, weber, discharge_client, now):
    url = reverse("agent-heard", args=[discharge_client.agent_id])
    page = browser(ada).get(reverse("agent-connect", args=[discharge_client.agent_id])).content.decode()
    asks_again = html.unescape(re.search(r'id="heard" hx-get="([^"]+)"', page).group(1))
    assert asks_again.startswith(f"{url}?client=")
    assert browser(ada).get(asks_again, HTTP_HX_REQUEST="true").status_code == 204
    builders.token_event(discharge_client, weber, now=now)
    assert browser(ada).get(asks_again, HTTP_HX_REQUEST="true").status_code == 286


def test_of_many_clients_a_page_shows_some_and_those_in_use_first(
    ada, discharge_assistant, discharge_client, django_assert_max_num_queries, now
):
    for number in range(40):
        builders.client(discharge_assistant, f"Installation {number:02}")
    domain.end(discharge_client, reason="Replaced.", by=actor(ada), now=now)
    opened, url = browser(ada), reverse("agent-clients", args=[discharge_assistant.pk])
    with django_assert_max_num_queries(30):
        page = opened.get(url)
    assert [row["client"].ended_at for row in page.context["rows"]] == [None] * 25
    last = opened.get(url, {"page": 2}).context["rows"][-1]
    assert last["client"] == discharge_client
    connect = opened.get(reverse("agent-connect", args=[discharge_assistant.pk]), {"client": str(last["client"].pk)})
    assert len(connect.context["clients"]) == 8
    chosen = Client.objects.get(name="Installation 39")
    connect = opened.get(reverse("agent-connect", args=[discharge_assistant.pk]), {"client": str(chosen.pk)})
    assert connect.context["client"] == chosen
    assert connect.context["clients"][-1] == chosen


def test_a_busy_agent_is_looked_at_no_further_back_for_one_of_its_clients(
    ada, discharge_assistant, discharge_client, monkeypatch, now
):
    """No index leads from a client to its events, and this is asked every three seconds."""
    monkeypatch.setattr(agent_connect, "LOOKED_AT", 3)
    other = builders.client(discharge_assistant, "Another client")
    builders.token_event(discharge_client, now=now)
    url = reverse("agent-heard", args=[discharge_assistant.pk])
    for _ in range(3):
        assert browser(ada).get(url, {"client": discharge_client.pk}).status_code == 286
        builders.token_event(other, now=now)
    assert browser(ada).get(url, {"client": discharge_client.pk}).status_code == 200
    note_use([discharge_client.pk], now)
    heard = browser(ada).get(url, {"client": discharge_client.pk})
    assert heard.status_code == 286
    assert "The first token is out." in heard.content.decode()


@pytest.mark.parametrize("language", ["python", "typescript", "curl", "mcp"])
def test_the_code_to_paste_names_this_very_client(ada, discharge_client, language, settings):
    page = browser(ada).get(reverse("agent-connect", args=[discharge_client.agent_id]), {"lang": language})
    code = page.context["code"]
    assert discharge_client.client_id in code
    assert settings.ISSUER in code
    assert "https://records.st-anna.example" in code


def test_a_key_alone_is_shown_first_where_it_is_enough(ada, claims_client, discharge_client, claims_filer, settings):
    page = browser(ada).get(reverse("agent-connect", args=[claims_client.agent_id]), {"lang": "key"})
    assert page.context["languages"][0].label == "One key"
    assert settings.ISSUER in page.context["code"]
    assert claims_client.client_id not in page.context["code"]
    page = browser(ada).get(reverse("agent-connect", args=[discharge_client.agent_id]))
    assert "One key" not in [tab.label for tab in page.context["languages"]]
    signs = builders.client(claims_filer, "signs", auth_method="private_key_jwt")
    page = browser(ada).get(f"{reverse('agent-connect', args=[claims_client.agent_id])}?client={signs.pk}")
    assert "One key" not in [tab.label for tab in page.context["languages"]]


def test_connect_says_what_is_missing(ada, mara, claims_client, now):
    page = browser(mara).get(reverse("agent-connect", args=[claims_client.agent_id]))
    assert "Nobody has allowed it anything for the organisation yet." in page.content.decode()
    builders.consent(None, claims_client, by=mara, now=now)
    page = browser(mara).get(reverse("agent-connect", args=[claims_client.agent_id]))
    assert page.context["steps"] == []


def test_a_client_that_must_push_its_requests(ada, omar, discharge_assistant, discharge_client):
    url = reverse("client-edit", args=[discharge_assistant.pk, discharge_client.pk])
    form = {"name": discharge_client.name, "auth_method": "client_secret_basic", "refresh": "on", "require_par": "on"}
    form["redirect_uris"] = discharge_client.redirect_uris
    assert browser(omar).post(url, form).status_code == 403
    assert browser(ada).post(url, form).status_code == 302
    (event,) = builders.events(Kind.CLIENT_CHANGED)
    assert (event.detail["before"], event.detail["after"]) == ({"require_par": False}, {"require_par": True})
    page = browser(ada).get(reverse("agent-clients", args=[discharge_assistant.pk])).content.decode()
    assert "by pushed requests only (PAR)" in page
    connect = reverse("agent-connect", args=[discharge_assistant.pk])
    seen = browser(ada).get(f"{connect}?client={discharge_client.pk}&lang=mcp").content.decode()
    assert "/oauth/par" in seen
    assert "MCP client" not in seen
    del form["require_par"]
    assert browser(ada).post(url, form).status_code == 302
    discharge_client.refresh_from_db()
    assert not discharge_client.require_par


@pytest.fixture
def signing_client(discharge_assistant):
    return builders.client(discharge_assistant, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)


def test_a_public_key_is_given_seen_and_revoked(ada, omar, mallory, signing_client):
    key = pair()
    sent = {"public_keys": key.as_pem(private=False).decode()}
    page = browser(ada).get(_key_url(signing_client)).content.decode()
    assert "openssl genpkey" in page
    assert browser(omar).post(_key_url(signing_client), sent).status_code == 403
    assert browser(mallory).post(_key_url(signing_client), sent).status_code == 404
    assert browser(ada).post(_key_url(signing_client), sent).status_code == 302
    credential = Credential.objects.get()
    assert credential.thumbprint == key.thumbprint()
    (event,) = builders.events(Kind.PUBLIC_KEY_ADDED)
    assert event.detail["thumbprint"] == key.thumbprint()
    for name in ("agent-clients", "agent-connect", "agent-activity"):
        shown = browser(ada).get(reverse(name, args=[signing_client.agent_id])).content.decode()
        assert "mdt_" not in shown
    clients_page = browser(omar).get(reverse("agent-clients", args=[signing_client.agent_id])).content.decode()
    assert key.thumbprint() in clients_page
    url = reverse("client-key-revoke", args=[signing_client.agent_id, signing_client.pk, credential.pk])
    assert browser(ada).post(url, {"reason": "Rotated."}).status_code == 302
    again = browser(ada).post(_key_url(signing_client), sent)
    assert again.status_code == 200
    assert "is or was the key of a client" in again.content.decode()


@pytest.mark.parametrize("text", ["", "nonsense", "private"])
def test_what_is_no_public_key_is_said_at_its_field(ada, signing_client, text):
    if text == "private":
        text = pair().as_pem(private=True).decode()
    page = browser(ada).post(_key_url(signing_client), {"public_keys": text})
    assert page.status_code == 200
    assert 'aria-invalid="true"' in page.content.decode()
    assert not Credential.objects.exists()


def test_a_client_may_publish_its_keys_and_sign_in_an_older_way_for_a_reason(ada, omar, discharge_assistant):
    url = reverse("client-add", args=[discharge_assistant.pk])
    form = {
        "name": "publishes",
        "auth_method": "private_key_jwt",
        "redirect_uris": "https://app.st-anna.example/callback",
        "jwks_uri": "http://keys.st-anna.example/jwks.json",
        "older_reason": "Its library is of 2021.",
    }
    assert "must begin with https" in browser(ada).post(url, form).content.decode()
    form["jwks_uri"] = "https://keys.st-anna.example/jwks.json"
    assert browser(ada).post(url, form).status_code == 302
    page = browser(omar).get(reverse("agent-clients", args=[discharge_assistant.pk])).content.decode()
    for seen in (form["jwks_uri"], form["older_reason"], "Not read yet"):
        assert seen in page
    (event,) = builders.events(Kind.CLIENT_CREATED)
    assert event.detail["older"] is True
    assert "2021" not in str(event.detail)
    made = Client.objects.get(name="publishes")
    edit = reverse("client-edit", args=[discharge_assistant.pk, made.pk])
    assert browser(ada).post(edit, form | {"auth_method": "client_secret_basic"}).status_code == 302
    made.refresh_from_db()
    assert (made.jwks_uri, made.older_reason) == ("", "")


def test_a_client_that_must_prove_its_key_says_so(ada, mallory, discharge_assistant, discharge_client):
    url = reverse("client-edit", args=[discharge_assistant.pk, discharge_client.pk])
    form = {"name": discharge_client.name, "auth_method": "client_secret_basic", "refresh": "on", "require_dpop": "on"}
    form["redirect_uris"] = discharge_client.redirect_uris
    assert browser(mallory).post(url, form).status_code == 404
    assert browser(ada).post(url, form).status_code == 302
    (event,) = builders.events(Kind.CLIENT_CHANGED)
    assert event.detail["after"] == {"require_dpop": True}
    page = browser(ada).get(reverse("agent-clients", args=[discharge_assistant.pk])).content.decode()
    assert "are bound to a key (DPoP)" in page
    assert browser(ada).get(url).context["form"]["require_dpop"].value() is True
