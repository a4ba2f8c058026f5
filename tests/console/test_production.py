"""With an https issuer, Mandate is as strict as Django's own deployment check asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).parents[2]


@pytest.fixture
def manage(tmp_path):
    """Run a management command with Mandate's real settings."""

    def _manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), **variables}
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return _manage


PRODUCTION = {"MANDATE_ISSUER": "https://mandate.clinic.example", "MANDATE_TRUSTED_PROXIES": "127.0.0.1"}

ASK_SETTINGS = """
from django.conf import settings as s
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT)
"""


def test_check_deploy_is_clean(manage):
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_cookies_are_bound_to_the_host(manage):
    told = manage("shell", "--no-imports", "-v0", "-c", ASK_SETTINGS, **PRODUCTION)

    assert told.stdout.split() == ["__Host-mandate-session", "__Host-mandate-csrf", "True", "True", "True"], told.stderr


def test_a_bad_setting_is_one_sentence_and_no_trace(manage):
    refused = manage("check", MANDATE_ISSUER="http://mandate.clinic.example")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("MANDATE_ISSUER: ")


def test_no_key_travels_with_a_request(tmp_path):
    """The web server copies the environment of its worker into each request."""
    ask = "import os, console.wsgi; print(sorted(set(console.wsgi.SECRET_VARIABLES) & set(os.environ)))"
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "MANDATE_SECRET_KEY": "f0e1d2c3b4a59687" * 4,
        "DATABASE_URL": f"sqlite:///{tmp_path}/data/other.sqlite3",
    }
    told = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert told.stdout.strip() == "[]"
