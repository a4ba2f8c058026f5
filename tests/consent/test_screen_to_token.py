"""From the screen to a token and back: what was ticked is what counts, until the person takes it away on a page."""

from __future__ import annotations

import pytest

from agents.models import Scope, User
from consent.models import Consent
from tests import builders
from tests.consent.asking import VERIFIER, answer_of, decides, opens, screen, ticked
from tests.grants import Pkce, ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_the_token_is_worth_what_was_ticked_and_shrinks_and_dies_by_a_click(
    weber: User,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    write_letters: Scope,
    see_appointments: Scope,
) -> None:
    browser = builders.browser(weber)
    form = screen(
        browser,
        discharge.client,
        scope="records:read letters:write calendar:read",
        resource=records_api.resource.uri,
        purpose="Letters of ward 3B",
    )
    chosen = ticked(read_records, see_appointments)
    code = answer_of(decides(browser, form, scope=chosen, purpose_ok="on"))["code"]
    answer = discharge.redeem(code, Pkce(VERIFIER), resource=records_api.resource.uri).json()
    told = records_api.introspects(answer["access_token"])
    assert set(told["scope"].split()) == {"records:read", "calendar:read"}
    assert told["sub"] == str(weber.pk)
    assert told["purpose"] == "Letters of ward 3B"

    consent = Consent.objects.get()
    browser.post(f"/consents/{consent.pk}/narrow/", {"keep": ticked(see_appointments), "reason": "Enough read."})
    assert records_api.introspects(answer["access_token"])["scope"] == "calendar:read"
    browser.post(f"/consents/{consent.pk}/revoke/", {"reason": "Done."})
    assert records_api.introspects(answer["access_token"]) == {"active": False}
    assert discharge.refresh(answer["refresh_token"]).status_code == 400
    page = browser.get(f"/consents/{consent.pk}/revoke/").content.decode()
    assert "1 token worth nothing" in page
    assert "first use refused" in page


def test_just_once_is_one_token_and_no_refresh_token(weber: User, discharge: TokenClient) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge.client, scope="staff:read")
    code = answer_of(decides(browser, form, until="once"))["code"]
    answer = discharge.redeem(code, Pkce(VERIFIER)).json()
    assert "access_token" in answer
    assert "refresh_token" not in answer
    assert opens(browser, discharge.client, scope="staff:read").status_code == 200  # not remembered


def test_a_code_without_a_screen_is_good_for_a_token_too(weber: User, discharge: TokenClient) -> None:
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, discharge.client, scope="staff:read")))
    code = answer_of(opens(browser, discharge.client, scope="staff:read"))["code"]
    assert discharge.redeem(code, Pkce(VERIFIER)).status_code == 200


def test_a_superseded_consent_ends_what_stood_under_it(weber: User, discharge: TokenClient) -> None:
    browser = builders.browser(weber)
    code = answer_of(decides(browser, screen(browser, discharge.client, scope="staff:read")))["code"]
    old = discharge.redeem(code, Pkce(VERIFIER)).json()
    form = screen(browser, discharge.client, scope="staff:read calendar:read")
    new_code = answer_of(decides(browser, form))["code"]
    assert discharge.refresh(old["refresh_token"]).status_code == 400
    directory = {"resource": "https://directory.st-anna.example"}
    assert discharge.redeem(new_code, Pkce(VERIFIER), **directory).status_code == 200
