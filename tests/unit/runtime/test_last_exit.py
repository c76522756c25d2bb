"""How a run ended, as the next one finds out: with real processes that are ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.runtime.last_exit import LINE_BYTES, LINES, MARK, MOST, WORD, Mark

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
import logging, os, signal, sys
from pathlib import Path
from agent.runtime.last_exit import LastLines, Mark
from agent.runtime.log import Log
folder = Path(sys.argv[1])
mark = Mark(folder, folder)
mark.begin()
Log("info").also(LastLines(folder))
for n in range(int(sys.argv[3])):
    logging.getLogger("vedette.test").info("line %d \\u00e4", n)
if sys.argv[2] == "clean":
    mark.end()
elif sys.argv[2] == "crash":
    mark.end(crashed=True)
else:
    os.kill(os.getpid(), int(sys.argv[2]))
"""


def ended(folder: Path, how: str, lines: int = 3) -> None:
    command = [sys.executable, "-c", RUN, str(folder), how, str(lines)]
    subprocess.run(command, check=False, timeout=30, stderr=subprocess.DEVNULL)


def test_the_first_run_and_one_after_a_clean_one(tmp_path: Path) -> None:
    assert Mark(tmp_path, tmp_path).begin().reason == "first"
    ended(tmp_path, "clean")
    last = Mark(tmp_path, tmp_path).begin()
    assert (last.reason, last.lines) == ("clean", ())


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGABRT])
def test_the_last_lines_of_a_killed_run_are_there(tmp_path: Path, signum: int) -> None:
    ended(tmp_path, str(int(signum)))
    last = Mark(tmp_path, tmp_path).begin()
    assert last.reason == "unclean"
    assert [line.split(": ", 1)[1] for line in last.lines] == ["line 0 ä", "line 1 ä", "line 2 ä"]


def test_they_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    ended(tmp_path, str(int(signal.SIGKILL)), 3 * MOST + 7)
    last = Mark(tmp_path, tmp_path).begin()
    assert len(last.lines) == MOST
    assert "line 156" in last.lines[-1]
    assert "line 107" in last.lines[0]
    assert (tmp_path / LINES).stat().st_size == MOST * LINE_BYTES


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("watchdog dumped ABRT", "watchdog"),
        ("oom-kill killed KILL", "oom"),
        ("signal killed KILL", "signal KILL"),
        ("core-dump dumped SEGV", "signal SEGV"),
        ("timeout killed KILL", "timeout"),
        ("exit-code exited 1", "unclean"),
        ("", "unclean"),
        ("junk", "unclean"),
        ("signal killed \x1b[2J", "unclean"),
    ],
)
def test_systemd_says_why(tmp_path: Path, word: str, reason: str) -> None:
    Mark(tmp_path, tmp_path).begin()
    (tmp_path / WORD).write_text(word + "\n")
    assert Mark(tmp_path, tmp_path).begin().reason == reason
    assert Mark(tmp_path, tmp_path).begin().reason == "unclean", "an old word is not believed again"


def test_another_start_of_the_machine_in_between_is_a_loss_of_power(tmp_path: Path) -> None:
    Mark(tmp_path, tmp_path, "one").begin()
    assert Mark(tmp_path, tmp_path, "two").begin().reason == "power_loss"


def test_an_error_of_our_own_is_a_crash(tmp_path: Path) -> None:
    ended(tmp_path, "crash")
    last = Mark(tmp_path, tmp_path).begin()
    assert last.reason == "crash"
    assert len(last.lines) == 3


@pytest.mark.parametrize(
    ("text", "reason"), [("clean\n", "clean"), ("unclean\n", "unclean"), ("{", "unclean"), ("[]", "unclean")]
)
def test_what_earlier_versions_or_nobody_wrote(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / MARK).write_text(text)
    assert Mark(tmp_path, tmp_path).begin().reason == reason


def test_a_torn_file_of_lines_gives_what_makes_sense(tmp_path: Path) -> None:
    ended(tmp_path, str(int(signal.SIGKILL)))
    data = bytearray((tmp_path / LINES).read_bytes())
    data[LINE_BYTES : LINE_BYTES + 4] = b"\xff\x00zz"
    (tmp_path / LINES).write_bytes(data[: 2 * LINE_BYTES + 40])
    lines = Mark(tmp_path, tmp_path).begin().lines
    assert len(lines) == 2
    assert "line 0" in lines[0]


def test_folders_that_cannot_be_used_are_no_reason_not_to_run(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "gone", tmp_path / "gone")
    assert mark.begin().reason == "first"
    mark.end()


def test_a_damaged_mark_and_a_word_that_cannot_be_removed_do_not_keep_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / MARK).write_bytes(b"\xff\xfe\x00")
    (tmp_path / WORD).mkdir()
    assert Mark(tmp_path, tmp_path).begin().reason == "unclean"
    (tmp_path / WORD).rmdir()
    (tmp_path / WORD).write_bytes(b"\xff\xff \xff \xff")
    assert Mark(tmp_path, tmp_path).begin().reason == "unclean"
