"""What systemd is told: readiness and life, by a daemon inside this process so that a part of it can be stopped."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from agent.runtime.daemon import Daemon
from agent.runtime.log import Log
from agent.runtime.reload.first import First
from agent.runtime.reload.revision import read
from tests.support.brokers import free_port, wait_for
from tests.support.daemon import config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Systemd:
    """The socket, and a daemon turned by hand."""

    def __init__(self, listener: socket.socket, daemon: Daemon) -> None:
        self._listener = listener
        self.daemon = daemon

    def turn(self) -> str:
        """One second's work of the main thread; all that systemd was told in it."""
        self.daemon._spawner.run_pending()
        now = time.monotonic()
        self.daemon._becomes_ready(now)
        self.daemon._tick(now)
        told = []
        while True:
            try:
                told.append(self._listener.recv(1000).decode())
            except BlockingIOError:
                return "\n".join(told)


@pytest.fixture
def systemd(person_model: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    file = tmp_path / "vedette.yaml"
    file.write_text(config(free_port(), {"yard": {"source": str(clip), "loop": True, "fps": 10}}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        daemon = Daemon(First(read(file)), file, Log("info"))
        daemon.pipeline.start()
        yield Systemd(listener, daemon)
        daemon.pipeline.stop(time.monotonic() + 5)


def test_it_is_ready_with_the_first_frame_and_alive_while_frames_pass(systemd: Systemd) -> None:
    assert "READY=1" not in systemd.turn()
    said: list[str] = []
    wait_for(lambda: said.append(systemd.turn()) or "READY=1" in said[-1], 30)
    assert systemd.daemon.report.views["yard"].lane.inferred
    assert systemd.turn() == "WATCHDOG=1"


@pytest.mark.parametrize("part", ["dispatcher", "camera"])
def test_a_part_that_stands_still_is_not_covered_up(
    part: str, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: "READY=1" in systemd.turn(), 30)
    pipeline = systemd.daemon.pipeline
    if part == "dispatcher":
        pipeline.dispatchers[0].stop()
        pipeline.dispatchers[0].join(5)
    else:
        pipeline.cameras["yard"].stop()
        pipeline.cameras["yard"].join(5)
        pipeline.cameras["yard"]._stop.clear()  # as if nobody had asked for it
    assert "WATCHDOG=1" not in systemd.turn()
    assert "no progress: the " in caplog.text
