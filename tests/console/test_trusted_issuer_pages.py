"""The pages of trusted issuers: trust one, change its rule, see whom it means, end it."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from agents import outgoing, trusted_issuers
from agents.models import LinkedPerson, TrustedIssuer
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.builders import browser
from tests.forms import form_of, text_of
from tests.signing import public
from tests.vouching import ISSUER, Idp, brings

pytestmark = pytest.mark.django_db
LIST = "/settings/trusted-issuers/"


@pytest.fixture
def idp():
    return Idp()


@pytest.fixture
def filled(idp, discharge_client, look_up_staff):
    return {
        "name": "St. Anna sign-in",
        "issuer": ISSUER,
        "jwks_uri": "",
        "public_keys": json.dumps(public(idp.key)),
        "email_domains": "st-anna.example\n@Clinic.Example",
        "clients": discharge_client.client_id,
        "scopes": [str(look_up_staff.pk)],
        "consent_life": "28800",
        "reason": "They all sign in there.",
    }


def test_an_administrator_trusts_one_and_its_word_counts(mara, idp, filled, discharge, weber):
    person = browser(mara)
    assert "Nobody is trusted" in text_of(person.get(LIST))
    assert LIST in text_of(person.get("/settings/"))
    answer = person.post(f"{LIST}add/", filled)
    row = TrustedIssuer.objects.get()
    assert answer.headers["Location"] == row.get_absolute_url()
    assert row.email_domains == ["clinic.example", "st-anna.example"]
    (event,) = builders.events(Kind.ISSUER_TRUSTED)
    assert event.detail["after"]["issuer"] == ISSUER
    assert brings(discharge, idp.asserts(discharge.client, weber)).status_code == 200
    page = text_of(person.get(row.get_absolute_url()))
    for words in (
        "St. Anna sign-in",
        ISSUER,
        "Look up staff",
        "Dr. Jonas Weber",
        discharge.client.client_id,
        "8 hours",
    ):
        assert words in page
    assert "St. Anna sign-in" in text_of(person.get(LIST))


def test_its_keys_are_read_from_its_own_document(mara, filled, monkeypatch):
    asked = []

    def get(url, **_limits):
        asked.append(url)
        return json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}).encode()

    monkeypatch.setattr(trusted_issuers, "get", get)
    assert browser(mara).post(f"{LIST}add/", {**filled, "public_keys": ""}).status_code == 302
    assert asked == [f"{ISSUER}/.well-known/openid-configuration"]
    assert TrustedIssuer.objects.get().jwks_uri == f"{ISSUER}/keys"


@pytest.mark.parametrize(
    "document",
    [b"{}", b"[]", b"no", b'{"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"}', None],
    ids=str,
)
def test_a_document_that_says_nothing_or_of_another(mara, filled, monkeypatch, document):
    def get(*_url, **_limits):
        if document is None:
            raise outgoing.NotReached
        return document

    monkeypatch.setattr(trusted_issuers, "get", get)
    answer = browser(mara).post(f"{LIST}add/", {**filled, "public_keys": ""})
    assert answer.status_code == 200
    assert not TrustedIssuer.objects.exists()


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254", "https://10.0.0.1", "https://localhost", "ftp://x.example"]
)
def test_no_address_inside_is_called_or_kept(mara, filled, address):
    for changed in ({"issuer": address, "public_keys": ""}, {"jwks_uri": address, "public_keys": ""}):
        assert browser(mara).post(f"{LIST}add/", {**filled, **changed}).status_code == 200
    assert not TrustedIssuer.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"clients": "nobody"}, {"clients": ""}, {"scopes": []}, {"reason": ""}, {"issuer": ""}, {"name": ""},
        {"public_keys": "no key"}, {"email_domains": "no domain"}, {"consent_life": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_filled_in_wrong_is_said_at_its_field(mara, filled, changed):
    answer = browser(mara).post(f"{LIST}add/", {**filled, **changed})
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in text_of(answer)
    assert not TrustedIssuer.objects.exists()


def test_no_client_that_has_no_key_or_acts_by_itself(mara, filled, discharge_assistant, claims_client):
    public_one = builders.client(discharge_assistant, "phone", auth_method="none")
    for client in (public_one, claims_client):
        assert browser(mara).post(f"{LIST}add/", {**filled, "clients": client.client_id}).status_code == 200
    assert not TrustedIssuer.objects.exists()


def test_it_is_trusted_once(mara, idp, filled, discharge_client, look_up_staff):
    idp.trusted([discharge_client], [look_up_staff])
    assert browser(mara).post(f"{LIST}add/", filled).status_code == 200
    assert TrustedIssuer.objects.count() == 1


def test_the_rule_is_decided_anew(mara, idp, discharge_client, look_up_staff, see_appointments):
    row = idp.trusted([discharge_client], [look_up_staff])
    person = browser(mara)
    url = reverse("trusted-issuer-change", args=[row.pk])
    form = {name: values for name, values in form_of(person.get(url), url).items() if name != "csrfmiddlewaretoken"}
    form |= {"scopes": [str(see_appointments.pk)], "reason": ["Less."]}
    assert person.post(url, form).status_code == 302
    row.refresh_from_db()
    assert ([scope.name for scope in row.scopes.all()], row.version, row.trusted_by) == (["calendar:read"], 2, mara)
    assert row.keys  # that nothing was given anew keeps what there was


def test_ending_it_ends_what_follows_from_it(mara, idp, discharge, discharge_client, look_up_staff, weber):
    row = idp.trusted([discharge_client], [look_up_staff])
    assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200
    person = browser(mara)
    url = reverse("trusted-issuer-end", args=[row.pk])
    assert "ends: 1" in text_of(person.get(url))
    assert person.post(url, {"reason": ""}).status_code == 200
    assert person.post(url, {"reason": "We left it."}).status_code == 302
    assert Consent.objects.get().revoked_at is not None
    assert person.get(row.get_absolute_url()).status_code == 404


def test_what_it_calls_somebody_is_forgotten(mara, ada, idp, discharge, discharge_client, look_up_staff, weber):
    row = idp.trusted([discharge_client], [look_up_staff])
    brings(discharge, idp.asserts(discharge_client, weber))
    link = LinkedPerson.objects.get()
    url = reverse("trusted-issuer-unlink", args=[row.pk, link.pk])
    assert browser(ada).post(url, {"reason": "x"}).status_code == 403
    assert browser(mara).post(url, {"reason": "It was given to somebody else."}).status_code == 302
    assert not LinkedPerson.objects.live().exists()
    assert brings(discharge, idp.asserts(discharge_client, weber, sub="another")).status_code == 200


@pytest.mark.parametrize("who", ["ada", "omar", "weber", "mallory"])
def test_nobody_else(request, who, idp, discharge_client, look_up_staff, filled):
    row = idp.trusted([discharge_client], [look_up_staff])
    person = browser(request.getfixturevalue(who))
    for name in ("trusted-issuer", "trusted-issuer-change", "trusted-issuer-end"):
        assert person.get(reverse(name, args=[row.pk])).status_code == 403
    assert person.get(LIST).status_code == 403
    assert person.post(f"{LIST}add/", filled).status_code == 403
