"""S44: an assertion that is forged, used, over, meant for somebody else or of nobody trusted brings nothing."""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import replace

import pytest
from django.conf import settings
from django.utils import timezone

from agents import trusted_issuers
from agents.models import AuthMethod
from agents.trusted_issuers import terms_of
from consent.models import AccessToken, Consent
from consent.oauth.id_jag import GRANT_TYPE
from consent.oauth.identity_assertion import TYP, read_assertion
from consent.oauth.server import server
from consent.vouched import end_issuer
from tests import builders, grants
from tests.builders import actor, one_refusal
from tests.grants import post
from tests.security.expected import is_oauth_error
from tests.services.parallel import at_once
from tests.signing import encoded, pair, public, signed
from tests.vouching import Idp, brings

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def idp():
    return Idp()


@pytest.fixture(autouse=True)
def trusted(idp, discharge_client, look_up_staff):
    return idp.trusted([discharge_client], [look_up_staff])


def refused(client, assertion, code="invalid_grant"):
    with one_refusal("token.refused", code):
        assert is_oauth_error(brings(client, assertion), code)
    assert not Consent.objects.exists()


def wrong_claims():
    now, issuer, mine = int(time.time()), settings.ISSUER, "discharge"
    return (
        {"aud": "https://other.example"}, {"aud": [issuer, "https://other.example"]}, {"aud": None}, {"aud": []},
        {"aud": f"{issuer}/oauth/token"}, {"aud": f"{issuer}/"},
        {"client_id": "another"}, {"client_id": None}, {"client_id": [mine]},
        {"exp": now - 60}, {"exp": None}, {"exp": now + 7200}, {"exp": "soon"}, {"exp": True}, {"exp": 1e400},
        {"iat": None}, {"iat": now + 600}, {"nbf": now + 600}, {"exp": now + 100, "iat": now + 200},
        {"jti": None}, {"jti": ""}, {"jti": "x" * 300}, {"iss": "https://evil.example"}, {"iss": None}, {"iss": ["x"]},
        {"iss": "https://login.st-anna.example/"},
    )  # fmt: skip


def named(claims):
    """Name a case by what it changes: each process that collects the tests has its own time of day."""
    return "-".join(claims)


@pytest.mark.parametrize("changed", wrong_claims(), ids=named)
def test_s44_claims(idp, discharge, discharge_client, weber, changed):
    refused(discharge, idp.asserts(discharge_client, weber, **changed))
    assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200


def test_s44_kinds_of_token_that_are_none(idp, discharge, discharge_client, weber):
    for typ in ("JWT", "at+jwt", "client-authentication+jwt", "dpop+jwt", "", None, 7):
        refused(discharge, idp.asserts(discharge_client, weber, header={"typ": typ}))
    for typ in (TYP, f"application/{TYP}", TYP.upper()):
        assert brings(discharge, idp.asserts(discharge_client, weber, header={"typ": typ})).status_code == 200


