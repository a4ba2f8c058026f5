"""Who may do what: one rule for each name, each asked somewhere, and lists that show what the rules allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from agents.models import Agent, Event, Role
from agents.permissions import May
from consent.models import Consent
from console.roles import RULES
from console.roles_reference import reference
from tests import builders, grants

BASE_DIR = Path(settings.BASE_DIR)


def test_each_permission_has_a_rule():
    assert set(RULES) == set(May)


# Events are looked up through ``visible_to`` alone; the last test of this file holds it against the rule.
@pytest.mark.parametrize("permission", [name for name in May if name != May.SEE_EVENT])
def test_each_permission_is_asked_somewhere(permission: May):
    sources = [
        path
        for app in ("agents", "consent", "console")
        for path in (BASE_DIR / app).rglob("*.py")
        if path.name not in {"permissions.py", "roles.py", "roles_reference.py"}
    ]
    assert any(f"May.{permission.name}" in path.read_text() for path in sources), f"{permission} is asked by nobody"


def test_the_reference_page_is_current():
    page = BASE_DIR / "docs" / "reference" / "roles.md"
    assert page.read_text() == reference(), "run manage.py document_roles"


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role.values)
def test_lists_show_exactly_what_the_rules_let_somebody_see(
    role, ada, mara, weber, discharge_assistant, discharge_client, read_records
):
    """``visible_to`` and the rule must not drift apart (style.md, habit 6)."""
    viewer = builders.person(f"Viewer {role}", role)
    own = (
        builders.agent("Own Agent", owner=viewer, scopes=[read_records]) if role in {"administrator", "owner"} else None
    )
    grants.consent(discharge_client, scopes=[read_records], user=weber)
    if role != Role.AUDITOR:
        grants.consent(discharge_client, scopes=[read_records], user=viewer, purpose="For the viewer")
    now = timezone.now()
    for agent in Agent.objects.all():
        assert viewer.has_perm(May.SEE_AGENT, agent) == Agent.objects.visible_to(viewer).filter(pk=agent.pk).exists()
    for consent in Consent.objects.live(now):
        seen = Consent.objects.visible_to(viewer).filter(pk=consent.pk).exists()
        assert viewer.has_perm(May.SEE_CONSENT, consent) == seen
    for event in Event.objects.all():
        seen = Event.objects.visible_to(viewer).filter(pk=event.pk).exists()
        assert viewer.has_perm(May.SEE_EVENT, event) == seen
    assert own is None or Agent.objects.visible_to(viewer).filter(pk=own.pk).exists()
