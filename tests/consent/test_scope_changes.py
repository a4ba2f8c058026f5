"""What a change of a scope means for consents that hold it: nobody decides alone that sensitive data is for their own agent."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from agents.errors import Forbidden, InvalidInput
from agents.models import Role
from agents.models.agent import Kind as AgentKind
from agents.scopes import change_scope
from agents.trail.kinds import Kind
from consent import mandate
from consent.errors import NothingToConfirm
from consent.models import Consent
from tests import builders, grants
from tests.builders import actor
from tests.forms import main_form, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def nora(organisation):
    """Another administrator."""
    return builders.person("Nora Voss", Role.ADMINISTRATOR)


@pytest.fixture
def own_agent(mara, see_appointments):
    """Mara administers, and keeps an agent of her own that acts for the organisation."""
    return builders.agent("Nightly Report", owner=mara, kind=AgentKind.AUTONOMOUS, scopes=[see_appointments])


@pytest.fixture
def own(own_agent):
    return builders.client(own_agent)


@pytest.fixture
def own_consent(own, mara, see_appointments):
    """She allowed it what is not sensitive."""
    return grants.consent(own, scopes=[see_appointments], user=None, by=mara)


def agrees(browser, page):
    """Press allow on the page of a change, with everything ticked, and return where that leads."""
    form = main_form(browser.get(page))
    offered = re.findall(r'type="checkbox" name="([^"]+)" value="([^"]+)"', text_of(browser.get(page)))
    ticked = {name: [value for named, value in offered if named == name] for name, _ in offered}
    return browser.post(page, {**form, **ticked, "purpose_ok": "on", "decision": "allow"})


@pytest.mark.parametrize("change", [{"data_class": "none"}, {"data_class": "personal"}])
def test_who_keeps_an_agent_with_it_does_not_make_it_less_than_sensitive(
    mara, nora, own_agent, see_appointments, change
):
    now = timezone.now()
    change_scope(see_appointments, data_class="health", by=actor(nora), now=now)
    with pytest.raises(InvalidInput) as refused:
        change_scope(see_appointments, by=actor(mara), now=now, **change)
    assert refused.value.field == "data_class"
    change_scope(see_appointments, longest_life=see_appointments.longest_life / 2, by=actor(mara), now=now)
    assert not change_scope(see_appointments, by=actor(nora), now=now, **change).is_sensitive


def test_the_mark_and_deleting_are_kept_alike(mara, nora, own_agent, see_appointments):
    for more, less, field in (
        ({"marked_sensitive": True}, {"marked_sensitive": False}, "marked_sensitive"),
        ({"access": "delete"}, {"access": "read"}, "access"),
    ):
        change_scope(see_appointments, by=actor(nora), now=timezone.now(), **more)
        with pytest.raises(InvalidInput) as refused:
            change_scope(see_appointments, by=actor(mara), now=timezone.now(), **less)
        assert refused.value.field == field
        change_scope(see_appointments, by=actor(nora), now=timezone.now(), **less)


def test_what_a_keeper_allowed_pauses_when_it_becomes_sensitive(mara, nora, own, own_consent, see_appointments):
    key = builders.key(own)
    machine = grants.TokenClient(own, key.key)
    token = machine.act_alone().json()["access_token"]
    assert token
    change_scope(see_appointments, data_class="health", by=actor(nora), now=timezone.now())
    assert machine.act_alone().status_code == 400
    (event,) = builders.events(Kind.CONSENT_PAUSED)
    assert (event.consent_id, event.actor_id) == (own_consent.pk, nora.pk)
    with pytest.raises(NothingToConfirm):
        mandate.confirm(own_consent.pk, reason="Looked at it.", by=actor(nora), now=timezone.now())
    page = f"/consents/{own_consent.pk}/changes/"
    assert "Another administrator must allow it" in text_of(agrees(builders.browser(mara), page))
    assert machine.act_alone().status_code == 400
    agrees(builders.browser(nora), page)
    assert machine.act_alone().status_code == 200


def test_raising_it_oneself_pauses_it_too(mara, own_consent, see_appointments):
    change_scope(see_appointments, data_class="health", by=actor(mara), now=timezone.now())
    assert not Consent.objects.live(timezone.now()).exists()


def test_a_change_that_is_refused_pauses_nothing(ada, own_consent, see_appointments):
    with pytest.raises(Forbidden):
        change_scope(see_appointments, data_class="health", by=actor(ada), now=timezone.now())
    assert Consent.objects.live(timezone.now()).exists()


def test_the_page_of_the_scope_does_it_and_the_others_are_asked(mara, nora, own_consent, see_appointments):
    browser = builders.browser(mara)
    url = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/"
    facts = {"access": "read", "data_class": "health", "longest_days": "365"}
    asking = browser.post(url, facts)
    assert Consent.objects.live(timezone.now()).exists()
    assert browser.post(url, {**main_form(asking), **facts}).status_code == 302
    assert not Consent.objects.live(timezone.now()).exists()
    assert "is no longer sensitive" in text_of(browser.post(url, {**facts, "data_class": "none"}))
    assert "it is about other data now" in text_of(builders.browser(nora).get("/"))
    assert "health" in text_of(builders.browser(nora).get(f"/consents/{own_consent.pk}/changes/"))
