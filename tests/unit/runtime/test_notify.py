"""The notification socket, with a datagram socket in systemd's place."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from agent.runtime.notify import notify, watchdog_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = str(tmp_path / "notify") if request.param == "path" else f"\0vedette-test-{os.getpid()}"
        listener.bind(name)
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        yield listener


def test_a_state_arrives_as_one_datagram(systemd: socket.socket) -> None:
    notify("READY=1\nSTATUS=running")
    assert systemd.recv(100) == b"READY=1\nSTATUS=running"


def test_a_full_socket_does_not_block_the_daemon(systemd: socket.socket) -> None:
    for _ in range(2000):  # far more than the kernel queues
        notify("WATCHDOG=1")
    assert systemd.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify"])
def test_without_systemd_nothing_happens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("30000000", None, 30.0),
        ("30000000", "own", 30.0),
        ("30000000", "1", None),  # meant for another process
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
    ],
)
def test_how_often_systemd_wants_to_hear(
    usec: str | None, pid: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, str(os.getpid()) if value == "own" else value)
    assert watchdog_seconds() == seconds
