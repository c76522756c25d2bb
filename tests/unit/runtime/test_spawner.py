"""What a daemon that was killed has left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from agent.runtime.spawner import Spawner
from backends.registry import Registered
from tests.support.brokers import wait_for
from tests.support.processes import command_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_workers_are_ended_and_nobody_else_whoever_is_gone_already(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(10)
    pids = tmp_path / "workers.pid"
    with subprocess.Popen([*SLEEPS, "backends.worker"]) as worker, subprocess.Popen(SLEEPS) as other:
        try:
            wait_for(lambda: command_of(worker.pid))  # nothing stands there in the middle of exec
            pids.write_text(f"{gone.pid}\nx\n{other.pid}\n{worker.pid}\n")
            Spawner(lambda: None, pids).end_orphans()
            assert worker.wait(10) == -9
            assert other.poll() is None
        finally:
            worker.kill()
            other.kill()
    assert not pids.exists()
    Spawner(lambda: None, pids).end_orphans()


def test_what_keeps_a_worker_from_starting_is_told_to_who_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that starts them is the daemon's main thread."""
    monkeypatch.setattr(
        subprocess, "Popen", lambda *_, **_more: (_ for _ in ()).throw(ValueError("embedded null byte"))
    )
    spawner = Spawner(lambda: None, tmp_path / "workers.pid")
    asked = spawner.spawn(Registered("x", "x:X", ""))
    spawner.run_pending()
    assert isinstance(asked.exception(0), ValueError)
