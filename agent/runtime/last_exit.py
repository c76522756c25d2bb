"""How the run before this one ended, and its last lines where it did not end well.

A killed process says nothing. So each run leaves a mark in the state directory that only a clean end takes away, and
its last lines in a mapped file in the runtime directory (a tmpfs), where they are however it ends. Why systemd ended
it, systemd says itself (ExecStopPost= of the unit: $SERVICE_RESULT, systemd.exec(5)).
"""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.atomic import write_atomic
from agent.boot import boot_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger("vedette.daemon")

MARK, LINES, WORD = "last_exit", "last_lines", "exit"
MOST, LINE_BYTES = 50, 512
_NUMBER = 11
_RESULTS = {"watchdog": "watchdog", "oom-kill": "oom", "timeout": "timeout"}
_SIGNALLED = {"signal", "core-dump"}


@dataclass(frozen=True, slots=True)
class LastExit:
    """reason: first, clean, crash, watchdog, oom, timeout, signal NAME, power_loss, or unclean where nobody knows.

    lines: the last of a run that did not end well, oldest first, redacted when they were written.
    """

    reason: str
    lines: Sequence[str] = ()


class Mark:
    """For one run. state, runtime: its directories. boot: names the time since the machine's start."""

    def __init__(self, state: Path, runtime: Path, boot: str | None = None) -> None:
        self._mark = state / MARK
        self._word = runtime / WORD
        self._lines = runtime / LINES
        self._boot = boot if boot is not None else boot_id()

    def begin(self) -> LastExit:
        """How the run before ended; from now on this one counts as ended badly until `end`."""
        reason = self._reason()
        lines = () if reason in {"first", "clean"} else _read(self._lines)
        with contextlib.suppress(OSError):
            self._word.unlink(missing_ok=True)
        self._keep("running")
        return LastExit(reason, lines)

    def end(self, *, crashed: bool = False) -> None:
        self._keep("crash" if crashed else "clean")

    def _reason(self) -> str:
        try:
            text = self._mark.read_text(errors="replace")
        except FileNotFoundError:
            return "first"
        except OSError:
            return "unclean"
        try:
            found = json.loads(text)
            state, boot = str(found["state"]), str(found["boot"])
        except (ValueError, LookupError, TypeError):
            return "clean" if text.strip() == "clean" else "unclean"  # as earlier versions wrote it
        if state in {"clean", "crash"}:
            return state
        return self._ended_by() if boot == self._boot else "power_loss"

    def _ended_by(self) -> str:
        """By systemd's word, which it writes after each end: "signal killed KILL", say."""
        try:
            result, _, status = self._word.read_text(errors="replace").split(maxsplit=2)
        except (OSError, ValueError):
            return "unclean"
        status = status.strip()
        if result in _SIGNALLED and status.isalnum():
            return f"signal {status}"
        return _RESULTS.get(result, "unclean")

    def _keep(self, state: str) -> None:
        with contextlib.suppress(OSError):
            write_atomic(self._mark, json.dumps({"version": 1, "state": state, "boot": self._boot}))


class LastLines(logging.Handler):
    """The last lines of the log in a mapped file: written without a system call, and there after any end.

    Without a file, where none can be had, it keeps nothing.
    """

    def __init__(self, runtime: Path) -> None:
        super().__init__()
        self._n = 0
        self._map: mmap.mmap | None = None
        try:
            path = runtime / LINES
            path.unlink(missing_ok=True)
            with path.open("xb+") as file:
                path.chmod(0o600)
                os.posix_fallocate(file.fileno(), 0, MOST * LINE_BYTES)  # else a full disk is a SIGBUS, later
                self._map = mmap.mmap(file.fileno(), MOST * LINE_BYTES)
        except (OSError, ValueError) as e:
            log.warning("the last lines before an end will not be kept: %s", e)

    def emit(self, record: logging.LogRecord) -> None:
        if self._map is None:
            return
        try:
            text = self.format(record).replace("\n", " | ").encode(errors="replace")[: LINE_BYTES - _NUMBER - 1]
            at = self._n % MOST * LINE_BYTES
            self._map[at : at + LINE_BYTES] = (b"%010d " % self._n + text).ljust(LINE_BYTES - 1) + b"\n"
            self._n += 1
        except Exception:  # noqa: BLE001 - as every handler of logging
            self.handleError(record)


def _read(path: Path) -> tuple[str, ...]:
    """What a run has left, in its order; a line that was being written is left out if it makes no sense."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST * LINE_BYTES)
    except OSError:
        return ()
    found = []
    for at in range(0, len(data), LINE_BYTES):
        number, _, text = data[at : at + LINE_BYTES].partition(b" ")
        line = text.decode(errors="replace").strip("\0\n ")
        if len(number) == _NUMBER - 1 and number.isdigit() and line:
            found.append((int(number), line))
    return tuple(line for _, line in sorted(found))
