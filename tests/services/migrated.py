"""A data folder with migrated tables, made once and copied after that: bringing them up takes eight seconds of work each time.

It is kept for the other parts of the run, and the next run, until a migration or a library changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from tests.services.mandate import BASE_DIR, RunningMandate

DATABASE = "mandate.sqlite3"
DECIDES = ("*/migrations/*.py", "requirements/base.txt", "console/settings.py")
"""What the tables follow from."""


def migrated_folder(kept_in: Path) -> Path:
    """Return a data folder on SQLite whose tables are as the code wants them. Copy it; nobody writes into it."""
    place = Path(os.environ.get("MANDATE_TEST_ROOT") or kept_in) / "migrated"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place / _digest()
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in place.iterdir():
                shutil.rmtree(old, ignore_errors=True)
            half_made = place / "half-made"
            RunningMandate(half_made, settings={"HOST": "127.0.0.1"}).manage("migrate", "--verbosity=0")
            half_made.rename(folder)
    return folder


def _digest() -> str:
    found = hashlib.sha256()
    for pattern in DECIDES:
        for path in sorted(BASE_DIR.glob(pattern)):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:16]
