"""Evidence: whoever may read a consent can prove afterwards what was agreed, offline, with a key that stays published."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from joserfc.jws import extract_compact

from agents.encryption import _box
from agents.models import Client, EventText, Scope, User
from agents.trail.kinds import Kind
from consent import mandate
from consent.evidence import HISTORY
from consent.evidence_keys import make_key
from consent.models import Consent
from consent.oauth.signing_keys import verified_claims
from tests import builders
from tests.consent.asking import allows
from tests.forms import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
VERIFIER = Path(settings.BASE_DIR) / "docs" / "examples" / "verify_evidence.py"


@pytest.fixture
def consent(weber: User, discharge_client: Client) -> Consent:
    """Weber allowed one of two things on the screen."""
    staff = discharge_client.agent.agent_scopes.get(scope__name="staff:read").scope
    return allows(weber, discharge_client, [staff], scope="calendar:read staff:read", purpose="Find a nurse")


def signed(reader: User, consent: Consent) -> str:
    response = builders.browser(reader).get(f"/consents/{consent.pk}/evidence/signed/")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/jose"
    assert "no-store" in response["Cache-Control"]
    return text_of(response)


def published() -> dict[str, Any]:
    answer = builders.browser().get("/.well-known/evidence-keys.json")
    assert answer.status_code == 200
    return dict(answer.json())


def checked(tmp_path: Path, content: str, keys: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Let the example check the file, in a process of its own that knows nothing of Mandate."""
    (tmp_path / "consent.jws").write_text(content)
    (tmp_path / "keys.json").write_text(json.dumps(published() if keys is None else keys))
    command = [sys.executable, "-I", str(VERIFIER), "consent.jws", "keys.json"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)


def told(content: str) -> dict[str, Any]:
    return dict(json.loads(extract_compact(content.encode()).payload))


def test_the_file_can_be_checked_by_a_program_that_knows_only_the_format(
    tmp_path: Path, weber: User, consent: Consent
) -> None:
    outcome = checked(tmp_path, signed(weber, consent))
    assert outcome.returncode == 0, outcome.stderr
    assert "VALID" in outcome.stdout
    assert "Dr. Jonas Weber allowed Discharge Assistant: Find a nurse" in outcome.stdout
    assert "Look up staff (Staff directory, wording 1)" in outcome.stdout
    assert "See your appointments" not in outcome.stdout


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_file_in_which_one_sign_was_changed_is_not_valid(
    tmp_path: Path, weber: User, consent: Consent, part: int
) -> None:
    parts = signed(weber, consent).split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    outcome = checked(tmp_path, ".".join(parts))
    assert outcome.returncode != 0
    assert "NOT VALID" in outcome.stderr


def test_keys_of_somebody_else_check_nothing(tmp_path: Path, weber: User, consent: Consent) -> None:
    content = signed(weber, consent)
    tokens = builders.browser().get("/.well-known/jwks.json").json()
    assert "NOT VALID" in checked(tmp_path, content, tokens).stderr
    assert "NOT VALID" in checked(tmp_path, "no file at all").stderr


def test_an_old_file_is_still_valid_when_another_key_signs(tmp_path: Path, weber: User, consent: Consent) -> None:
    old = signed(weber, consent)
    with time_machine.travel(timezone.now() + timedelta(days=4000)):
        newer = make_key(now=timezone.now())
        assert newer.kid in {key["kid"] for key in published()["keys"]}
        assert len(published()["keys"]) == 2
        assert checked(tmp_path, old).returncode == 0


def test_only_public_halves_are_published_and_evidence_is_no_token(weber: User, consent: Consent) -> None:
    content = signed(weber, consent)
    for key in published()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    for typ in ("at+jwt", "mandate-evidence+jws"):
        assert verified_claims(content, typ=typ, now=timezone.now()) is None
    tokens = {key["kid"] for key in builders.browser().get("/.well-known/jwks.json").json()["keys"]}
    assert not tokens & {key["kid"] for key in published()["keys"]}
    assert len(builders.events(Kind.EVIDENCE_KEY_MADE)) == 1


def test_it_holds_what_was_shown_to_whom_when_how_and_from_where(
    weber: User, consent: Consent, discharge_client: Client, look_up_staff: Scope
) -> None:
    evidence = told(signed(weber, consent))
    assert evidence["shown"] == consent.shown
    assert evidence["decision"]["by"]["email"] == weber.email
    assert evidence["decision"]["address"] == "127.0.0.1"
    assert evidence["decision"]["language"] == "en"
    assert evidence["decision"]["redirect_host"] == "app.st-anna.example"
    assert evidence["client"]["metadata"]["redirect_uris"] == discharge_client.redirect_uris.split()
    assert len(evidence["client"]["metadata_sha256"]) == 64
    assert [(scope["name"], scope["version"]) for scope in evidence["scopes"]] == [("staff:read", 1)]
    assert evidence["trail"]["words"] == evidence["trail"]["client"] == "confirmed"
    assert [event["kind"] for event in evidence["history"]] == ["consent.approved"]


def test_it_tells_what_became_of_it_and_why(weber: User, consent: Consent) -> None:
    mandate.revoke(consent.pk, reason="It found nobody.", by=builders.actor(weber), now=timezone.now())
    evidence = told(signed(weber, consent))
    assert evidence["consent"]["state"] == "revoked"
    assert (evidence["history"][-1]["kind"], evidence["history"][-1]["reason"]) == (
        "consent.revoked",
        "It found nobody.",
    )
    text = text_of(builders.browser(weber).get(f"/consents/{consent.pk}/evidence/"))
    assert "revoked the consent" in text


def test_what_was_erased_is_told_as_erased_and_words_changed_by_hand_as_different(
    weber: User, consent: Consent
) -> None:
    EventText.objects.filter(kind="address").delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_consent SET shown = %s", ['{"purpose": "Something else"}'])
    evidence = told(signed(weber, consent))
    assert evidence["decision"]["address"] is None
    assert evidence["trail"]["words"] == "different"
    text = text_of(builders.browser(weber).get(f"/consents/{consent.pk}/evidence/"))
    assert "not what the trail recorded" in text
    assert "erased since" in text


def test_whoever_may_read_the_consent_may_have_it_and_nobody_else(
    weber: User, ada: User, mara: User, omar: User, mallory: User, consent: Consent
) -> None:
    for reader in (weber, ada, mara, omar):
        assert told(signed(reader, consent))["consent"]["id"] == str(consent.pk)
        text = text_of(builders.browser(reader).get(f"/consents/{consent.pk}/evidence/"))
        assert "Find a nurse" in text
        assert "See your appointments" in text  # read, and left off
        assert "confirms these words" in text
    for path in ("evidence/", "evidence/signed/"):
        assert builders.browser(mallory).get(f"/consents/{consent.pk}/{path}").status_code == 404
        assert builders.browser().get(f"/consents/{consent.pk}/{path}").status_code == 302


def test_a_consent_without_kept_words_has_evidence_of_what_it_holds(
    mara: User, weber: User, discharge_client: Client
) -> None:
    given = builders.consent(weber, discharge_client)
    evidence = told(signed(mara, given))
    assert evidence["shown"] == {}
    assert evidence["trail"]["words"] == "not recorded"
    assert {scope["title"] for scope in evidence["scopes"]} >= {"Look up staff", "Write draft letters"}


def test_a_consent_from_before_the_registration_was_kept_says_so(tmp_path: Path, weber: User, consent: Consent) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_consent SET client_metadata = %s", ["{}"])
    evidence = told(signed(weber, consent))
    assert (evidence["client"]["metadata"], evidence["client"]["metadata_sha256"]) == ({}, "")
    assert checked(tmp_path, signed(weber, consent)).returncode == 0
    text = text_of(builders.browser(weber).get(f"/consents/{consent.pk}/evidence/"))
    assert "not recorded: this consent is older than that" in text
    assert "its name then was not recorded" in text


def test_the_page_names_the_language_in_which_it_was_read(weber: User, consent: Consent) -> None:
    german = builders.browser(weber).get(f"/consents/{consent.pk}/evidence/", headers={"accept-language": "de"})
    assert "<bdi>English</bdi>" in text_of(german)


def test_a_lost_key_is_replaced_and_what_it_signed_stays_valid(
    tmp_path: Path, weber: User, consent: Consent, settings: Any
) -> None:
    old = signed(weber, consent)
    _box.cache_clear()
    settings.ENCRYPTION_KEY = "another secret, since the first was lost"
    try:
        new = signed(weber, consent)
        assert extract_compact(new.encode()).headers()["kid"] != extract_compact(old.encode()).headers()["kid"]
        assert len(published()["keys"]) == 2
        assert checked(tmp_path, old).returncode == checked(tmp_path, new).returncode == 0
    finally:
        _box.cache_clear()


def test_a_key_made_by_the_command_signs_from_then_on(tmp_path: Path, weber: User, consent: Consent) -> None:
    old = signed(weber, consent)
    call_command("rotate_evidence_key", stdout=StringIO())
    assert checked(tmp_path, signed(weber, consent)).returncode == checked(tmp_path, old).returncode == 0
    kids = {extract_compact(file.encode()).headers()["kid"] for file in (old, signed(weber, consent))}
    assert len(kids) == 2


def test_looking_makes_no_key(weber: User, consent: Consent) -> None:
    assert published() == {"keys": []}
    assert builders.browser(weber).get(f"/consents/{consent.pk}/evidence/").status_code == 200
    assert published() == {"keys": []}


def test_the_history_tells_of_every_change() -> None:
    """Whatever the trail tells of a consent itself, but for what is done under it, belongs to what became of it."""
    told_elsewhere = {"consent.refused", "consent.form_refused", "consent.change_refused", "consent.waits_for_approver"}
    told_elsewhere |= {"consent.approver_agreed", "consent.approver_refused", "consent.approval_over"}
    told_elsewhere |= {"consent.reported", "consent.report_looked_at"}
    kinds = {kind.value for kind in Kind if kind.value.startswith("consent.")}
    assert kinds - told_elsewhere <= {kind.value for kind in HISTORY}
