"""What people and agents wrote runs nothing in a browser (S58), and nothing is shown after signing out (S57)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from agents.models import User
from tests import builders, grants
from tests.grants import Pkce

pytestmark = pytest.mark.browser

PAYLOAD = """"><img src=x onerror="window.ran=1"><script>window.ran=1</script>{{7*7}}'--"""


@pytest.fixture
def payloads(weber: User, mara: User):
    """An agent, its client, a resource, a scope and a consent, each named by an attack. The client has a token's event."""
    hostile = builders.scope(builders.resource(PAYLOAD[:80], "https://x.example"), "x:read", PAYLOAD, detail=PAYLOAD)
    agent = builders.agent(PAYLOAD[:80], owner=mara, purpose=PAYLOAD, scopes=[hostile], unit=PAYLOAD[:80])
    client = builders.client(agent, PAYLOAD[:80], by=mara)
    given = builders.consent(weber, client, purpose=PAYLOAD)
    builders.token_event(client, weber)
    return agent, client, given


def test_what_was_written_is_shown_and_never_run(somebody, mara, weber, payloads):
    agent, client, given = payloads
    asked = {
        "client_id": client.client_id,
        "redirect_uri": grants.REDIRECT,
        "response_type": "code",
        "code_challenge": Pkce().challenge,
        "code_challenge_method": "S256",
        "purpose": f"again {PAYLOAD}",
    }
    seen = {
        mara: [
            "/agents/",
            *(
                f"/agents/{agent.pk}/{part}"
                for part in ("", "consents/", "activity/", "clients/", "connect/", "scopes/", "edit/")
            ),
            *("/resources/", "/consents/", f"/consents/{given.pk}/", "/trail/", "/find/?q=img", "/"),
        ],
        weber: ["/my-agents/", f"/my-agents/{given.pk}/", f"/consents/{given.pk}/revoke/"],
    }
    for who, addresses in seen.items():
        person = somebody(who)
        if who == weber:
            person.page.goto(f"/oauth/authorize?{urlencode(asked)}")
            assert person.page.locator("blockquote").first.inner_text() == f"again {PAYLOAD}"
            expect(person.page.locator("img")).to_have_count(0)
        for address in addresses:
            person.opens(address)
            assert person.page.evaluate("window.ran") is None, address
            assert person.page.locator("main img, main script").count() == 0, address
            assert "49" not in person.page.locator("h1").inner_text()


def test_after_signing_out_the_back_button_shows_nothing(somebody, omar):
    person = somebody(omar).opens("/trail/").is_at("Trail").opens("/account/")
    person.page.get_by_role("button", name="Sign out").click()
    person.is_at("Sign in")
    person.page.go_back()
    person.is_at("Sign in")
    person.page.go_back()
    expect(person.page.locator("body")).not_to_contain_text("Omar Haddad signed in")
