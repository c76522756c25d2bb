"""How the process ends where a thread is left that will not: one that FFmpeg holds asks a Python that is gone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main

ROOT = Path(__file__).parents[3]

_PROGRAM = """
import atexit, sys, threading
from agent.cli.exits import leave
atexit.register(print, "Python ended")
if {left}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("last words", end=";")
sys.exit(leave(3))
"""


@pytest.mark.parametrize("left", [True, False])
def test_python_is_not_ended_below_a_thread_that_is_left(left: bool) -> None:
    command = [sys.executable, "-c", _PROGRAM.format(left=left)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    said = "last words;" if left else "last words;Python ended\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, said, "")


def vedette(arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a shell runs it, with its output gathered as Python does by default."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m agent.cli {arguments}"
    shell = ["bash", "-c", command]
    return subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False, env={**kept, **environment})


@pytest.mark.parametrize("verb", ["--help", "models list", "run --help"])
def test_a_reader_that_is_gone_is_no_failure(verb: str) -> None:
    ended = vedette(f"{verb} | (exec <&-; sleep 1)")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_bad_config_is_one_whoever_reads_of_it(tmp_path: Path) -> None:
    config = tmp_path / "vedette.yaml"
    config.write_text("nonsense: 1\n")
    assert vedette(f"check -c {config} --json | (exec <&-; sleep 1)").returncode == 2


def test_a_disk_that_is_full_is_said() -> None:
    ended = vedette("models list >/dev/full")
    assert ended.returncode == 1
    assert "cannot write: No space left" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_an_output_it_ends_as_ever(tmp_path: Path) -> None:
    assert vedette("models list >&-").returncode == 0
    config = tmp_path / "vedette.yaml"
    config.write_text("nonsense: 1\n")
    assert vedette(f"check -c {config} 2>&-").returncode == 2


@pytest.mark.parametrize("verb", ["check", "doctor"])
def test_a_current_folder_that_is_gone_is_said(tmp_path: Path, verb: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    called = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m agent.cli {verb} -c vedette.yaml"
    command = f"rmdir {folder}; {called}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "the current folder is gone" in ended.stderr


def test_a_user_without_a_home_folder_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a container, whose user stands in no list."""
    for name in ("HOME", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "vedette: this user has no home folder; set HOME\n"


def test_a_letter_that_the_locale_lacks_is_told_in_another_way(tmp_path: Path) -> None:
    config = tmp_path / "vedette.yaml"
    config.write_text("nonsense\N{SNOWMAN}: 1\n", "utf-8")
    ended = vedette(f"check -c {config}", PYTHONIOENCODING="latin-1")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


_INTERRUPTED = """
import sys
from agent.cli import main
early = set(sys.modules) & {"argparse", "importlib.metadata", "json", "pathlib", "signal"}
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "argparse":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
print(*early)
sys.exit(main(["models", "list"]))
"""


def test_ctrl_c_while_it_loads_is_no_crash() -> None:
    """In a Python without site-packages, whose own `.pth` files import what they like."""
    command = [sys.executable, "-S", "-c", _INTERRUPTED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "\n", ""), "imported before it can be interrupted"


@pytest.mark.parametrize(("wish", "coloured"), [("", True), ("1", False)])
def test_a_terminal_is_written_to_in_colours_unless_somebody_wants_none(
    wish: str, coloured: bool, tmp_path: Path
) -> None:
    config = tmp_path / "vedette.yaml"
    config.write_text("nonsense: 1\n")
    command = f"{shlex.quote(sys.executable)} -m agent.cli doctor -c {config} --only config"
    ours = {**os.environ, "NO_COLOR": wish}
    shown = subprocess.run(
        ["script", "-qec", command, "/dev/null"], capture_output=True, timeout=60, env=ours, check=False
    )
    assert b"unknown key" in shown.stdout
    assert (b"\x1b[" in shown.stdout) is coloured