def test_s44_signatures(idp, discharge, discharge_client, weber):
    claims = idp.claims(discharge_client, weber)
    unsigned = [
        b".".join(
            map(encoded, (json.dumps({"typ": TYP, "alg": alg}).encode(), json.dumps(claims).encode(), b""))
        ).decode()
        for alg in ("none", "None", "ES256", "HS256", "")
    ]
    for assertion in unsigned:
        refused(discharge, assertion)
    for secret in (idp.key.as_pem(private=False), json.dumps(public(idp.key)).encode()):
        message = b".".join(
            map(encoded, (json.dumps({"typ": TYP, "alg": "HS256"}).encode(), json.dumps(claims).encode()))
        )
        forged = message + b"." + encoded(hmac.digest(secret, message, "sha256"))
        refused(discharge, forged.decode())
    forger = pair()
    for more in ({}, {"jwk": public(forger)}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"}):
        refused(discharge, signed(claims, forger, typ=TYP, **more))
    for more in ({"crit": ["exp"]}, {"b64": False}, {"kid": 7}):
        refused(discharge, idp.asserts(discharge_client, weber, header=more))
    for kid in ("' OR 1=1 --", "../../etc/passwd", ""):
        assert brings(discharge, idp.asserts(discharge_client, weber, header={"kid": kid})).status_code == 200


@pytest.mark.parametrize(
    "assertion",
    ["a", "a.b", "a.b.c", "..", "W10.W10.x", "x" * 8_001, base64.urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.x"],
    ids=lambda text: text[:12],
)
def test_s44_what_is_no_assertion(discharge, assertion):
    started = time.monotonic()
    refused(discharge, assertion)
    assert time.monotonic() - started < 2


def test_s44_none_at_all(discharge):
    with one_refusal("token.refused", "invalid_request"):
        assert is_oauth_error(discharge.ask(grant_type=GRANT_TYPE), "invalid_request")


def test_s44_a_key_of_another_issuer(idp, discharge, discharge_client, weber, look_up_staff):
    other = Idp(issuer="https://other.example")
    other.trusted([discharge_client], [look_up_staff])
    refused(discharge, signed(idp.claims(discharge_client, weber), other.key, typ=TYP))


def test_s44_twice(idp, discharge, discharge_client, weber):
    assertion = idp.asserts(discharge_client, weber)
    assert brings(discharge, assertion).status_code == 200
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(brings(discharge, assertion), "invalid_grant")
    same = idp.asserts(discharge_client, weber, jti="one")
    assert brings(discharge, same).status_code == 200
    assert is_oauth_error(brings(discharge, idp.asserts(discharge_client, weber, jti="one")), "invalid_grant")


def test_s44_a_public_client_and_another_one_with_a_stolen_assertion(
    idp, discharge_client, discharge_assistant, weber, claims
):
    public_one = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE)
    form = {"grant_type": GRANT_TYPE, "client_id": public_one.client_id}
    answer = post("/oauth/token", form | {"assertion": idp.asserts(public_one, weber)})
    assert is_oauth_error(answer, "unauthorized_client")
    stolen = idp.asserts(discharge_client, weber)
    refused(claims, stolen)
    mine = grants.TokenClient(discharge_client, builders.key(discharge_client).key)
    assert brings(mine, stolen).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_s44_fifty_at_once_and_one_wins(idp, discharge, discharge_client, weber):
    assertion = idp.asserts(discharge_client, weber)
    outcome = at_once(50, lambda _number: brings(discharge, assertion).status_code)
    assert not outcome.raised
    assert sorted(outcome.returned) == [200] + 49 * [400]
    assert (AccessToken.objects.count(), Consent.objects.count()) == (1, 1)


def test_s44_numbers_no_date_can_hold(idp, discharge, discharge_client, weber):
    for changed in ({"exp": 10**400}, {"iat": 10**400}, {"nbf": 10**400}, {"nbf": -(10**400)}):
        refused(discharge, idp.asserts(discharge_client, weber, **changed))


def test_s44_an_assertion_that_grants_nothing_gives_nothing(idp, discharge, discharge_client, weber):
    """Its scope is a limit wherever it stands, also where none of it is a permission."""
    for scope in ("", "   ", "offline_access"):
        refused(discharge, idp.asserts(discharge_client, weber, scope=scope), "invalid_scope")
        with one_refusal("token.refused", "invalid_scope"):
            more = brings(discharge, idp.asserts(discharge_client, weber, scope=scope), scope="staff:read")
            assert is_oauth_error(more, "invalid_scope")
    refused(discharge, idp.asserts(discharge_client, weber, resource=[]), "invalid_target")
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "\u212arueger@st-anna.example",
        "krueger\0@st-anna.example",
        "krueger\ud800@st-anna.example",
        "\uff4brueger@st-anna.example",
    ],
    ids=ascii,
)
def test_s44_an_address_that_only_looks_like_somebodys(idp, discharge, discharge_client, address):
    """The Kelvin sign in small letters is a k; NUL and half a surrogate are nothing that a database could look up."""
    krueger = builders.person("Karla Krueger", email="krueger@st-anna.example")
    refused(discharge, idp.asserts(discharge_client, krueger, sub="somebody-else", email=address))
    assert brings(discharge, idp.asserts(discharge_client, krueger)).status_code == 200


def test_s44_used_once_whatever_became_of_the_trust_since(
    idp, discharge, discharge_client, weber, look_up_staff, trusted, mara
):
    assertion = idp.asserts(discharge_client, weber)
    assert brings(discharge, assertion).status_code == 200
    end_issuer(trusted.pk, reason="Look at it.", by=actor(mara), now=timezone.now())
    idp.trusted([discharge_client], [look_up_staff])
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(brings(discharge, assertion), "invalid_grant")
    assert brings(discharge, idp.asserts(discharge_client, weber)).status_code == 200


@pytest.mark.parametrize("what", ["the issuer", "the client", "the permission"])
def test_s44_trust_that_ends_while_the_assertion_is_read(
    idp, discharge, discharge_client, weber, look_up_staff, see_appointments, trusted, mara, monkeypatch, what
):
    """Between reading and redeeming: what counts is what the administrator says when the token is made."""
    by = {"reason": "No more.", "by": actor(mara), "now": timezone.now()}

    def reads_while_it_ends(request):
        asserted = read_assertion(request)
        if what == "the issuer":
            end_issuer(trusted.pk, **by)
        elif what == "the client":
            other = builders.client(discharge_client.agent, "other")
            trusted_issuers.change(trusted.pk, replace(terms_of(trusted), clients=frozenset({other})), **by)
        else:
            trusted_issuers.change(trusted.pk, replace(terms_of(trusted), scopes=frozenset({see_appointments})), **by)
        return asserted

    monkeypatch.setattr(server().grant_types[GRANT_TYPE], "read", reads_while_it_ends)
    answer = brings(discharge, idp.asserts(discharge_client, weber, scope="staff:read"))
    assert answer.json()["error"] in {"invalid_grant", "unauthorized_client", "invalid_scope", "invalid_target"}
    assert not Consent.objects.exists()
    assert not AccessToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_s44_nothing_outlives_the_trust_that_ends_under_load(
    idp, discharge, discharge_client, weber, ada, trusted, mara, directory_api
):
    """Each brings a new person's first assertion, and so makes a consent, while the administrator ends the trust."""
    people = [weber, ada, *(builders.person(f"Nurse {number}") for number in range(18))]

    def act(number):
        if number == 7:
            return end_issuer(trusted.pk, reason="Now.", by=actor(mara), now=timezone.now())
        return brings(discharge, idp.asserts(discharge_client, people[number]))

    outcome = at_once(len(people), act)
    assert not outcome.raised
    answers = [answer for answer in outcome.returned if hasattr(answer, "status_code")]
    assert {answer.status_code for answer in answers} <= {200, 400}
    tokens = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert [token for token in tokens if directory_api.introspects(token)["active"]] == []
    assert not Consent.objects.effective(timezone.now()).exists()
