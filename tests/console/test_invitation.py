"""Invitations over HTTP: made on the page, shown once or mailed, accepted once."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client, override_settings

from agents import mail as waiting
from agents.invitations import invite
from agents.models import OneTimeLink, OutgoingMail, Session, User
from agents.trail.kinds import Kind
from tests import builders

ACCEPT = {"name": "Eva Lang", "password": "correct horse battery", "time_zone": "UTC"}
INVITE = {"email": "eva@st-anna.example", "name": "Eva", "role": "user"}


def _token(mara, now):
    return invite(**INVITE, by=builders.actor(mara), now=now)[1]


def test_without_a_mail_server_the_link_is_shown_once(mara):
    browser = builders.browser(mara)
    answer = browser.post("/people/invite/", INVITE)
    assert answer["Location"] == "/people/invite/done/"
    shown = browser.get("/people/invite/done/")
    assert "no-store" in shown["Cache-Control"]
    address = shown.context["address"]
    assert address in shown.content.decode()
    assert browser.get("/people/invite/done/")["Location"] == "/people/"
    assert address not in browser.get("/people/").content.decode()
    assert not OutgoingMail.objects.exists()
    assert Client().get(address.replace("http://localhost:8000", ""))["Location"] == "/invitation/"


@override_settings(MAIL_IS_SENT=True, EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_with_a_mail_server_the_link_is_mailed_and_shown_to_nobody(mara, now, mailoutbox, settings):
    User.objects.filter(pk=mara.pk).update(time_zone="America/Bogota")  # the guest need not live where she does
    browser = builders.browser(mara)
    answer = browser.post("/people/invite/", INVITE, follow=True)
    assert answer.redirect_chain == [("/people/", 302)]
    assert "/invitation/" not in answer.content.decode()
    assert not mailoutbox
    assert "/invitation/" not in OutgoingMail.objects.get().sealed
    waiting.deliver(now=OutgoingMail.objects.get().next_try_at)
    assert [mail.to for mail in mailoutbox] == [["eva@st-anna.example"]]
    assert f"{settings.ISSUER}/invitation/" in mailoutbox[0].body
    ends = OneTimeLink.objects.get().ends_at
    assert f"{ends:%H:%M} UTC" in mailoutbox[0].body
    assert not OutgoingMail.objects.exists()


@override_settings(MAIL_IS_SENT=True)
def test_a_mail_that_cannot_be_written_undoes_the_invitation(mara, now, monkeypatch):
    def fail(*_args, **_facts):
        raise RuntimeError

    monkeypatch.setattr(waiting, "write", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        _token(mara, now)
    assert not OneTimeLink.objects.exists()
    assert not builders.events(Kind.PERSON_INVITED)


def test_accepting_makes_the_account_and_signs_in(client, mara, now):
    client.get(f"/invitation/{_token(mara, now)}")
    page = client.get("/invitation/")
    assert "eva@st-anna.example" in page.content.decode()
    assert client.post("/invitation/", ACCEPT).status_code == 303
    eva = User.objects.get(email="eva@st-anna.example")
    assert (eva.name, eva.role) == ("Eva Lang", "user")
    assert client.session["_auth_user_id"] == str(eva.pk)
    assert builders.events(Kind.PERSON_JOINED)[0].user_id == eva.pk


def test_accepting_signs_out_whoever_was_here(mara, weber, now):
    browser = builders.browser(weber)
    browser.get(f"/invitation/{_token(mara, now)}")
    browser.post("/invitation/", ACCEPT)
    assert browser.session["_auth_user_id"] == str(User.objects.get(email="eva@st-anna.example").pk)
    assert not Session.objects.of(weber).exists()


def test_the_address_and_role_of_an_invitation_cannot_be_chosen(client, mara, now):
    client.get(f"/invitation/{_token(mara, now)}")
    client.post("/invitation/", {**ACCEPT, "email": "mallory@evil.example", "role": "administrator"})
    assert User.objects.exclude(pk=mara.pk).get().email == "eva@st-anna.example"
    assert User.objects.administrators().count() == 1


def test_a_withdrawn_invitation_is_refused(client, mara, now):
    token = _token(mara, now)
    browser = builders.browser(mara)
    link = OneTimeLink.objects.get()
    assert browser.get(f"/people/invitations/{link.pk}/withdraw/").status_code == 405
    browser.post(f"/people/invitations/{link.pk}/withdraw/")
    client.get(f"/invitation/{token}")
    with builders.one_refusal(Kind.LINK_REFUSED):
        assert client.get("/invitation/").status_code == 410


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_only_administrators_invite_and_withdraw(request, who, mara, now):
    _token(mara, now)
    browser = builders.browser(request.getfixturevalue(who))
    assert browser.get("/people/invite/").status_code == 403
    assert browser.post("/people/invite/", INVITE).status_code == 403
    assert browser.post(f"/people/invitations/{OneTimeLink.objects.get().pk}/withdraw/").status_code == 403
    assert OneTimeLink.objects.live(now).count() == 1
    assert {event.kind for event in builders.events(outcome="refused")} == {Kind.PAGE_REFUSED}
