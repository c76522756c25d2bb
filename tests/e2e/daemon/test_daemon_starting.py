"""What reaches a daemon that has only just begun, or is beginning anew."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import HOST, free_port, wait_for
from tests.support.daemon import Daemon, config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def test_an_edit_before_it_is_ready_does_not_make_it_so(
    daemon: Callable[..., Daemon], systemd: Systemd, silent_port: int
) -> None:
    """Nor is its config the last one that worked."""
    cameras = {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live", "timeout": 60}}
    run = daemon(config(free_port(), cameras), systemd.environment)
    wait_for(run.status, 30, run.log)
    run.file.write_text(config(free_port(), cameras, log={"level": "debug"}, device=7))
    wait_for(lambda: run.status()["reloads"] > 0, WITHIN, run.log)
    assert not run.status()["ready"]
    assert [said for said in systemd.told() if "READY=1" in said or "RELOADING=1" in said] == []
    assert not (run.state / "last_good.json").exists()


def test_a_reload_does_not_signal_whoever_has_the_number_of_one_that_was_killed(
    daemon: Callable[..., Daemon], silent_port: int
) -> None:
    run = daemon(config(free_port(), {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live"}}))
    wait_for(run.status, 30, run.log)
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


def test_beginning_anew_in_place_it_looks_for_modules_where_it_did_and_is_given_time(
    tmp_path: Path, systemd: Systemd, silent_port: int
) -> None:
    """Started by the installed command, in a folder with a module that no Python should find."""
    vedette = Path(sys.executable).with_name("vedette")
    if not vedette.exists():
        pytest.skip(f"{vedette} is not installed")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit(3)\n")
    cameras = {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live"}}
    watchdog = {"WATCHDOG_USEC": "30000000"}
    run = Daemon(tmp_path, config(free_port(), cameras), {**systemd.environment, **watchdog})
    command = [str(vedette), "run", "-c", str(run.file)]
    with subprocess.Popen(command, env=run.environment, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(run.status, 30)
            boot = run.status()["boot_id"]
            run.file.write_text(config(free_port(), cameras, outbox={"max_age": "5d"}))

            def begun() -> bool:
                process.send_signal(signal.SIGHUP)  # somebody wants a reload all the time
                return process.poll() is not None or run.status().get("boot_id", boot) != boot

            wait_for(begun, 30)
            assert process.poll() is None
        finally:
            process.terminate()
    said = systemd.told()
    (restarting,) = [
        n for n, text in enumerate(said) if text == "STATUS=restarting\nWATCHDOG=1\nWATCHDOG_USEC=60000000"
    ]
    assert "WATCHDOG=1\nWATCHDOG_USEC=30000000" in said[restarting:]


def test_a_hangup_at_the_start_ends_nothing(tmp_path: Path, silent_port: int) -> None:
    """From the first line of the verb on: what comes while Python itself begins is not ours to handle."""
    run = Daemon(tmp_path, config(free_port(), {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live"}}))
    hung_up = (
        "import os, signal, sys; from agent import cli; from agent.runtime import private; own = private.private\n"
        "def hang_up(folder): os.kill(os.getpid(), signal.SIGHUP); own(folder)\n"
        "private.private = hang_up; sys.exit(cli.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", hung_up, "run", "-c", str(run.file)]
    with subprocess.Popen(command, env=run.environment) as process:
        try:
            wait_for(lambda: process.poll() is not None or run.status(), 30)
            assert process.poll() is None
        finally:
            process.terminate()


def test_a_runtime_directory_that_is_none_is_told(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = daemon("cameras: {a: {source: rtsp://h/}}", {"RUNTIME_DIRECTORY": str(tmp_path / "file")})
    assert run.wait(10) == 1
    assert f"cannot use the runtime directory: {tmp_path}/file: File exists; make room or give" in run.log()
    assert "Traceback" not in run.log()


def test_a_state_directory_that_is_none_is_told(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    uid = tmp_path / "state" / "device_uid"
    uid.mkdir(parents=True)
    run = daemon("cameras: {a: {source: rtsp://h/}}")
    assert run.wait(10) == 1
    assert f"cannot use the state directory: {uid}: Is a directory; make room or give" in run.log()
    assert "or name another folder: STATE_DIRECTORY=FOLDER" in run.log()
    assert "Traceback" not in run.log()
