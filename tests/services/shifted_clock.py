"""A clock that a test sets for every process of a running Mandate, by a file in its data folder: F14 and its kin.

Set ``DJANGO_SETTINGS_MODULE=tests.shifted_settings`` for the processes, and write seconds into ``clock_file``. Each request
looks there first, so all web processes jump with the next request that they take.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import time_machine
from django.conf import settings
from django.http import HttpRequest, HttpResponse


def clock_file(data_dir: Path) -> Path:
    """Return the file that says by how many seconds the clock is wrong."""
    return data_dir / "clock-is-wrong-by"


class ShiftedClock:
    """Middleware before all others: the process lives at the wrong time from here on.

    A server may make several of these, one for each way through it; the clock is one for the process.
    """

    travel: time_machine.travel | None = None
    seconds = 0.0
    turn = Lock()

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wanted = 0.0
        with suppress(FileNotFoundError, ValueError):
            wanted = float(clock_file(Path(settings.DATA_DIR)).read_text())
        with ShiftedClock.turn:
            if wanted != ShiftedClock.seconds:
                self._jump(wanted)
        return self.get_response(request)

    @classmethod
    def _jump(cls, seconds: float) -> None:
        if cls.travel is not None:
            cls.travel.stop()
        wrong = datetime.now(tz=UTC) + timedelta(seconds=seconds)
        cls.travel = time_machine.travel(wrong, tick=True)
        cls.travel.start()
        cls.seconds = seconds
