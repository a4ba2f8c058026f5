"""What the person and the approver do on their pages."""

from __future__ import annotations

from typing import Any

from agents.models import Client, User
from consent.models import PendingConsent
from tests import builders
from tests.consent.asking import decides, opens
from tests.forms import form_of


def allows(person: User, client: Client, **asked: Any) -> PendingConsent:
    """The person allows on the screen; what waits then."""
    browser = builders.browser(person)
    done = decides(browser, form_of(opens(browser, client, scope="calendar:read", **asked)))
    assert done.status_code == 303
    assert done.headers["Location"].startswith("/approvals/")
    return PendingConsent.objects.open().get(client=client, decided_by=person)


def posts(person: User, waiting: PendingConsent, decision: str, **form: str) -> Any:
    return builders.browser(person).post(waiting.get_absolute_url(), {"decision": decision, **form})
