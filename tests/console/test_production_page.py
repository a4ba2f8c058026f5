"""The page on production says what works: its file of settings is read by a shell and by systemd alike."""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).parents[2]
PAGE = BASE_DIR / "docs" / "how-to" / "run-in-production.md"
KEYS = {"MANDATE_SECRET_KEY": 48, "MANDATE_ENCRYPTION_KEY": 32, "MANDATE_TRAIL_KEY": 48}


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The file of settings as the page shows it."""
    block = next(block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "_ISSUER=" in block)
    return block.splitlines()


def test_no_line_means_something_else_to_systemd(lines):
    """systemd takes no comment behind a value (systemd.exec(5), EnvironmentFile), and quotes as a shell does."""
    for line in lines:
        name, _, value = line.partition("=")
        assert re.fullmatch(r"[A-Z_]+", name), line
        assert re.fullmatch(r"'[^'\\]*'", value), line
        assert shlex.split(value) == [value.strip("'")]


def test_a_shell_loads_it_and_mandate_finds_nothing_to_say(lines, tmp_path):
    settings = tmp_path / "mandate.env"
    filled = "\n".join(lines).replace("/var/lib/mandate", str(tmp_path / "data"))
    for name, size in KEYS.items():
        filled = filled.replace(f"{name}='…'", f"{name}='{base64.b64encode(os.urandom(size)).decode()}'")
    settings.write_text(filled.replace("…", "secret"))
    command = f"set -e; set -a; . {settings}; set +a; {sys.executable} manage.py check --deploy --fail-level WARNING"
    checked = subprocess.run(
        ["sh", "-c", command],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout
