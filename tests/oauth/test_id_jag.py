"""ID-JAG: a token on the word of a trusted issuer, and the consent that it stands under."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from agents import linked_people, people, scopes, trusted_issuers
from agents.encryption import decrypt
from agents.errors import Forbidden, InvalidInput
from agents.models import LinkedPerson, OutgoingMail
from agents.trail.kinds import Kind
from consent import mandate, vouched
from consent.errors import ConsentEnded
from consent.evidence import evidence_of
from consent.models import AccessToken, Consent, Origin
from tests import builders, forgery, grants
from tests.builders import actor, browser, one_refusal
from tests.consent.asking import allows, answer_of, decides, opens
from tests.forms import form_of, text_of
from tests.security.expected import is_oauth_error
from tests.services.parallel import at_once
from tests.signing import ed25519_pair, rsa_pair
from tests.vouching import Idp, brings

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def idp():
    return Idp()


@pytest.fixture
def trusted(idp, discharge_client, see_appointments, look_up_staff, mara):
    """Mara trusts it for the assistant, at two resources."""
    return idp.trusted([discharge_client], [see_appointments, look_up_staff], by=mara)


def test_a_client_acts_for_whom_the_issuer_names(
    idp, trusted, discharge, weber, directory_api, discharge_assistant, mara
):
    answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["scope"] == "staff:read"
    assert "refresh_token" not in body
    claims = forgery.claims_of(body["access_token"])
    assert (claims["sub"], claims["act"]["sub"]) == (str(weber.pk), str(discharge_assistant.pk))
    assert directory_api.introspects(body["access_token"])["active"] is True
    consent = Consent.objects.get()
    assert (consent.origin, consent.issuer, consent.approved_by) == (Origin.ISSUER, trusted, mara)
    assert consent.shown["trusted"]["decided_by"] == "Mara Keller"
    assert "need not be asked" in consent.shown["trusted"]["rule"]
    (event,) = builders.events(Kind.CONSENT_VOUCHED)
    assert (event.user_id, event.detail["version"]) == (weber.pk, 1)
    assert builders.events(Kind.TOKEN_ISSUED)[0].detail["grant"] == "id_jag"
    evidence = evidence_of(Consent.objects.with_scopes().get(), now=timezone.now())
    assert evidence["trail"]["words"] == "confirmed"


def test_the_next_assertion_stands_under_the_same_consent(idp, trusted, discharge, weber):
    for _ in range(2):
        answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
        assert answer.status_code == 200
    assert Consent.objects.count() == 1
    more = brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))
    assert more.json()["scope"] == "calendar:read"
    held = {scope.name for scope in Consent.objects.get(superseded_at=None).scopes(timezone.now())}
    assert held == {"staff:read", "calendar:read"}


def test_resource_and_scope_come_from_the_request_or_from_the_assertion(idp, trusted, discharge, weber, directory):
    by_resource = brings(discharge, idp.asserts(discharge.client, weber, resource=directory.uri))
    assert by_resource.json()["scope"] == "staff:read"
    asked = brings(discharge, idp.asserts(discharge.client, weber), resource=directory.uri, scope="staff:read")
    assert asked.json()["scope"] == "staff:read"
    neither = brings(discharge, idp.asserts(discharge.client, weber))
    assert is_oauth_error(neither, "invalid_target")
    other = brings(
        discharge, idp.asserts(discharge.client, weber, resource=directory.uri), resource="https://x.example"
    )
    assert is_oauth_error(other, "invalid_target")
    wider = brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"), scope="staff:read")
    assert is_oauth_error(wider, "invalid_scope")


@pytest.mark.parametrize("make", [rsa_pair, ed25519_pair], ids=["RSA", "Ed25519"])
def test_other_keys(discharge_client, look_up_staff, discharge, weber, make):
    idp = Idp(key=make())
    idp.trusted([discharge_client], [look_up_staff])
    assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200


def test_what_is_not_on_the_list_is_not_given(idp, trusted, discharge, weber):
    answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read letters:write"))
    assert is_oauth_error(answer, "invalid_scope")
    assert not Consent.objects.exists()


def test_sensitive_permissions_only_where_the_administrator_said_so(
    idp, discharge_client, discharge, weber, read_records, see_appointments
):
    with pytest.raises(InvalidInput):
        idp.trusted([discharge_client], [read_records, see_appointments])
    idp.trusted([discharge_client], [read_records, see_appointments], allow_sensitive=True)
    answer = brings(discharge, idp.asserts(discharge_client, weber, scope="records:read"))
    assert answer.json()["scope"] == "records:read"


def test_one_that_became_sensitive_since_is_not_given(idp, trusted, discharge, weber, see_appointments, records, mara):
    assert brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read")).status_code == 200
    scopes.change_scope(see_appointments, marked_sensitive=True, by=actor(mara), now=timezone.now())
    answer = brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))
    assert is_oauth_error(answer, "invalid_scope")


# ------------------------------------------------------------------------------------------------ the person has the say


def test_the_person_sees_it_is_told_and_ends_it(idp, trusted, discharge, weber, directory_api, mallory, settings):
    settings.MAIL_IS_SENT = True
    token = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).json()["access_token"]
    mail = json.loads(decrypt(OutgoingMail.objects.get(to=weber.email).sealed))
    assert "was allowed to act for you" in mail["subject"]
    assert "St. Anna sign-in" in mail["body"]
    assert "St. Anna sign-in" in text_of(browser(weber).get("/my-agents/"))
    consent = Consent.objects.get()
    assert browser(mallory).post(f"/consents/{consent.pk}/revoke/", {"reason": "x"}).status_code == 404
    assert browser(weber).post(f"/consents/{consent.pk}/revoke/", {"reason": ""}).status_code == 302
    assert directory_api.introspects(token) == {"active": False}
    with one_refusal("token.refused", "invalid_grant"):
        again = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
        assert is_oauth_error(again, "invalid_grant")
    assert "revoked" in again.json()["error_description"]


def test_what_somebody_revoked_is_not_made_again_for_another_client_of_the_agent(
    idp, discharge_client, discharge_assistant, discharge, weber, look_up_staff
):
    other = builders.client(discharge_assistant, "sibling")
    sibling = grants.TokenClient(other, builders.key(other).key)
    idp.trusted([discharge_client, other], [look_up_staff])
    assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200
    mandate.revoke(Consent.objects.get().pk, reason="No.", by=actor(weber), now=timezone.now())
    assert is_oauth_error(brings(sibling, idp.asserts(other, weber)), "invalid_grant")


def test_what_the_person_took_away_stays_away(idp, trusted, discharge, weber, look_up_staff, see_appointments):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))
    grants.keeps(Consent.objects.get(superseded_at=None), look_up_staff, by=weber)
    again = brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))
    assert is_oauth_error(again, "invalid_scope")
    with time_machine.travel(timezone.now() + timedelta(days=1)):  # also under the next consent
        again = brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))
        assert is_oauth_error(again, "invalid_scope")
        assert brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).status_code == 200


def test_what_the_person_took_away_no_other_client_of_the_agent_gets(
    idp, discharge_client, discharge_assistant, discharge, weber, look_up_staff, see_appointments
):
    other = builders.client(discharge_assistant, "sibling")
    sibling = grants.TokenClient(other, builders.key(other).key)
    idp.trusted([discharge_client, other], [look_up_staff, see_appointments])
    for scope in ("staff:read", "calendar:read"):
        assert brings(discharge, idp.asserts(discharge_client, weber, scope=scope)).status_code == 200
    grants.keeps(Consent.objects.get(superseded_at=None), look_up_staff, by=weber)
    assert is_oauth_error(brings(sibling, idp.asserts(other, weber, scope="calendar:read")), "invalid_scope")
    assert brings(sibling, idp.asserts(other, weber, scope="staff:read")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_nothing_that_is_asked_for_while_they_revoke_outlives_it(
    idp, trusted, discharge, weber, directory_api, records_api
):
    """Each of the others asks for more than the consent holds, and so for a new one in its place."""
    first = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).json()["access_token"]
    given = Consent.objects.get()

    def act(number):
        if number == 7:
            return mandate.revoke(given.pk, reason="No.", by=actor(weber), now=timezone.now())
        return brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read"))

    outcome = at_once(20, act)
    answers = [answer for answer in outcome.returned if hasattr(answer, "status_code")]
    assert {answer.status_code for answer in answers} <= {200, 400}
    if outcome.raised:  # one of the others was first: then there is a newer one, which is theirs to revoke
        assert [type(problem) for problem in outcome.raised] == [ConsentEnded]
        mandate.revoke(Consent.objects.get(superseded_at=None).pk, reason="No.", by=actor(weber), now=timezone.now())
    tokens = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert [token for token in tokens if records_api.introspects(token)["active"]] == []
    assert directory_api.introspects(first)["active"] is False
    assert not Consent.objects.effective(timezone.now()).exists()
    again = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    assert is_oauth_error(again, "invalid_grant")


def test_what_the_person_decided_in_their_own_words_is_the_most_there_is_too(
    idp, trusted, discharge, discharge_client, weber
):
    seat = browser(weber)
    form = form_of(opens(seat, discharge_client, scope="staff:read"))
    assert "code" in answer_of(decides(seat, form, purpose=["Only for the holidays of the ward"]))
    beyond = brings(discharge, idp.asserts(discharge_client, weber, scope="calendar:read"))
    assert is_oauth_error(beyond, "invalid_scope")
    assert brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read")).status_code == 200
    assert AccessToken.objects.latest("created").consent_id == Consent.objects.get().pk


def test_what_the_person_decided_on_the_screen_is_the_most_there_is(
    idp, trusted, discharge, discharge_client, weber, look_up_staff
):
    given = allows(weber, discharge_client, scope="staff:read")
    body = brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read")).json()
    assert AccessToken.objects.latest("created").consent_id == given.pk
    assert body["scope"] == "staff:read"
    beyond = brings(discharge, idp.asserts(discharge_client, weber, scope="calendar:read"))
    assert is_oauth_error(beyond, "invalid_scope")
    assert Consent.objects.count() == 1


def test_after_revoking_the_person_may_allow_it_on_the_screen_again(idp, trusted, discharge, discharge_client, weber):
    brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read"))
    mandate.revoke(Consent.objects.get().pk, reason="No.", by=actor(weber), now=timezone.now())
    allows(weber, discharge_client, scope="staff:read")
    assert brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read")).status_code == 200


def test_no_time_is_added_to_what_the_person_decided(idp, trusted, discharge, discharge_client, weber, look_up_staff):
    grants.consent(
        discharge_client,
        scopes=[look_up_staff],
        user=weber,
        purpose=discharge_client.agent.purpose,
        life=timedelta(hours=1),
    )
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        answer = brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read"))
        assert is_oauth_error(answer, "invalid_grant")


def test_revoking_what_they_had_allowed_on_a_screen_counts_too(idp, trusted, discharge, discharge_client, weber):
    given = allows(weber, discharge_client, scope="staff:read")
    mandate.revoke(given.pk, reason="No.", by=actor(weber), now=timezone.now())
    answer = brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read"))
    assert is_oauth_error(answer, "invalid_grant")


def test_it_never_saves_the_person_a_screen(idp, trusted, discharge, discharge_client, weber):
    brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read"))
    assert opens(browser(weber), discharge_client, scope="staff:read").status_code == 200


def test_it_ends_by_the_clock_and_a_new_assertion_makes_a_new_one(
    idp, discharge_client, discharge, weber, look_up_staff
):
    idp.trusted([discharge_client], [look_up_staff], consent_life=timedelta(hours=1))
    brings(discharge, idp.asserts(discharge_client, weber))
    consent = Consent.objects.get()
    assert consent.ends_at - consent.starts_at == timedelta(hours=1)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200
    assert Consent.objects.count() == 2


# ----------------------------------------------------------------------------------------------------- whom it means


def test_a_person_is_found_by_a_verified_address_once_and_by_the_subject_from_then_on(
    idp, trusted, discharge, weber, ada
):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    (link,) = LinkedPerson.objects.all()
    assert (link.subject, link.user) == (f"idp-{weber.pk}", weber)
    no_address = idp.asserts(discharge.client, weber, scope="staff:read", email=None, email_verified=None)
    assert brings(discharge, no_address).status_code == 200
    renamed = idp.asserts(discharge.client, weber, scope="staff:read", email=ada.email)
    brings(discharge, renamed)
    assert {consent.user for consent in Consent.objects.all()} == {weber}


def test_an_address_that_was_given_to_somebody_else_opens_nothing(idp, trusted, discharge, weber):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    other = idp.asserts(discharge.client, weber, scope="staff:read", sub="idp-the-new-one")
    assert is_oauth_error(brings(discharge, other), "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"email_verified": None}, {"email_verified": False}, {"email_verified": "true"}, {"email_verified": 1},
        {"email": None}, {"email": ["a"]}, {"email": "weber@elsewhere.example"}, {"email": "nobody@st-anna.example"},
        {"email": "dr.weber@evil.example@st-anna.example"}, {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "a\0b"},
    ],
    ids=str,
)  # fmt: skip
def test_whom_it_may_not_name(idp, trusted, discharge, weber, changed):
    with one_refusal("token.refused", "invalid_grant"):
        answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read", **changed))
        assert is_oauth_error(answer, "invalid_grant")
    assert not Consent.objects.exists()
    assert not LinkedPerson.objects.exists()


def test_somebody_deactivated_or_who_may_change_nothing(idp, trusted, discharge, weber, omar, mara):
    assert is_oauth_error(brings(discharge, idp.asserts(discharge.client, omar, scope="staff:read")), "invalid_grant")
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    people.deactivate(weber, reason="Left.", by=actor(mara), now=timezone.now())
    assert is_oauth_error(brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")), "invalid_grant")


# ---------------------------------------------------------------------------------------------------- the administrator


def test_what_the_administrator_takes_off_the_list_is_not_given_any_more(
    idp, trusted, discharge, weber, look_up_staff, see_appointments, mara
):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    terms = replace(trusted_issuers.terms_of(trusted), scopes=frozenset([see_appointments]))
    trusted_issuers.change(trusted.pk, terms, reason="Too much.", by=actor(mara), now=timezone.now())
    answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    assert is_oauth_error(answer, "invalid_scope")
    (event,) = builders.events(Kind.ISSUER_CHANGED)
    assert list(event.detail["after"]) == ["scopes"]


def test_a_new_consent_holds_nothing_that_was_taken_off_the_list_since(
    idp, trusted, discharge, weber, look_up_staff, see_appointments, mara
):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    terms = replace(trusted_issuers.terms_of(trusted), scopes=frozenset([see_appointments]))
    trusted_issuers.change(trusted.pk, terms, reason="Too much.", by=actor(mara), now=timezone.now())
    assert brings(discharge, idp.asserts(discharge.client, weber, scope="calendar:read")).status_code == 200
    fresh = Consent.objects.get(superseded_at=None)
    assert fresh.scopes(timezone.now()) == {see_appointments}
    assert fresh.shown["trusted"]["version"] == 2


def test_somebody_in_office_answers_for_it(idp, trusted, discharge, weber, mara):
    other = builders.person("Jo Brandt", "administrator")
    people.deactivate(mara, reason="Left.", by=actor(other), now=timezone.now())
    assert brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
        assert is_oauth_error(answer, "invalid_grant")
        terms = trusted_issuers.terms_of(trusted)
        trusted_issuers.change(trusted.pk, terms, reason="I answer for it now.", by=actor(other), now=timezone.now())
        assert brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).status_code == 200
    assert Consent.objects.latest("starts_at").approved_by == other


def test_ending_the_trust_ends_what_was_allowed_by_it(idp, trusted, discharge, weber, directory_api, mara):
    token = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read")).json()["access_token"]
    assert vouched.end_issuer(trusted.pk, reason="We left it.", by=actor(mara), now=timezone.now()) == 1
    assert directory_api.introspects(token) == {"active": False}
    with one_refusal("token.refused", "invalid_grant"):
        answer = brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
        assert is_oauth_error(answer, "invalid_grant")


def test_trusting_it_anew_brings_back_what_ended_with_the_trust_and_not_what_a_person_revoked(
    idp, trusted, discharge, discharge_client, weber, ada, look_up_staff, mara
):
    for person in (weber, ada):
        assert brings(discharge, idp.asserts(discharge_client, person, scope="staff:read")).status_code == 200
    mandate.revoke(Consent.objects.get(user=ada).pk, reason="No.", by=actor(ada), now=timezone.now())
    vouched.end_issuer(trusted.pk, reason="We left it.", by=actor(mara), now=timezone.now())
    idp.trusted([discharge_client], [look_up_staff])
    assert brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read")).status_code == 200
    assert is_oauth_error(brings(discharge, idp.asserts(discharge_client, ada, scope="staff:read")), "invalid_grant")


def test_a_client_that_is_not_named_for_this_issuer(idp, trusted, discharge_assistant, weber):
    other = builders.client(discharge_assistant, "another client")
    mine = grants.TokenClient(other, builders.key(other).key)
    with one_refusal("token.refused", "unauthorized_client"):
        answer = brings(mine, idp.asserts(other, weber, scope="staff:read"))
        assert is_oauth_error(answer, "unauthorized_client")


def test_only_an_administrator_trusts_changes_ends_and_unlinks(
    idp, trusted, ada, omar, discharge, weber, discharge_client
):
    brings(discharge, idp.asserts(discharge.client, weber, scope="staff:read"))
    link = LinkedPerson.objects.get()
    terms = trusted_issuers.terms_of(trusted)
    acts = (
        partial(trusted_issuers.trust, terms),
        partial(trusted_issuers.change, trusted.pk, terms),
        partial(vouched.end_issuer, trusted.pk),
        partial(linked_people.unlink, link.pk),
    )
    for person in (ada, omar, weber):
        for act in acts:
            with pytest.raises(Forbidden):
                act(reason="x", by=actor(person), now=timezone.now())
