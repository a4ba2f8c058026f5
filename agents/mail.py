"""Mails: written in the transaction that they tell of, sent later by a worker. No page ever waits for a mail server.

A mail stands encrypted in the database until it is sent, because it may hold a one-time link; the message to the worker
is only a nudge, and beat asks again. A mail whose server refuses or hangs is tried again, ever more seldom, until its
end. Sent at least once: a worker that is killed between sending and deleting sends twice.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import shared_task
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation

from agents.encryption import decrypt, encrypt
from agents.languages import language_at
from agents.models.mail import OutgoingMail
from agents.nudges import nudge_when_through

TASK = "agents.deliver_waiting_mails"
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
_DOUBLINGS = (LONGEST_PAUSE // FIRST_PAUSE).bit_length()
WORTH_SENDING_FOR = timedelta(days=3)
log = structlog.get_logger(__name__)


def send_later(
    template: str,
    to: str,
    context: dict[str, Any],
    *,
    now: datetime,
    ends_at: datetime | None = None,
    language: str = "",
) -> None:
    """Write a mail from ``mail/<template>.txt`` for this address; its first line is the subject.

    It goes out once the caller's transaction is through, and never if that fails. ends_at: when it stops being worth
    sending. language: for a reader who chose none, otherwise English. Whoever causes a mail does not decide its language.
    Does nothing without a mail server (``settings.MAIL_IS_SENT``).
    """
    if not settings.MAIL_IS_SENT:
        return
    with translation.override(language_at(to, otherwise=language)):
        text = render_to_string(f"mail/{template}.txt", {"issuer": settings.ISSUER, **context})
    subject, _, body = text.strip().partition("\n")
    write(subject=subject, body=body.strip() + "\n", to=to, now=now, ends_at=ends_at)


def write(*, subject: str, body: str, to: str, now: datetime, ends_at: datetime | None = None) -> None:
    """Put a finished mail among those that wait. See ``send_later``."""
    if not settings.MAIL_IS_SENT:
        return
    OutgoingMail.objects.create(
        to=to,
        sealed=encrypt(json.dumps({"subject": " ".join(subject.split()), "body": body})),
        created_at=now,
        next_try_at=now,
        ends_at=ends_at or now + WORTH_SENDING_FOR,
    )
    nudge_when_through(TASK)


@shared_task(name=TASK)
def deliver_waiting_mails() -> int:
    """Send what waits. A door for the queue."""
    now = timezone.now()
    sent = deliver(now=now)
    if OutgoingMail.objects.due(now).exists():  # more than a batch: whatever else is in the queue has its turn first
        deliver_waiting_mails.delay()
    return sent


def deliver(*, now: datetime, batch: int = 50) -> int:
    """Try each mail that is due, once. Returns how many were sent. Safe twice at once: a mail belongs to who claims it.

    Whatever is wrong with one mail, the others behind it are tried all the same.
    """
    return sum(_deliver_one(mail, now) for mail in list(OutgoingMail.objects.due(now)[:batch]))


def pause_after(tries: int) -> timedelta:
    """How long a mail waits after so many tries that failed: twice as long each time, up to ``LONGEST_PAUSE``."""
    # The exponent is capped, not the product: two to the number of tries soon is more than a timedelta can hold.
    return min(FIRST_PAUSE * 2 ** min(tries, _DOUBLINGS), LONGEST_PAUSE)


def _deliver_one(mail: OutgoingMail, now: datetime) -> bool:
    if mail.ends_at <= now:
        log.warning("mail_given_up", mail=str(mail.pk), tries=mail.tries)
        mail.delete()
        return False
    claimed = OutgoingMail.objects.filter(pk=mail.pk, next_try_at=mail.next_try_at).update(
        next_try_at=now + pause_after(mail.tries), tries=F("tries") + 1
    )
    return bool(claimed) and _try(mail)


def _try(mail: OutgoingMail) -> bool:
    try:
        content = json.loads(decrypt(mail.sealed))
        message = EmailMessage(content["subject"], content["body"], settings.DEFAULT_FROM_EMAIL, [mail.to])
    except (InvalidToken, ValueError, KeyError, TypeError):
        log.warning("mail_unreadable", mail=str(mail.pk))
        mail.delete()
        return False
    try:
        message.send()
    except Exception as error:  # noqa: BLE001  # whatever a mail server does must not keep the other mails waiting
        # Neither text nor address: a server repeats in its errors what was sent to it.
        log.warning("mail_not_sent", mail=str(mail.pk), tries=mail.tries + 1, error=type(error).__name__)
        return False
    mail.delete()
    return True
