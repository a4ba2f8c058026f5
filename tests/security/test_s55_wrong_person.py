"""S55: every address × every role × GET and POST × own, foreign and unknown. A new address without a line here fails.

The addresses come from the URL configuration. The cast: Mara administers, Ada owns the agent, Weber gave the consent, Omar
audits, Mallory owns another agent and has no part in this one; and somebody who is not signed in. What each action does
when the right person does it, and its refusal with a right form, is told in that action's own file.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest

from tests import builders
from tests.security.routes import asks, every_route, unknown

pytestmark = pytest.mark.django_db
MARA, ADA, WEBER, OMAR, MALLORY, NOBODY = "mara", "ada", "weber", "omar", "mallory", "nobody"
SIGNED_IN = {MARA, ADA, WEBER, OMAR, MALLORY}
EVERYBODY = SIGNED_IN | {NOBODY}
KEEPERS = {MARA, ADA}
NO_ONE: set[str] = set()


@dataclass(frozen=True)
class May:
    """Who may open an address, and who may send something to it. Empty: there is no such thing here."""

    see: frozenset[str]
    send: frozenset[str] = frozenset()


def may(see: set[str], send: set[str] = NO_ONE) -> May:
    return May(frozenset(see), frozenset(send))


PUBLIC = may(EVERYBODY)
BOTH = may(EVERYBODY, EVERYBODY)
OWN_ACCOUNT = may(SIGNED_IN, SIGNED_IN)
READ_AGENT = may({MARA, ADA, OMAR})
CHANGE_AGENT = may(KEEPERS, KEEPERS)
CHANGE_RESOURCE = may({MARA}, {MARA})
CHANGE_PERSON = may({MARA}, {MARA})

TABLE = {
    # machines: each proves itself, and no cookie counts
    "par": may(NO_ONE, EVERYBODY),
    "token": may(NO_ONE, EVERYBODY),
    "bc-authorize": may(NO_ONE, EVERYBODY),
    "device-authorization": may(NO_ONE, EVERYBODY),
    "introspect": may(NO_ONE, EVERYBODY),
    "revoke-token": may(NO_ONE, EVERYBODY),
    "register": may(NO_ONE, EVERYBODY),
    "registration-management": may(NO_ONE, NO_ONE),
    "receipts": may(NO_ONE, NO_ONE),
    "ssf-streams": may(NO_ONE, NO_ONE),
    "ssf-status": may(NO_ONE, NO_ONE),
    "ssf-verification": may(NO_ONE, NO_ONE),
    "ssf-configuration": PUBLIC,
    "server-metadata": PUBLIC,
    "openid-metadata": PUBLIC,
    "api-metadata": PUBLIC,
    "api-metadata-at-path": PUBLIC,
    "jwks": PUBLIC,
    "evidence-keys": PUBLIC,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "api-root": may(NO_ONE),
    "api-unknown": may(NO_ONE),
    "api-schema": may(SIGNED_IN),
    # the way in: what is asked here is checked by what is sent along, and told in its own file
    "authorize": BOTH,
    "authorize-decide": BOTH,
    "authorize-report": may(NO_ONE, EVERYBODY),
    "authorize-ask": may(NO_ONE, EVERYBODY),
    "account_login": BOTH,
    "account_signup": BOTH,
    "account_inactive": PUBLIC,
    "account_reset_password": BOTH,
    "account_reset_password_done": PUBLIC,
    "account_reset_password_from_key": BOTH,
    "account_reset_password_from_key_done": PUBLIC,
    "mfa_authenticate": BOTH,
    "mfa_login_webauthn": BOTH,
    "language": may(NO_ONE, EVERYBODY),
    "setup": BOTH,
    "setup-link": PUBLIC,
    "invitation": BOTH,
    "invitation-link": PUBLIC,
    # oneself
    "account": OWN_ACCOUNT,
    "account-sessions": OWN_ACCOUNT,
    "account_reauthenticate": OWN_ACCOUNT,
    "account_logout": may(SIGNED_IN, SIGNED_IN),
    "account_change_password": OWN_ACCOUNT,
    "account_set_password": OWN_ACCOUNT,
    "mfa_reauthenticate": OWN_ACCOUNT,
    "mfa_reauthenticate_webauthn": OWN_ACCOUNT,
    "mfa_index": may(SIGNED_IN),
    "mfa_activate_totp": OWN_ACCOUNT,
    "mfa_deactivate_totp": OWN_ACCOUNT,
    "mfa_view_recovery_codes": OWN_ACCOUNT,
    "mfa_generate_recovery_codes": OWN_ACCOUNT,
    "mfa_download_recovery_codes": OWN_ACCOUNT,
    "mfa_list_webauthn": may(SIGNED_IN),
    "mfa_add_webauthn": OWN_ACCOUNT,
    "mfa_remove_webauthn": OWN_ACCOUNT,
    "mfa_edit_webauthn": OWN_ACCOUNT,
    "my-agents": may(SIGNED_IN),
    "inbox": may(SIGNED_IN),
    "inbox-count": may(SIGNED_IN),
    "device": may(SIGNED_IN, SIGNED_IN - {OMAR}),  # who may allow nothing types no code
    "request": may({WEBER}, {WEBER}),  # an administrator neither reads nor answers what somebody else is asked
    "approval": may({MARA, WEBER, OMAR}, {MARA}),  # taking it back is told in tests/consent/approvers/test_waiting.py
    "request-never": may(NO_ONE, {WEBER}),
    "request-report": may(NO_ONE, {WEBER}),
    "may-ask-again": may(NO_ONE),  # where nothing was silenced there is nothing to take back
    "my-agents-record": may(SIGNED_IN),
    "my-agents-stopped": may(NO_ONE),  # nobody has stopped anything yet
    "my-agents-stop-all": may({WEBER}, SIGNED_IN),  # ends one's own; where nothing stands there is nothing to ask
    # lists, which hold what one may see
    "overview": may(SIGNED_IN),
    "trail": may(SIGNED_IN),
    "find": may(SIGNED_IN),
    "consents": may({MARA, ADA, OMAR, MALLORY}),
    "agents": may(SIGNED_IN),
    "resources": may({MARA, ADA, OMAR, MALLORY}),
    "people": may({MARA, OMAR}),
    "styleguide": may(SIGNED_IN, SIGNED_IN),
    "report": may({MARA, OMAR}, {MARA}),
    "settings": may({MARA}, {MARA}),
    "unclaimed": may({MARA, ADA, OMAR, MALLORY}),
    "unclaimed-software": may({MARA, ADA, OMAR, MALLORY}),
    "unclaimed-adopt": may({MARA, ADA, MALLORY}, {MARA, ADA, MALLORY}),
    "unclaimed-adopt-new": may({MARA, ADA, MALLORY}, {MARA, ADA, MALLORY}),
    "unclaimed-refuse": may({MARA}, {MARA}),
    "client-changes": may(NO_ONE),  # of a client that people registered nothing waits
    "registration": may({MARA}, {MARA}),
    "registration-token": may({MARA}, {MARA}),
    "registration-token-revoke": may({MARA}, {MARA}),
    "registration-rule": may({MARA}, {MARA}),
    "registration-rule-end": may({MARA}, {MARA}),
    "signing-keys": may({MARA}),
    "signing-key-rotate": may({MARA}, {MARA}),
    "signing-key-give-up": may({MARA}, {MARA}),
    "trusted-issuers": may({MARA}),
    "trusted-issuer-add": may({MARA}, {MARA}),
    "trusted-issuer": may({MARA}),
    "trusted-issuer-change": may({MARA}, {MARA}),
    "trusted-issuer-end": may({MARA}, {MARA}),
    "trusted-issuer-unlink": may({MARA}, {MARA}),
    "rules": may({MARA, ADA, OMAR, MALLORY}),
    "rule": may({MARA}, {MARA}),
    "first-steps": may({MARA}),
    # one event, one consent
    "event": may({MARA, ADA, WEBER, OMAR}),
    "consent": may({MARA, ADA, WEBER, OMAR}),
    "my-consent": may({MARA, ADA, WEBER, OMAR}),
    "consent-evidence": may({MARA, ADA, WEBER, OMAR}),
    "consent-evidence-file": may({MARA, ADA, WEBER, OMAR}),
    "consent-stopped": may({MARA, ADA, WEBER, OMAR}),
    "consent-changes": may({MARA, ADA, WEBER, OMAR}, {WEBER}),
    "consents-bulk": may({MARA, ADA, MALLORY}, {MARA, ADA, MALLORY}),
    "consent-narrow": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "consent-limit": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "consent-less": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "consent-passing": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "consent-shorten": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "consent-revoke": may({MARA, ADA, WEBER}, {MARA, ADA, WEBER}),
    "organisation-consent": may({MARA}, {MARA}),
    "organisation-details": may({MARA}, {MARA}),
    "consent-confirm": may({MARA}, {MARA}),
    # one agent
    "agent": READ_AGENT,
    "agent-consents": READ_AGENT,
    "agent-activity": READ_AGENT,
    "agent-connect": READ_AGENT,
    "agent-heard": READ_AGENT,
    "agent-clients": READ_AGENT,
    "agent-people": may(KEEPERS),
    "agent-register": may({MARA, ADA, MALLORY}, {MARA, ADA, MALLORY}),
    "agent-edit": CHANGE_AGENT,
    "agent-hand-over": CHANGE_AGENT,
    "agent-deputies": may(NO_ONE, KEEPERS),
    "agent-scopes": CHANGE_AGENT,
    "agent-passing": CHANGE_AGENT,
    "agent-circle": may({MARA}, {MARA}),
    "agent-circle-leave": may({MARA}, {MARA}),
    "client-device-codes": may({MARA}, {MARA}),
    "agent-scope-confirm": may(NO_ONE, {MARA}),
    "agent-move": CHANGE_AGENT,
    "agent-changes": may({MARA, ADA, OMAR}, {MARA}),
    "agent-stopped": READ_AGENT,
    "client-add": CHANGE_AGENT,
    "client-edit": CHANGE_AGENT,
    "client-end": CHANGE_AGENT,
    "client-key": CHANGE_AGENT,
    "client-key-revoke": CHANGE_AGENT,
    # one resource
    "resource": may({MARA, ADA, OMAR, MALLORY}),
    "resource-create": CHANGE_RESOURCE,
    "resource-edit": CHANGE_RESOURCE,
    "resource-end": CHANGE_RESOURCE,
    "resource-sensitive-offline": CHANGE_RESOURCE,
    "resource-key": CHANGE_RESOURCE,
    "resource-key-revoke": CHANGE_RESOURCE,
    "scope-add": CHANGE_RESOURCE,
    "scope-edit": CHANGE_RESOURCE,
    "scope-reword": CHANGE_RESOURCE,
    "scope-end": CHANGE_RESOURCE,
    "scope-details": CHANGE_RESOURCE,
    "scope-details-end": may(NO_ONE),  # where there is no type there is none to end
    # receivers of signals
    "signal-streams": may({MARA, OMAR}),
    "signal-stream": may({MARA, OMAR}),
    "signal-stream-add": may({MARA}, {MARA}),
    "signal-stream-edit": may({MARA}, {MARA}),
    "signal-stream-test": may(NO_ONE, {MARA}),
    "signal-stream-pause": may({MARA}, {MARA}),
    "signal-stream-resume": may(NO_ONE, {MARA}),
    "signal-stream-again": may(NO_ONE, {MARA}),
    "signal-stream-remove": may({MARA}, {MARA}),
    # one person: Weber, who may read what is known of himself
    "person": may({MARA, OMAR, WEBER}),
    "person-role": CHANGE_PERSON,
    "person-deactivate": CHANGE_PERSON,
    "person-reactivate": CHANGE_PERSON,
    "person-password-link": CHANGE_PERSON,
    "person-password-link-made": may({MARA}),
    "people-invite": CHANGE_PERSON,
    "people-invited": may({MARA}),
    "invitation-withdraw": may(NO_ONE, {MARA}),
}
SEES = {
    "request_id": {WEBER},
    "pending_id": {MARA, WEBER, OMAR},
    "agent_id": {MARA, ADA, OMAR},
    "consent_id": {MARA, ADA, WEBER, OMAR},
    "number": {MARA, ADA, WEBER, OMAR},
    "resource_id": {MARA, ADA, OMAR, MALLORY},
    "person_id": {MARA, WEBER, OMAR},
    "link_id": {MARA, OMAR},
    "report_id": {MARA, OMAR},
    "stream_id": {MARA, OMAR},
}
"""Who may see a subject at all, by the id in the address. To everybody else it looks like what does not exist."""
OPENED = {200, 302, 303, 400, 404, 405, 409, 410}
"""What the right person may meet with an empty request: a page, a way on, or that this is not so now."""
KEPT_OUT = {403, 404, 405}


def test_s55_every_address_has_a_line_here_and_every_line_an_address():
    assert {route.name for route in every_route()} == TABLE.keys()


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_s55_each_role_meets_what_its_role_allows(request, own, who):
    browser = builders.browser(None if who == NOBODY else request.getfixturevalue(who))
    for route in every_route():
        for method, allowed in (("get", TABLE[route.name].see), ("post", TABLE[route.name].send)):
            status, to_sign_in, changed = asks(browser, method, route.address(own))
            told = (who, method, route.address(own), status)
            if who in allowed:
                assert status in OPENED, told
                assert not to_sign_in or who == NOBODY or route.name == "account_logout", told
                continue
            assert to_sign_in if who == NOBODY and status == 302 else status in KEPT_OUT | {401}, told
            assert not changed, told


@pytest.mark.parametrize("who", sorted(SIGNED_IN))
def test_s55_what_one_may_not_see_looks_like_what_does_not_exist(request, own, who):
    browser = builders.browser(request.getfixturevalue(who))
    for route in every_route():
        subject = next((name for name in route.parameters if name in SEES), None)
        if subject is None:
            continue
        for method in ("get", "post"):
            nothing, _, _ = asks(browser, method, route.address(unknown(own)))
            assert nothing in KEPT_OUT, (who, method, route.address(own), nothing)
            if who not in SEES[subject]:
                foreign, _, _ = asks(browser, method, route.address(own))
                assert foreign == nothing, (who, method, route.address(own), foreign, nothing)


def test_s55_more_fields_than_the_form_has_change_nothing(ada, discharge_assistant, mallory):
    browser = builders.browser(ada)
    extra = {"owner": mallory.pk, "state": "retired", "role": "administrator", "is_staff": "1", "id": str(uuid.uuid4())}
    right = {"name": "Discharge Assistant", "purpose": "Draft letters", "environment": "production", "unit": "Ward 3B"}
    browser.post(f"/agents/{discharge_assistant.pk}/edit/", right | extra)
    browser.post("/account/", {"name": "Ada", "time_zone": "UTC"} | extra)
    discharge_assistant.refresh_from_db()
    ada.refresh_from_db()
    assert (discharge_assistant.state, discharge_assistant.owner) == ("active", ada)
    assert (ada.role, ada.is_active) == ("owner", True)


@pytest.mark.parametrize("path", ["/agents/", "/consents/", "/people/", "/resources/", "/trail/", "/find/"])
def test_s55_a_list_is_sorted_and_filtered_by_nothing_that_it_does_not_offer(mara, path):
    browser = builders.browser(mara)
    for query in (
        "sort=owner__password",
        "sort=-user__password",
        "owner__password__startswith=a",
        "order_by=password",
        "_connector=OR 1=1",
    ):
        assert browser.get(f"{path}?{query}").status_code in {200, 400}
