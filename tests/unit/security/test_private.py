"""What the daemon writes is for its own user and group; what its children inherit holds no secret."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.atomic import write_atomic

ROOT = Path(__file__).parents[3]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_kept_file_has_its_mode_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / ".a.json.part").write_text("left by a crash")
        (tmp_path / ".a.json.part").chmod(0o666)
        write_atomic(tmp_path / "a.json", "é")
        write_atomic(tmp_path / "b.json", "{}", mode=0o644)
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a.json", "b.json")] == [0o640, 0o644]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".a.json.part").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        write_atomic(tmp_path / "a.json", "x")
    assert victim.read_text() == "mine"


INSIDE = """
import os, sys
from pathlib import Path
from agent.capture.pipe import _environment
from agent.config.secrets import Secret
from agent.runtime.private import private
from backends.registry.registered import Registered
from backends.child_environment import inherited

os.umask(int(sys.argv[2], 8))
Secret(os.environ["ANY_NAME"])
private(Path(sys.argv[1]))
Path(sys.argv[1], "new").touch()
Path(sys.argv[1], "folder").mkdir()
assert _environment() == inherited()  # a camera's child; its room may not import the other list
assert Registered("x", "x:X", "x").environment().keys() >= inherited().keys()
print(*Registered("x", "x:X", "x").environment(), sep="\\n")
"""


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_files_of_before_and_from_now_on(tmp_path: Path, umask: str) -> None:
    """In a process of its own, as the umask is a process's."""
    for name, given in (("old.db", 0o644), ("open", 0o666), ("closed", 0o600), ("status.json", 0o644)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(given)
    (tmp_path / "link").symlink_to("/etc/passwd")
    planted = {"ANY_NAME": "hunter2-hunter2", "VEDETTE_SECRET_GATE": "abc", "CREDENTIALS_DIRECTORY": "/x"}
    planted |= {"WATCHDOG_PID": "1", "WATCHDOG_USEC": "1", "NOTIFY_SOCKET": "/x"}
    planted |= {"CAMERA": "rtsp://u:p@h/", "PLAIN": "kept"}
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, str(tmp_path), umask],
        env={**os.environ, **planted, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    own = {"000": (0o640, 0o750), "022": (0o640, 0o750), "077": (0o600, 0o700)}[umask]
    found = {path.name: mode(path) for path in tmp_path.iterdir() if not path.is_symlink()}
    assert found == {
        "old.db": 0o640,
        "open": 0o640,
        "closed": 0o600,
        "status.json": 0o644,
        "new": own[0],
        "folder": own[1],
    }
    names = done.stdout.split()
    assert "PLAIN" in names
    assert not planted.keys() - {"PLAIN"} & set(names)
