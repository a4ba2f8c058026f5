"""The example of a resource (``docs/examples/records_api``), as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx

from console.serving import answers
from tests.services.processes import start, stop, until
from tests.services.run import free_port

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@dataclass
class RunningRecordsApi:
    """One patient-records API. ``settings``: the variables that README.md of the example tells of."""

    module: ClassVar[str] = "records_api"
    uri_variable: ClassVar[str] = "RECORDS_URI"

    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder / f"{self.module}.txt"

    def start(self) -> RunningRecordsApi:
        """Return once it answers."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(EXAMPLES),
            self.uri_variable: self.uri,
            **self.settings,
        }
        self.process = start(
            [sys.executable, "-m", self.module], log=self.log_file, environment=environment, folder=EXAMPLES
        )
        until(self._answers, because=lambda: self.log_file.read_text("utf-8", "replace"))
        return self

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(self.log_file.read_text("utf-8", "replace"))
        return answers("127.0.0.1", self.port)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def get(self, path: str, token: str = "") -> httpx.Response:
        """Ask as an agent would."""
        return httpx.get(f"{self.uri}{path}", headers=_bearer(token), timeout=20)

    def post(self, path: str, text: str, token: str) -> httpx.Response:
        return httpx.post(f"{self.uri}{path}", content=text, headers=_bearer(token), timeout=20)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
