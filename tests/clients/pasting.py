"""What somebody pastes from a page, run as a program of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.node import FOLDER as NPM_FOLDER


@contextmanager
def running(command: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A program with these variables and nothing of this test's own. Ended by its own id."""
    process = subprocess.Popen(
        command,
        cwd=NPM_FOLDER if "node" in command[0] else None,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONUNBUFFERED": "1", **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)
