"""S2: on the person's own machine the port is free, and nothing else is; at registration likewise."""

from __future__ import annotations

import pytest

from agents.errors import InvalidInput
from agents.models import AuthMethod
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import opens
from tests.security.expected import is_page_400

pytestmark = pytest.mark.django_db
OTHERS = (
    "http://127.0.0.1:4000/other",
    "https://127.0.0.1:4000/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://localhost.evil.example/cb",
    "http://localhost@evil.example/cb",
    "http://127.0.0.1:4000@evil.example/cb",
    "http://[::ffff:127.0.0.1]:4000/cb",
    "http://[::1]:4000/cb",
    "http://0.0.0.0:4000/cb",
    "http://127.1:4000/cb",
    "http://2130706433:4000/cb",
    "http://127.0.0.1:4000/cb#x",
    "http://127.0.0.1:port/cb",
)
NOT_TO_BE_REGISTERED = (
    "http://127.0.0.1.evil.example/cb",
    "http://localhost.evil.example/cb",
    "http://localhost@evil.example/cb",
    "http://0.0.0.0/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://2130706433/cb",
    "http://app.st-anna.example/cb",
    "https://*.st-anna.example/cb",
    "https://app.st-anna.example./cb",
    "https://app.st-anna.example/a/../cb",
    "https://app.st-anna.example/cb#x",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:///cb",
)


@pytest.fixture
def laptop(discharge_assistant):
    return builders.client(
        discharge_assistant, "laptop", auth_method=AuthMethod.NONE, redirect_uris=["http://127.0.0.1/cb"]
    )


def test_s02_only_the_port_is_free(weber, laptop):
    browser = builders.browser(weber)
    for uri in OTHERS:
        with one_refusal("authorization.refused", "invalid_redirect_uri"):
            assert is_page_400(opens(browser, laptop, redirect_uri=uri))
    for port in ("", ":1", ":4000", ":65535"):
        assert opens(browser, laptop, redirect_uri=f"http://127.0.0.1{port}/cb").status_code == 200


@pytest.mark.parametrize("uri", NOT_TO_BE_REGISTERED)
def test_s02_a_look_alike_is_not_registered(discharge_assistant, uri):
    with pytest.raises(InvalidInput):
        builders.client(discharge_assistant, "bad", redirect_uris=[uri])
    assert builders.client(discharge_assistant, "good", redirect_uris=["http://127.0.0.1/cb"])
