"""Starting and ending processes of ours, by their own ids, without leaving one behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str],
    *,
    log: Path,
    environment: dict[str, str] | None = None,
    user: str | None = None,
    folder: Path | None = None,
    ends_with_us: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own. When the tests are killed, it gets ``ends_with_us``."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            user=user,
            group=_group_of(user),
            extra_groups=[] if user else None,
            start_new_session=True,
            preexec_fn=_tied_to_us(ends_with_us),  # noqa: PLW1509  (test processes start no threads before this)
        )


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd

    return pwd.getpwnam(user).pw_gid


def _tied_to_us(sent: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(sent), 0, 0, 0)

    return tie


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals = signal.SIGTERM, within: float = 15) -> int:
    """End a process that ``start`` made, and whatever is left of its group. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        return process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(timeout=within)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def until(condition: Callable[[], object], *, within: float = 30, because: Callable[[], str] | str = "") -> None:
    """Return once the condition holds; fail with the reason when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            reason = because() if callable(because) else because
            raise AssertionError(f"Not so after {within} seconds. {reason}")
        time.sleep(0.02)
