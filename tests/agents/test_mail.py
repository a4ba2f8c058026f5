"""Mails: written with the change they tell of, sent by a worker, tried again when the server fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.test import override_settings

from agents import mail
from agents.encryption import encrypt
from agents.models import OutgoingMail
from tests.services.parallel import at_once

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
SENT = override_settings(MAIL_IS_SENT=True, EMAIL_BACKEND=LOCMEM)


class RefusingBackend(EmailBackend):
    """A server that takes nobody's mail but Ada's."""

    def send_messages(self, messages):
        if messages[0].to != ["ada@st-anna.example"]:
            raise ConnectionRefusedError("550 weber@st-anna.example: secret body repeated")
        return super().send_messages(messages)


REFUSING = override_settings(MAIL_IS_SENT=True, EMAIL_BACKEND="tests.agents.test_mail.RefusingBackend")


def write(to="weber@st-anna.example", *, now, subject="Hello", ends_at=None):
    mail.write(subject=subject, body="The link: https://x.example/invitation/secret", to=to, now=now, ends_at=ends_at)


@SENT
def test_a_mail_waits_encrypted_until_it_is_sent_and_is_then_gone(db, now, mailoutbox):
    write(now=now)
    assert "secret" not in OutgoingMail.objects.get().sealed
    assert mail.deliver(now=now) == 1
    assert "secret" in mailoutbox[0].body
    assert not OutgoingMail.objects.exists()
    assert mail.deliver(now=now) == 0


@SENT
@pytest.mark.django_db(transaction=True)
def test_a_change_that_fails_sends_nothing(now):
    def change_that_fails():
        with transaction.atomic():
            write(now=now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_that_fails()
    assert not OutgoingMail.objects.exists()


def test_without_a_mail_server_nothing_is_written(db, now):
    write(now=now)
    assert not OutgoingMail.objects.exists()


@REFUSING
def test_f17_one_address_that_is_refused_keeps_nobody_else_waiting(db, now, mailoutbox, log):
    write("weber@st-anna.example", now=now)
    write("ada@st-anna.example", now=now)
    assert mail.deliver(now=now) == 1
    assert [sent.to for sent in mailoutbox] == [["ada@st-anna.example"]]
    said = log()
    assert "mail_not_sent" in said
    assert "secret" not in said
    assert "weber@" not in said


@REFUSING
def test_a_mail_is_tried_again_ever_more_seldom_until_its_end(db, now):
    write(now=now, ends_at=now + timedelta(days=1))
    pauses, at = [], now
    for _ in range(9):
        mail.deliver(now=at)
        waiting = OutgoingMail.objects.get()
        pauses.append((waiting.next_try_at - at) / timedelta(minutes=1))
        at = waiting.next_try_at
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    mail.deliver(now=now + timedelta(days=2))
    assert not OutgoingMail.objects.exists()


def test_a_hundred_tries_wait_no_longer_than_the_longest_pause():
    assert {mail.pause_after(tries) for tries in range(6, 101)} == {mail.LONGEST_PAUSE}


@REFUSING
def test_a_mail_tried_a_hundred_times_keeps_nobody_waiting(db, now, mailoutbox):
    write(now=now, ends_at=now + timedelta(days=30))
    OutgoingMail.objects.update(tries=100)
    write("ada@st-anna.example", now=now)
    assert mail.deliver(now=now) == 1
    assert OutgoingMail.objects.get().tries == 101
    assert mail.deliver(now=now + timedelta(days=31)) == 0
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("content", ["[]", "{}", "no json"])
@SENT
def test_a_mail_that_cannot_be_read_goes_and_the_next_is_sent(db, now, mailoutbox, content):
    write(now=now)
    OutgoingMail.objects.update(sealed=encrypt(content))
    write("ada@st-anna.example", now=now)
    assert mail.deliver(now=now) == 1
    assert not OutgoingMail.objects.exists()


@SENT
def test_a_subject_cannot_add_a_header(db, now, mailoutbox):
    write(now=now, subject="Hello\nBcc: mallory@evil.example")
    mail.deliver(now=now)
    assert mailoutbox[0].subject == "Hello Bcc: mallory@evil.example"
    assert mailoutbox[0].recipients() == ["weber@st-anna.example"]


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_a_mail_once(now, mailoutbox):
    with SENT:
        write(now=now)
        outcome = at_once(6, lambda _number: mail.deliver(now=now))
    assert sum(outcome.returned) == 1, outcome.raised
    assert len(mailoutbox) == 1
