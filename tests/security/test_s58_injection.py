"""S58: what somebody wrote runs nowhere, adds no header, and leads nowhere but where it says."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from agents import scope_words
from agents.models import Event
from tests import builders, grants
from tests.consent.asking import opens
from tests.security.routes import every_route

pytestmark = pytest.mark.django_db
SCRIPT = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>"
ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "xlink:href"}


class Runs(HTMLParser):
    """Collect what a browser would run, or go to, if there were no policy."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        self.found += [name for name in about if name.startswith("on") or name == "style"]
        if tag == "script" and "src" not in about and about.get("type") != "application/json":
            self.found.append("a script in the page")
        for name in ADDRESSES & about.keys():
            if (about[name] or "").strip().lower().startswith(("javascript:", "data:", "vbscript:")):
                self.found.append(about[name])


@pytest.fixture
def written(mara, ada, weber):
    """The payload in every text that somebody may store."""
    short = SCRIPT[:78]
    resource = builders.resource(short, "https://payload.st-anna.example")
    scope = builders.scope(resource, "a:read", SCRIPT, detail=SCRIPT)
    agent = builders.agent(short, owner=ada, purpose=SCRIPT, unit=short, scopes=[scope])
    client = builders.client(agent, short)
    given = grants.consent(client, scopes=[scope], user=weber, purpose=SCRIPT)
    grants.mandate.shorten(
        given.pk,
        ends_at=given.ends_at - (given.ends_at - given.starts_at) / 2,
        reason=SCRIPT,
        by=builders.actor(weber),
        now=given.starts_at + (given.ends_at - given.starts_at) / 4,
    )
    scope_words.reword_scope(scope, title=SCRIPT[:60], detail=SCRIPT, by=builders.actor(mara), now=given.starts_at)
    return {
        "agent_id": agent.pk,
        "consent_id": given.pk,
        "client_id": client.pk,
        "resource_id": resource.pk,
        "scope_id": scope.pk,
        "person_id": weber.pk,
        "move": "suspend",
    }


@pytest.mark.parametrize("who", ["mara", "weber"])
def test_s58_no_page_runs_what_somebody_wrote(request, written, who):
    browser = builders.browser(request.getfixturevalue(who))
    saved = browser.cookies.copy()
    shown = 0
    for event in Event.objects.all():
        addresses = [f"/trail/{event.pk}/"]
        if event == Event.objects.first():
            addresses += [route.address(written) for route in every_route() if set(route.parameters) <= written.keys()]
        for address in addresses:
            for headers in ({}, {"HTTP_HX_REQUEST": "true"}):
                page = browser.get(address, **headers)
                browser.cookies = saved.copy()
                if page.status_code != 200 or "text/html" not in page.headers["Content-Type"]:
                    continue
                text = page.content.decode()
                shown += "&lt;script&gt;" in text
                assert "<script>alert" not in text, address
                assert "<img src=x" not in text, address
                assert not Runs(text).found, (address, Runs(text).found)
                policy = page.headers["Content-Security-Policy"]
                assert "unsafe-" not in policy
                assert "script-src 'self'" in policy
    assert shown  # it was there to be run


def test_s58_nor_does_the_consent_screen(weber, written):
    from agents.models import Client

    page = opens(builders.browser(weber), Client.objects.get(pk=written["client_id"]), purpose=SCRIPT)
    assert page.status_code == 200
    text = page.content.decode()
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert not Runs(text).found


@pytest.mark.parametrize("name", ["x\r\nSet-Cookie: a=b", "x\nBcc: evil@evil.example", "x\x00"])
def test_s58_a_newline_adds_no_header(weber, discharge_client, name):
    for response in (
        opens(builders.browser(weber), discharge_client, state=name),
        opens(builders.browser(weber), discharge_client, state=name, scope="no:such"),
        builders.browser().post("/account/login/", {"login": name, "password": name}),
    ):
        assert response.status_code < 500
        assert not {"Bcc", "a"} & (response.headers.keys() | response.cookies.keys())
        assert all("\n" not in value for value in response.headers.values())
