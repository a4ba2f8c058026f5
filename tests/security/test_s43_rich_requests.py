"""S43: rich requests that are unknown, wrong, too much or hostile."""

from __future__ import annotations

import json

import pytest

from consent.models import Consent
from tests import builders
from tests.consent.asking import answer_of, decides, opens
from tests.forms import form_of
from tests.in_detail import ASKED, asking, has_type

pytestmark = [pytest.mark.django_db]

DEEP = '{"a":' * 3000 + "1" + "}" * 3000
WRONG = {
    "unknown type": asking({**ASKED, "type": "no_such_type"}),
    "no type": asking({name: value for name, value in ASKED.items() if name != "type"}),
    "type of another kind": asking({**ASKED, "type": ["bank_transfer"]}),
    "extra member": asking(iban="DE02"),
    "extra member within": asking(creditor={"name": "Acme", "iban": "DE02"}),
    "wrong JSON type": asking(amount="1000"),
    "a yes for a number": asking(amount=True),
    "missing member": asking(amount=None),
    "not among those listed": asking(currency="USD"),
    "another location": asking(locations=["https://elsewhere.example"]),
    "no JSON": "[{",
    "no array": json.dumps(ASKED),
    "no objects": '["bank_transfer"]',
    "empty": "[]",
    "a number that is none": asking().replace("1000", "NaN"),
    "a number without end": asking().replace("1000", "1e999"),
    "digits without end": asking().replace("1000", "9" * 5000),
    "a member twice": asking().replace('"amount": 1000', '"amount": 1, "amount": 1000'),
    "deep": f"[{DEEP}]",
    "null byte": asking(creditor={"name": "Ac\0me"}),
    "too many": asking(*[{**ASKED, "amount": amount} for amount in range(1, 30)]),
}


@pytest.fixture(autouse=True)
def transfers(mara, see_appointments):
    return has_type(see_appointments, by=mara)


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG.keys())
def test_s43_what_is_wrong_goes_back_with_its_own_error(weber, discharge_client, sent):
    answer = opens(builders.browser(weber), discharge_client, scope="", authorization_details=sent)
    if answer.status_code == 400:  # too long for any address: a page of ours
        return
    assert answer_of(answer)["error"] == "invalid_authorization_details"
    assert not Consent.objects.filter(user=weber).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"narrow-{key}-0": ["1"]},
        {"narrow-{key}-1": ["1", "2"]},
        {"narrow-{key}-1": ["1"] * 3},
        {"narrow-{key}-9": ["1"]},
        {"narrow-00000000-0000-0000-0000-000000000000-0-0": ["1"]},
        {"detail": ["00000000-0000-0000-0000-000000000000-0"]},
        {"narrow": ["1"]},
    ],
)
def test_s43_a_form_that_was_not_shown_is_refused(weber, discharge_client, see_appointments, changed):
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="", authorization_details=asking(accounts=["DE02", "DE03"]))
    fields = {name.replace("{key}", f"{see_appointments.pk}-5"): value for name, value in changed.items()}
    assert decides(browser, form_of(page), **fields).status_code == 400
    assert not Consent.objects.filter(user=weber).exists()


def test_s43_markup_in_a_request_stays_text(weber, discharge_client):
    page = opens(
        builders.browser(weber),
        discharge_client,
        scope="",
        authorization_details=asking(creditor={"name": "<script>alert(1)</script>{{ 7*7 }}"}),
    )
    text = page.content.decode()
    assert "<script>alert" not in text
    assert "{{ 7*7 }}" in text
