"""The OAuth endpoints, tried by schemathesis with whatever a form may hold: the specified errors, and never a fault.

The document is ours (``described.py``); its right requests are built here, and its other requests change them.
"""

from __future__ import annotations

from collections import Counter

import pytest

from agents.models import Event, GrantType
from tests import grants
from tests.consent.asking import asked
from tests.driving import calm, driven
from tests.exchanging import EXCHANGE, first_token
from tests.oauth.described import DOCUMENT
from tests.out_of_band import CIBA, DEVICE, asked_id, starts
from tests.undone import undone

pytestmark = pytest.mark.django_db
# A form may hold more than an endpoint reads, and that is no error (RFC 6749 §3.2).
UNASKED = {"positive_data_acceptance": {"enabled": False}, "negative_data_rejection": {"enabled": False}}
NO_REFUSAL = {"authorization_pending", "slow_down"}
"""What a poll is told while nobody has answered."""
DRIVEN = driven(DOCUMENT, examples=40, checks=UNASKED)


@pytest.fixture
def place(
    discharge, display, robot, planner, records_api, weber, weber_allows, passed_twice, records, claims, clinic_allows, pkce
):  # fmt: skip
    """For each endpoint, and each grant, who asks and a right form."""
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce, resource=records.uri).json()
    token = {
        GrantType.AUTHORIZATION_CODE: (
            discharge,
            {"code": grants.code(weber_allows, pkce), "code_verifier": pkce.verifier, "redirect_uri": grants.REDIRECT},
        ),
        GrantType.REFRESH_TOKEN: (discharge, {"refresh_token": pair["refresh_token"]}),
        GrantType.CLIENT_CREDENTIALS: (claims, {}),
        EXCHANGE: (planner, planner.form(first_token(discharge, passed_twice, resource=records.uri))),
        DEVICE: (display, {"device_code": starts(display).json()["device_code"]}),
        CIBA: (robot, {"auth_req_id": asked_id(robot, weber)}),
    }
    others = {
        "/oauth/introspect": (records_api, {"token": pair["access_token"]}),
        "/oauth/revoke": (discharge, {"token": pair["access_token"]}),
        "/oauth/par": (discharge, asked(discharge.client, scope="calendar:read")),
        "/oauth/device_authorization": (display, {"scope": "calendar:read", "purpose": "Show the rota"}),
        "/oauth/bc-authorize": (robot, {"scope": "openid staff:read", "login_hint": weber.email, "purpose": "Look up"}),
    }
    return token, others


@pytest.fixture
def answered():
    seen: Counter[int] = Counter()
    yield seen
    assert seen[200] + seen[201] > 0, seen
    assert seen[400] > 0, seen


@DRIVEN.parametrize()
@calm
def test_every_endpoint_answers_as_its_specification_says(case, place, answered):
    token, others = place
    form = case.body if isinstance(case.body, dict) else {}
    who, right = (
        token.get(form.get("grant_type"), next(iter(token.values())))
        if case.path == "/oauth/token"
        else others[case.path]
    )
    if isinstance(case.body, dict):
        kept = {name: value for name, value in form.items() if name == "grant_type" or len(str(value)) % 3 == 0}
        case.body = {**right, **kept}
    before = Event.objects.count()
    with undone():
        answer = case.call_and_validate(headers={"Authorization": who.header["HTTP_AUTHORIZATION"]})
        if answer.status_code in {400, 403} and answer.json()["error"] not in NO_REFUSAL:
            assert Event.objects.count() > before, answer.json()
    answered[answer.status_code] += 1
