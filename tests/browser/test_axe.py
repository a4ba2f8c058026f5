"""Every page is readable by everybody: in both themes, at 1280, 390 and 320 pixels, with one heading and no complaint.

The list of pages comes from the links that people can follow, and is held against the URL configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.browser.at_browser import AtBrowser
from tests.browser.every_page import Found, routes, walk

Walk = tuple[list[Found], set[str]]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# No page, or a page that needs more than a look: each with the test that opens it.
ELSEWHERE = {
    "for machines": {
        *(
            "api-metadata",
            "api-metadata-at-path",
            "api-root",
            "api-schema",
            "api-unknown",
            "bc-authorize",
            "device-authorization",
            "evidence-keys",
            "healthz",
            "introspect",
            "openid-metadata",
            "jwks",
            "par",
        ),
        *(
            "readyz",
            "receipts",
            "register",
            "registration-management",
            "revoke-token",
            "server-metadata",
            *("ssf-configuration", "ssf-status", "ssf-streams", "ssf-verification"),
            "token",
            "mfa_login_webauthn",
        ),
    },
    "parts of pages, forms on other pages, and a way on": {
        "inbox-count",
        *("agent-heard", "agent-scope-confirm", "agent-circle-leave", "account_set_password"),
        "person-password-link-made",  # the page of people-invited
    },
    "test_personal_agents": {"client-changes", "authorize-ask"},
    "test_organisation_consent": {"consent-confirm"},
    "test_my_agents": {"consent-changes", "my-agents-stopped"},
    "test_step_up": {"approval"},
    "test_details": {"consent-less"},
    "test_passing": {"consent-passing"},
    "test_second_look": {"agent-changes", "scope-details-end"},
    "test_consent_screen_extremes": {"authorize-report", "report"},
    "test_from_set_up_to_revoked": {
        *("setup", "setup-link", "first-steps", "invitation", "invitation-link", "people-invited"),
        *("authorize", "authorize-decide"),
    },
    "test_passkeys": {
        *(
            "mfa_authenticate",
            "mfa_list_webauthn",
            "mfa_edit_webauthn",
            "mfa_remove_webauthn",
            "mfa_view_recovery_codes",
        ),
        *(
            "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes",
            "mfa_reauthenticate",
            "mfa_reauthenticate_webauthn",
        ),
        *("mfa_deactivate_totp",),
    },
}


@pytest.fixture(scope="module")
def walks() -> dict[str, Walk]:
    """The pages that each person has found, so that nobody walks twice."""
    return {}


@pytest.fixture
def found_by(somebody_of_demo, walks) -> Callable[[str], tuple[AtBrowser, Walk]]:
    """Call it for somebody of the demonstration, with the pages that they find and the routes they know of."""

    def find(who: str) -> tuple[AtBrowser, Walk]:
        person = somebody_of_demo(who)
        walks[who] = walks.get(who) or walk(person.context)
        return person, walks[who]

    return find


def check(person: AtBrowser, pages: Iterable[Found]) -> None:
    """Open each page and find no fault with any of them; say all faults at once."""
    faults = []
    for found in (found for found in pages if found.number == 1):
        try:
            person.opens(found.path).finds_no_fault()
        except AssertionError as fault:
            faults.append(f"{found.label}: {fault}")
    assert not faults, "\n\n".join(faults)


def test_the_pages_of_an_administrator(found_by):
    mara, (pages, _) = found_by("mara.keller")
    assert len(pages) > 45
    check(mara, pages)


def test_the_pages_of_somebody_for_whom_agents_act(found_by):
    weber, (pages, _) = found_by("jonas.weber")
    own = [found for found in pages if found.route.startswith(("my-", "consent-"))]
    assert {"consent-narrow", "consent-revoke", "my-consent", "my-agents-stop-all"} <= {found.route for found in own}
    check(weber, own)


def test_the_pages_of_an_owner_and_of_an_auditor_that_look_different(found_by):
    for who in ("ana.duarte", "omar.haddad"):
        person, (pages, _) = found_by(who)
        check(person, [found for found in pages if found.route in {"overview", "agent", "person"}])


def test_the_pages_for_somebody_who_has_not_signed_in(somebody_of_demo):
    nobody = somebody_of_demo("")
    addresses = ["/account/login/", "/account/password/reset/", "/account/password/reset/done/", "/account/signup/"]
    addresses += [
        "/account/password/reset/key/done/",
        "/account/password/reset/key/1-set-password/",
        "/account/inactive/",
    ]
    addresses += ["/setup/", "/invitation/", "/nothing-here/", "/oauth/authorize"]
    check(nobody, [Found(address, "", address) for address in addresses])


def test_no_page_is_left_out(found_by):
    known = set().union(*ELSEWHERE.values())
    for who in ("mara.keller", "jonas.weber", "ana.duarte"):
        known |= found_by(who)[1][1]
    before = {"account_inactive", "account_reset_password_done", "account_signup", "account_reset_password_from_key"}
    before |= {"account_reset_password_from_key_done"}
    assert set(routes()) - known - before == set()
