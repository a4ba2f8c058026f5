"""Changing and giving up a signing key on its pages and by its command."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from consent.oauth.signing_keys import make_key
from tests import builders
from tests.consent.keys.steps import kid_of, kids

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


def test_an_administrator_changes_the_key_on_its_page(signed, mara):
    old = kid_of(signed())
    browser = builders.browser(mara)
    assert "The next key is published" not in browser.get("/settings/signing-keys/").content.decode()
    assert browser.post("/settings/signing-keys/change/", {"reason": "Once a year."}).status_code == 302
    page = browser.get("/settings/signing-keys/").content.decode()
    assert "The next key is published" in page
    assert "/settings/signing-keys/change/" not in page
    again = browser.post("/settings/signing-keys/change/", {"reason": "Again."})
    assert "One change at a time is enough" in again.content.decode()
    assert kids() > {old}


def test_an_administrator_gives_a_key_up_on_its_page(signed, mara, directory_api):
    token = signed()
    browser = builders.browser(mara)
    address = f"/settings/signing-keys/{kid_of(token)}/give-up/"
    assert browser.get(address).status_code == 200
    assert directory_api.introspects(token)["active"] is True
    assert browser.post(address, {"reason": ""}).status_code == 200
    assert browser.post(address, {"reason": "A laptop is gone."}).status_code == 302
    assert directory_api.introspects(token) == INACTIVE
    assert browser.post("/settings/signing-keys/unknown/give-up/", {"reason": "?"}).status_code == 404


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_nobody_else_opens_the_pages(request, who, signed):
    kid = kid_of(signed())
    browser = builders.browser(request.getfixturevalue(who))
    for path in ("", "change/", f"{kid}/give-up/"):
        assert browser.get(f"/settings/signing-keys/{path}").status_code == 403
    for path in ("change/", f"{kid}/give-up/"):
        assert browser.post(f"/settings/signing-keys/{path}", {"reason": "Mine."}).status_code == 403
    assert kids() == {kid}


def test_the_page_takes_as_many_queries_for_many_keys(signed, mara, django_assert_max_num_queries):
    signed()
    browser = builders.browser(mara)
    browser.get("/settings/signing-keys/")
    for _ in range(5):
        make_key(now=timezone.now())
    with django_assert_max_num_queries(14):
        browser.get("/settings/signing-keys/")


def test_the_command_changes_lists_and_gives_up(signed, capsys, directory_api):
    token = signed()
    call_command("rotate_keys", "--list")
    assert kid_of(token) in capsys.readouterr().out
    call_command("rotate_keys", "--reason", "Once a year.")
    assert "signs from" in capsys.readouterr().out
    with pytest.raises(CommandError, match="One change at a time"):
        call_command("rotate_keys")
    call_command("rotate_keys", f"--compromised={kid_of(token)}")
    assert "Nothing that" in capsys.readouterr().out
    assert directory_api.introspects(token) == INACTIVE
    for kid, said in ((kid_of(token), "published no more"), ("unknown", "No such key")):
        with pytest.raises(CommandError, match=said):
            call_command("rotate_keys", f"--compromised={kid}")
