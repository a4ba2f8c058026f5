"""On an issuer's word nothing is made at the moment at which somebody takes it away: whichever is first, that counts."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents import resources
from agents.actors import Actor
from agents.models import AgentScope, Client, Scope, TrustedIssuer, User
from consent import mandate, vouched
from consent.models import Consent
from consent.vouched import NotVouched, Vouched
from tests import grants
from tests.builders import actor
from tests.services.parallel import one_then_the_other
from tests.vouching import Idp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]


@pytest.fixture
def trusted(
    discharge_client: Client, see_appointments: Scope, look_up_staff: Scope, write_letters: Scope, mara: User
) -> TrustedIssuer:
    listed = [see_appointments, look_up_staff, write_letters]
    return Idp().trusted([discharge_client], listed, allow_sensitive=True, by=mara)


def asks(issuer: TrustedIssuer, client: Client, person: User, *scopes: Scope) -> Consent:
    """The issuer says that the client may act for this person, for these."""
    rows = tuple(AgentScope.objects.offered_by(client.agent).filter(scope__in=scopes))
    asked = Vouched(TrustedIssuer.objects.select_related("trusted_by").get(pk=issuer.pk), client, person, rows, True)
    return vouched.consent_for(asked, by=Actor.system(), now=timezone.now())


def test_what_somebody_revokes_is_not_made_again_beside(
    trusted: TrustedIssuer, discharge_client: Client, weber: User, see_appointments: Scope, look_up_staff: Scope
) -> None:
    given = asks(trusted, discharge_client, weber, look_up_staff)
    refused = one_then_the_other(
        lambda: mandate.revoke(given.pk, reason="No.", by=actor(weber), now=timezone.now()),
        lambda: asks(trusted, discharge_client, weber, see_appointments),
    )
    assert isinstance(refused, NotVouched)
    assert refused.code == "revoked"
    assert not Consent.objects.standing().exists()


def test_what_somebody_takes_away_is_not_given_again_beside(
    trusted: TrustedIssuer,
    discharge_client: Client,
    weber: User,
    see_appointments: Scope,
    look_up_staff: Scope,
    write_letters: Scope,
) -> None:
    given = asks(trusted, discharge_client, weber, look_up_staff, see_appointments)
    refused = one_then_the_other(
        lambda: grants.keeps(given, look_up_staff, by=weber),
        lambda: asks(trusted, discharge_client, weber, look_up_staff, see_appointments, write_letters),
    )
    assert isinstance(refused, NotVouched)
    assert refused.code == "taken_away"
    assert Consent.objects.get().scopes(timezone.now()) == {look_up_staff}


def test_nothing_is_made_on_the_word_of_an_issuer_that_is_ended_beside(
    trusted: TrustedIssuer, discharge_client: Client, weber: User, mara: User, look_up_staff: Scope
) -> None:
    refused = one_then_the_other(
        lambda: vouched.end_issuer(trusted.pk, reason="We left it.", by=actor(mara), now=timezone.now()),
        lambda: asks(trusted, discharge_client, weber, look_up_staff),
    )
    assert isinstance(refused, NotVouched)
    assert refused.code == "trust_changed"
    assert not Consent.objects.exists()


def test_what_is_made_while_an_issuer_is_ended_ends_with_it(
    trusted: TrustedIssuer, discharge_client: Client, weber: User, mara: User, look_up_staff: Scope
) -> None:
    refused = one_then_the_other(
        lambda: asks(trusted, discharge_client, weber, look_up_staff),
        lambda: vouched.end_issuer(trusted.pk, reason="We left it.", by=actor(mara), now=timezone.now()),
    )
    assert refused is None
    assert Consent.objects.get().revoked_at is not None


def test_a_permission_that_is_changed_beside_is_read_as_it_is_then(
    trusted: TrustedIssuer, discharge_client: Client, weber: User, mara: User, look_up_staff: Scope
) -> None:
    refused = one_then_the_other(
        lambda: resources.change_scope(look_up_staff, access="write", by=actor(mara), now=timezone.now()),
        lambda: asks(trusted, discharge_client, weber, look_up_staff),
    )
    assert refused is None
    line = Consent.objects.get().shown["resources"][0]["scopes"][0]
    assert line["access"] == "write"
