"""One running Mandate for many tests. Between two of them the tables are emptied; its processes must not remember the last.

Each request holds a lock on the gate, a file in its data folder, while it is answered. Whoever empties the tables shuts the
gate first: so nothing that was still on its way is written into the tables of the next test.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from django.http import HttpRequest, HttpResponse

from tests.services.mandate import RunningMandate
from tests.services.processes import until

GATE = "MANDATE_TEST_GATE"
"""Names the file to the processes of the server."""


@dataclass
class SharedMandate:
    """A Mandate that stands still between two tests. It starts with the first test that needs it."""

    mandate: RunningMandate
    _shut: FileIO | None = None

    def __post_init__(self) -> None:
        self.mandate.settings = {GATE: str(self.mandate.data_dir / "gate")}
        self.mandate.log_name = "shared-log.txt"

    def open(self) -> RunningMandate:
        """Let it answer the test that begins now, with an empty log and without a memory of the one before."""
        mandate = self.mandate
        gate = Path(mandate.settings[GATE])
        gate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        gate.write_text(uuid.uuid4().hex)
        if self._shut is not None:
            self._shut.close()
            self._shut = None
        if mandate.web is None or mandate.web.poll() is not None:
            mandate.log_file.unlink(missing_ok=True)
            return mandate.start()
        os.truncate(mandate.log_file, 0)
        return mandate

    def shut(self) -> None:
        """Return once every request is answered, and let none in. One that hangs ends the server."""
        if self.mandate.web is None:
            return
        gate = FileIO(self.mandate.settings[GATE], "r")
        try:
            until(lambda: _locked(gate), within=10)
        except AssertionError:
            self.mandate.stop()
            gate.close()
            raise
        self._shut = gate


def _locked(gate: FileIO) -> bool:
    try:
        fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class GateMiddleware:
    """In the processes of the server: waits while the gate is shut, and forgets when another test has begun."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.test = ""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer while the gate is held open."""
        with Path(os.environ[GATE]).open() as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
            test = gate.read()
            if test != self.test:
                self.test = test
                forget_what_is_not_rolled_back()
            return self.get_response(request)


def forget_what_is_not_rolled_back() -> None:
    """Forget what this process remembers of the database, which another test has emptied since."""
    from agents.trail.record import forget_addresses
    from consent.oauth.signing_keys import forget_keys

    forget_keys()
    forget_addresses()
