"""Clients, keys and codes in a Mandate of its own, whose database this test process does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.services.mandate import BASE_DIR, RunningMandate


def seeded(mandate: RunningMandate, *, codes: int) -> dict[str, Any]:
    """Fill it as the benchmark does (``tests/bench/seed.py``) and return what requests need. It is migrated, not running."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.seed", "seed", str(codes)],
        env=mandate.environment(),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts
