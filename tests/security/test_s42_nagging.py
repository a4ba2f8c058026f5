"""S42: nagging. Limits on unasked questions, the word that ends them, and messages that could deceive."""

from __future__ import annotations

import pytest

from agents.models import OutgoingMail
from consent import requests
from consent.models import AccessRequest
from tests import builders
from tests.builders import one_refusal
from tests.out_of_band import asked_id, asking_client, asks, joins_circle, request_of
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def robot(discharge_assistant, weber, mara, settings):
    settings.MAIL_IS_SENT = True
    joins_circle(discharge_assistant, weber, by=mara)
    return asking_client(discharge_assistant)


def test_s42_more_than_the_policy_allows_is_refused_without_a_mail(robot, weber):
    for number in range(requests.MOST_OPEN):
        assert asks(robot, weber, purpose=f"Number {number}").status_code == 200
    mails = OutgoingMail.objects.count()
    with one_refusal("request.refused", "asked_too_often"):
        assert is_oauth_error(asks(robot, weber, purpose="One more"), "access_denied", 403)
    assert OutgoingMail.objects.count() == mails == requests.MOST_OPEN
    assert AccessRequest.objects.count() == requests.MOST_OPEN


def test_s42_never_again_holds_for_every_client_also_for_later_ones(robot, weber, discharge_assistant):
    builders.browser(weber).post(f"{request_of(asked_id(robot, weber)).get_absolute_url()}never/")
    mails = OutgoingMail.objects.count()
    for client in (robot, asking_client(discharge_assistant, "made later")):
        for purpose in ("The same", "Another"):
            with one_refusal("request.refused", "silenced"):
                assert is_oauth_error(asks(client, weber, purpose=purpose), "access_denied", 403)
    assert OutgoingMail.objects.count() == mails


def test_s42_never_again_is_the_persons_word_alone(robot, weber, mara, ada, mallory):
    request = request_of(asked_id(robot, weber))
    for person in (mara, ada, mallory):
        assert builders.browser(person).post(f"{request.get_absolute_url()}never/").status_code == 404
    assert asks(robot, weber, purpose="Another").status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        "a\nb", "a\tb", "a\x00b", "a\x1bb", "a\x7fb", "a\u0085b", "a\u2028b",
        "a\u202eb", "a\u2066b", "a\u200fb", "a\u200bb", "a\ufeffb", "a\u00adb",
        "see https://evil.example", "http://x", "HTTP://X", "go to www.evil.example", "evil.com now", "evil.example/login",
        "call me@evil.example", "<a href=x>", "x://y",
        "x" * 141,
    ],
)  # fmt: skip
def test_s42_a_message_that_could_deceive(robot, weber, message):
    answer = asks(robot, weber, binding_message=message)
    expected = "invalid_request" if "\x00" in message else "invalid_binding_message"
    assert is_oauth_error(answer, expected)
    assert not AccessRequest.objects.exists()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    "message", ["Room 12", "W4SCT", "Bett 3, Zimmer Süd", "订单 42", "x" * 140, "3.5 mg at 8.30", ""]
)
def test_s42_a_plain_message_is_shown_as_it_is(robot, weber, message):
    request = request_of(asked_id(robot, weber, binding_message=message))
    assert request.binding_message == message
    assert message in builders.browser(weber).get(request.get_absolute_url()).content.decode()
