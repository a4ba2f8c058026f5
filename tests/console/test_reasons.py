"""Every reason for which something is refused has words, so that no page of the trail shows a bare code."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from agents.errors import MandateError
from console.reasons import REASONS

for module in ("consent.errors", "consent.oauth.errors", "consent.screens.form"):
    import_module(module)  # whose subclasses count too

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = re.compile(r'(?:OAuthRefusal\(|reading\.(?:refused|page)\(|reason_code=)\s*"([a-z_]+)"')
NEVER_RECORDED = {"authorization_pending"}
"""Waiting is no refusal, so it leaves no event."""


def every_error(base: type[MandateError] = MandateError) -> list[type[MandateError]]:
    return [base, *(found for child in base.__subclasses__() for found in every_error(child))]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_an_error_of_the_domain_has_words(error):
    assert error.code in REASONS


@pytest.mark.parametrize("floor", ["agents", "consent", "console"])
def test_a_code_that_is_written_out_has_words(floor):
    written = {
        code for file in (ROOT / floor).rglob("*.py") for code in WRITTEN.findall(file.read_text(encoding="utf-8"))
    }
    assert written - NEVER_RECORDED <= REASONS.keys()
