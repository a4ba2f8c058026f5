"""An agent that acts for the organisation: allowed by one administrator, confirmed by another once the first has left."""

from __future__ import annotations

import pytest

from agents import people
from agents.models import Role
from consent.models import Consent, ConsentScope
from consent.oauth.authorization_details import as_answer
from tests import builders, detailing
from tests.browser.at_browser import PHONE, WIDE
from tests.consent.test_organisation_details import SCHEMA
from tests.detailing import transfer

pytestmark = pytest.mark.browser


def test_an_administrator_allows_it_and_another_answers_for_it_later(somebody, mara, claims_client, now):
    nora = builders.person("Nora Lind", Role.ADMINISTRATOR)
    allows = somebody(mara).opens(f"/agents/{claims_client.agent_id}/consents/").follows("See what it asks for")
    allows.is_at("Claims Filer asks to act for St. Anna").finds_no_fault().presses("Allow")
    given = Consent.objects.get(client=claims_client)
    assert (given.user, given.approved_by) == (None, mara)
    people.deactivate(mara, reason="She left the clinic.", by=builders.actor(nora), now=now)
    confirms = somebody(nora).opens(f"/consents/{given.pk}/").finds_no_fault().follows("Confirm…")
    confirms.is_at("Confirm what Claims Filer may do for St. Anna?").finds_no_fault()
    confirms.fills({"Why?": "I looked at it."}).presses("Confirm").sees("You answer for it now")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_administrator_says_in_plain_fields_for_what(somebody, mara, ada, running_mandate, scripts):
    scope = builders.scope(detailing.bank_of(mara), "transfers:write", "Transfer money", data_class="financial")
    detailing.add_type(scope, schema=SCHEMA)
    payer = builders.agent("Bill Payer", owner=ada, kind="autonomous", purpose="Pay the suppliers", scopes=[scope])
    builders.client(payer)
    person = somebody(mara, scripts=scripts).opens(f"/agents/{payer.pk}/consents/").follows("See what it asks for")
    person.is_at("Transfer money").fills({"amount": "0", "creditor name": "Acme"}).presses("Add it")
    person.sees("Give more than 0.")
    if scripts:
        for size in (WIDE, PHONE):
            for theme in ("light", "dark"):
                assert not person.faults_by_axe(size, theme), (size, theme)
    person.fills({"amount": "250.75", "From accounts": "AT61 1904"}).presses("Add it")
    person.is_at("Bill Payer asks to act for St. Anna").sees("Only in detail", "Acme")
    if scripts:
        person.finds_no_fault()
    person.follows("Add or change Transfer money").sees("So far")
    if scripts:
        person.finds_no_fault()
    person.follows("Change").fills({"amount": "200"}).presses("Change it")
    person.ticks("Transfer money").presses("Allow").sees("Nothing was allowed yet")
    person.ticks("That is what I want it for. Needed for sensitive data, unless you say it in your own words.")
    person.presses("Allow").sees("Allowed. Bill Payer can get tokens now.")
    assert as_answer(ConsentScope.objects.get().details) == [transfer(200, accounts=["AT61 1904"])]
