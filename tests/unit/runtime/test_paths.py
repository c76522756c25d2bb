"""Places, and the lock on the state directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.runtime import paths


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"STATE_DIRECTORY": "{tmp}/a"}, "a"),
        ({"STATE_DIRECTORY": "{tmp}/a:{tmp}/b"}, "a"),  # systemd lists all that a unit names
        ({"XDG_STATE_HOME": "{tmp}/x"}, "x/vedette"),
        ({"HOME": "{tmp}/h"}, "h/.local/state/vedette"),
    ],
)
def test_where_state_is_kept(
    environment: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    assert paths.state_directory() == tmp_path / expected
    assert (tmp_path / expected).is_dir()


def test_the_lock_names_its_holder_and_goes_with_it(tmp_path: Path) -> None:
    with paths.lock(tmp_path), pytest.raises(paths.Held, match=f"pid {os.getpid()}"):
        paths.lock(tmp_path)
    with paths.lock(tmp_path), pytest.raises(paths.Held, match=r"stop that one .* STATE_DIRECTORY=FOLDER"):
        paths.lock(tmp_path)
    paths.lock(tmp_path).close()


def test_the_device_uid_is_made_once(tmp_path: Path) -> None:
    first = paths.device_uid(tmp_path)
    assert first == paths.device_uid(tmp_path)


@pytest.mark.parametrize("left", [b"", b"\n", bytes(17), b"\xff\xfe", b"a/b", b"+"])
def test_a_device_uid_that_a_power_cut_has_spoilt_is_made_anew(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "device_uid").write_bytes(left)
    uid = paths.device_uid(tmp_path)
    assert re.fullmatch("[0-9a-f]{16}", uid)
    assert paths.device_uid(tmp_path) == uid


def test_a_device_uid_is_on_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It proves the calls, not what a disk makes of them."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    paths.device_uid(tmp_path)
    assert len(synced) == 2
    assert synced[-1] == tmp_path


def test_who_lives() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(10)
    assert paths.lives(os.getpid())
    assert paths.lives(1)  # not ours to signal, unless we are root
    assert not paths.lives(ended.pid)
    assert not paths.runs(ended.pid)
    assert not paths.runs(os.getpid())


@pytest.mark.parametrize("name", ["-m agent.cli", "/opt/vedette/bin/vedette"])
def test_who_is_a_daemon(name: str) -> None:
    """Told by its command alone: here it only sleeps."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", *name.split()]
    with subprocess.Popen([*command, "run", "-c", "x"]) as daemon, subprocess.Popen([*command, "demo"]) as other:
        try:
            assert paths.runs(daemon.pid)
            assert not paths.runs(other.pid)
        finally:
            daemon.kill()
            other.kill()
