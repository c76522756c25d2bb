"""Starts worker processes on the main thread, and ends those that an earlier daemon left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from agent.atomic import write_atomic
from agent.dispatch.worker import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.registry.registered import Registered

log = logging.getLogger("vedette.spawner")


class Spawner:
    """Any thread may ask; `run_pending` starts what was asked for, on the thread that calls it.

    The kernel ties a worker's life (PR_SET_PDEATHSIG) to the thread that started it, so that must be one that lives
    as long as the daemon.
    """

    def __init__(self, wake: Callable[[], None], pids: Path) -> None:
        self._wake = wake
        self._pids = pids
        self._asked: deque[tuple[Registered, Future[WorkerProcess]]] = deque()
        self._started: list[int] = []

    def spawn(self, program: Registered) -> Future[WorkerProcess]:
        future: Future[WorkerProcess] = Future()
        self._asked.append((program, future))
        self._wake()
        return future

    def run_pending(self) -> None:
        while self._asked:
            program, future = self._asked.popleft()
            try:
                worker = WorkerProcess(program)
            except Exception as e:  # noqa: BLE001 - it is the engine's failure, and must not be the main thread's end
                future.set_exception(e)
            else:
                self._remember(worker.pid)
                future.set_result(worker)

    def end_orphans(self) -> None:
        """Kills workers named in the pid file that still are workers of ours. Call before the first spawn."""
        try:
            pids = [int(line) for line in self._pids.read_text().split() if line.isdecimal()]
        except (OSError, ValueError):
            return
        for pid in pids:
            with contextlib.suppress(OSError):  # it is gone
                if b"backends.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    log.warning("a worker of an earlier run, pid %d, was still there: killed", pid)
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._pids.unlink(missing_ok=True)

    def _remember(self, pid: int) -> None:
        self._started = [p for p in self._started if Path(f"/proc/{p}").exists()] + [pid]
        with contextlib.suppress(OSError):
            write_atomic(self._pids, "\n".join(map(str, self._started)) + "\n")
