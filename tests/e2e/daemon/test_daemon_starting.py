"""What reaches a daemon that has only just begun, or is beginning anew."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import HOST, free_port, wait_for
from tests.support.daemon import Daemon, config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHIN = 10.0


class Systemd:
    """Its socket. told: all datagrams so far."""

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        self._listener = listener
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify")}
        self._told: list[str] = []

    def told(self) -> list[str]:
        while True:
            try:
                self._told.append(self._listener.recv(1000).decode())
            except BlockingIOError:
                return self._told


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield Systemd(listener, tmp_path)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_an_edit_before_it_is_ready_does_not_make_it_so(
    daemon: Callable[..., Daemon], systemd: Systemd, silent_port: int
) -> None:
    """Nor is its config the last one that worked."""
    cameras = {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live", "timeout": 60}}
    run = daemon(config(free_port(), cameras), systemd.environment)
    wait_for(run.status, 30, run.log())
    run.file.write_text(config(free_port(), cameras, log={"level": "debug"}, device=7))
    wait_for(lambda: run.status()["reloads"] > 0, WITHIN, run.log())
    assert not run.status()["ready"]
    assert [said for said in systemd.told() if "READY=1" in said or "RELOADING=1" in said] == []
    assert not (run.state / "last_good.json").exists()


def test_a_reload_does_not_signal_whoever_has_the_number_of_one_that_was_killed(
    daemon: Callable[..., Daemon], silent_port: int
) -> None:
    run = daemon(config(free_port(), {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live"}}))
    wait_for(run.status, 30, run.log())
    left = run.status()
    run.end()
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            (run.state / "status.json").write_text(json.dumps({**left, "pid": other.pid}))
            for verb in ("reload", "status"):
                done = run.verb(verb)
                assert (done.returncode, "no vedette is running here" in done.stderr) == (1, True)
            assert other.poll() is None
        finally:
            other.kill()
