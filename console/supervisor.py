"""Several programs as one: started together, one log, started again when one dies, ended together.

It knows nothing of Django or Mandate. One thread, one loop: it sleeps until a program writes, dies, or a signal comes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

PR_SET_PDEATHSIG = 1

STOPS_WITHIN = 20.0
"""Seconds in which a program may finish what it does, before it is killed."""
LIVED = 15.0
"""Seconds after which a program counts as having started well."""
GIVES_UP_AFTER = 5
"""Deaths in a row, none of them after a good start, that no new start will heal."""
LONGEST_PAUSE = 30.0
LONGEST_LINE = 64 * 1024


@dataclass
class Program:
    """One of the programs. name: stands before each of its lines."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts_again_at: float | None = None
    deaths_in_a_row: int = 0
    unfinished_line: bytes = field(default=b"", repr=False)


class Supervisor:
    """Keeps programs running until SIGINT or SIGTERM.

    say: prints one line, given the name of who speaks and the text.
    is_up, once_up: when the first says yes for the first time, the second is called, once.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        say: Callable[[str, str], None],
        is_up: Callable[[], bool],
        once_up: Callable[[], None],
    ) -> None:
        self.programs = programs
        self.say = say
        self.is_up = is_up
        self.once_up = once_up
        self.announced = False
        self.signals = 0
        self.gave_up = False
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run until told to stop. Returns 0 then, and 1 when a program would not stay up. Nothing is left running."""
        with self._signals_caught():
            try:
                for program in self.programs:
                    self._start(program)
                while not self.signals and not self.gave_up:
                    self._turn()
            finally:
                self._stop_all()
        return 1 if self.gave_up else 0

    # ------------------------------------------------------------------------------------------------ while it runs

    def _turn(self) -> None:
        self._listen(self._pause())
        for program in self.programs:
            if program.process is not None and has_ended(program):
                self._bury(program)
            if program.starts_again_at is not None and time.monotonic() >= program.starts_again_at:
                self._start(program)
        if not self.announced and self.is_up():
            self.announced = True
            self.once_up()

    def _pause(self) -> float | None:
        if not self.announced:
            return 0.1
        waiting = [program.starts_again_at for program in self.programs if program.starts_again_at is not None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _start(self, program: Program) -> None:
        program.starts_again_at = None
        program.started_at = time.monotonic()
        program.process = subprocess.Popen(
            program.command,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches us alone, and we end the others in order.
            start_new_session=True,
            preexec_fn=_end_with_us,  # noqa: PLW1509  (this process has one thread)
        )
        if program.process.stdout is not None:
            os.set_blocking(program.process.stdout.fileno(), False)
            self.selector.register(program.process.stdout, selectors.EVENT_READ, program)

    def _bury(self, program: Program) -> None:
        """A program has died by itself: say so, end what it left behind, and plan its next start."""
        code = self._close(program)
        lived = time.monotonic() - program.started_at
        program.deaths_in_a_row = 1 if lived >= LIVED else program.deaths_in_a_row + 1
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if program.deaths_in_a_row >= GIVES_UP_AFTER:
            self.gave_up = True
            self.say(
                "mandate",
                f"{program.name} {how}, {program.deaths_in_a_row} times in a row. Its lines above say why. Stopping.",
            )
            return
        pause = min(LONGEST_PAUSE, 2.0 ** (program.deaths_in_a_row - 1))
        program.starts_again_at = time.monotonic() + pause
        self.say("mandate", f"{program.name} {how}. It starts again in {pause:.0f} s.")

    # ---------------------------------------------------------------------------------------------------- the end

    def _stop_all(self) -> None:
        """Ask every program to finish; kill what has not after a while, or at once on a second Ctrl-C."""
        running = [program for program in self.programs if program.process is not None]
        for program in self.programs:
            program.starts_again_at = None
        if running and self.signals:
            self.say("mandate", "Stopping. What runs is finished first; Ctrl-C again ends it at once.")
        for program in running:
            if program.process is not None and not has_ended(program):
                os.kill(program.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOPS_WITHIN
        first_signals = self.signals
        while not all(has_ended(program) for program in running):
            if time.monotonic() > deadline or self.signals > first_signals:
                self.say("mandate", "Not everything has finished; it is ended now.")
                break
            self._listen(0.1)
        for program in running:
            self._close(program)
        self.selector.close()
        if self.signals:
            self.say("mandate", "Stopped.")

    def _close(self, program: Program) -> int:
        """End a program and whatever is left of its group, write its last lines, and return its exit code."""
        process = program.process
        if process is None:
            return 0
        # The group first: until its leader is reaped, its number cannot belong to anybody else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        if process.stdout is not None:
            self._read(program)
            if program.unfinished_line:
                self._speak(program, program.unfinished_line)
                program.unfinished_line = b""
            self.selector.unregister(process.stdout)
            process.stdout.close()
        program.process = None
        return code

    # ------------------------------------------------------------------------------------------------------- lines

    def _listen(self, timeout: float | None) -> None:
        for key, _ in self.selector.select(timeout):
            if isinstance(key.data, Program):
                self._read(key.data)
            elif isinstance(key.data, socket.socket):  # to which signals write
                with contextlib.suppress(BlockingIOError):
                    key.data.recv(4096)

    def _read(self, program: Program) -> None:
        if program.process is None or program.process.stdout is None:
            return
        while True:
            try:
                chunk = os.read(program.process.stdout.fileno(), 65536)
            except BlockingIOError:
                return
            if not chunk:
                return
            *lines, program.unfinished_line = (program.unfinished_line + chunk).split(b"\n")
            for line in lines:
                self._speak(program, line)
            if len(program.unfinished_line) > LONGEST_LINE:
                self._speak(program, program.unfinished_line)
                program.unfinished_line = b""

    def _speak(self, program: Program, line: bytes) -> None:
        self.say(program.name, line.decode("utf-8", "replace").rstrip("\r"))

    # ----------------------------------------------------------------------------------------------------- signals

    @contextlib.contextmanager
    def _signals_caught(self) -> Iterator[None]:
        """Count SIGINT, SIGTERM and SIGHUP, and wake the loop for them and for each program that ends."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.selector.register(ours, selectors.EVENT_READ, ours)
        former_fd = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        former = {
            number: signal.signal(number, self._count) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        former[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_fd)
            ours.close()
            theirs.close()

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1


def has_ended(program: Program) -> bool:
    """Tell whether a program has ended, or never started. It is not reaped yet, so its number is still its own."""
    if program.process is None:
        return True
    return os.waitid(os.P_PID, program.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


_prctl = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None


def _end_with_us() -> None:
    """Run in the child: should we be killed without a chance to end it, the kernel asks it to finish."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
