"""The mail after a new consent: written with it, sent later, without a secret."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.utils import timezone

from agents import mail as outbox
from agents.encryption import decrypt
from agents.models import Client, OutgoingMail, User
from consent.models import Consent
from tests import builders
from tests.consent.asking import allows, answer_of, decides, screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _there_is_a_mail_server(settings) -> None:
    settings.MAIL_IS_SENT = True


def test_a_mail_with_the_way_to_end_it_waits_for_the_person(weber: User, discharge_client: Client) -> None:
    consent = allows(weber, discharge_client, scope="staff:read", purpose="About Mr. Sommer")
    mail = OutgoingMail.objects.get()
    content = json.loads(decrypt(mail.sealed))
    assert mail.to == weber.email
    assert "Discharge Assistant" in content["subject"]
    assert f"{settings.ISSUER}/consents/{consent.pk}/revoke/" in content["body"]
    assert "Look up staff (Staff directory)" in content["body"]
    assert "Sommer" not in content["body"]  # a purpose can name people, and a mail travels in clear


def test_it_is_sent_by_a_worker(weber: User, discharge_client: Client, mailoutbox) -> None:
    allows(weber, discharge_client, scope="staff:read")
    assert not mailoutbox
    outbox.deliver(now=timezone.now())
    (sent,) = mailoutbox
    assert sent.to == [weber.email]
    assert sent.content_subtype == "plain"


def test_a_decision_that_fails_leaves_no_mail(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    decides(browser, form, scope=["x"])
    assert not OutgoingMail.objects.exists()
    answer_of(decides(browser, form, "refuse"))
    assert not OutgoingMail.objects.exists()
    assert not Consent.objects.exists()
