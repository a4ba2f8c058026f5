"""What several checks ask about: one of each kind of thing, and everybody who might ask for it."""

from __future__ import annotations

import pytest

from agents import invitations
from agents.linked_people import link as link_person
from agents.models import Event
from agents.programs import adoption_rules
from consent.oauth.signing_keys import make_key
from tests import builders, out_of_band, receiving, ruling, vouching
from tests.consent.asking import reports
from tests.programs import registered


@pytest.fixture
def own(
    request, mara, ada, weber, omar, mallory, discharge_assistant, discharge_client, discharge_key, records, read_records,
    records_api, weber_allows, see_appointments, now,
):  # fmt: skip
    """The ids of what these people work with, and who asks."""
    builders.agent("Mallory's own", owner=mallory)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    robot = out_of_band.asking_client(discharge_assistant)
    program = registered()
    token = adoption_rules.issue_token(name="Fleet", ends_at=None, by=builders.actor(mara), now=now).token
    rule = adoption_rules.make_rule(
        match="token", token=token, agent=discharge_assistant, reason="Ours.", by=builders.actor(mara), now=now
    )
    link, _ = invitations.invite(email="new@st-anna.example", name="New", role="user", by=builders.actor(mara), now=now)
    idp = vouching.Idp()
    issuer = idp.trusted([discharge_client], [see_appointments], by=mara)
    return {
        "issuer_id": issuer.pk,
        "linked_id": link_person(issuer, "idp-weber", weber, by=builders.actor(mara), now=now).pk,
        "agent_id": discharge_assistant.pk,
        "consent_id": weber_allows.pk,
        "pending_id": ruling.waits(weber, discharge_client, [read_records]).pk,
        "client_id": discharge_client.pk,
        "credential_id": discharge_key.credential.pk,
        "resource_id": records.pk,
        "scope_id": read_records.pk,
        "person_id": weber.pk,
        "request_id": out_of_band.request_of(out_of_band.asked_id(robot, weber)).pk,
        "link_id": link.pk,
        "report_id": reports(weber, discharge_client, purpose="Another thing", scope="staff:read").pk,
        "software": program.software_key,
        "token_id": token.pk,
        "rule_id": rule.pk,
        "number": Event.objects.filter(kind="consent.approved").get().pk,
        "kid": make_key(now=now).kid,
        "stream_id": receiving.stream(records, "https://records.st-anna.example/signals", by=mara).pk,
        "move": "suspend",
        "change": "revoke",
        "token": "guess",
        "uidb36": "x",
        "key": "y",
        "rest": "unknown",
        "pk": 1,
        "sensitivity_class": "health",
    }
