"""A child that is asked once: its answer, its progress, its end, and nothing of it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends import child
from tests.support.brokers import wait_for
from tests.support.processes import command_of

ROOT = Path(__file__).parents[3]


def ask(code: str, request: str = "", timeout: float = 30.0) -> tuple[child.Answer, list[tuple[str, float]]]:
    told: list[tuple[str, float]] = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = child.ask(
        [sys.executable, "-c", code], environment, request, timeout, lambda phase, done: told.append((phase, done))
    )
    return answer, told


def test_what_it_says_comes_apart() -> None:
    answer, told = ask(
        "import sys; from backends.child import tell\n"
        "tell('build it', 0.25); print('note', file=sys.stderr); tell('build it', 1.0)\n"
        "print(sys.stdin.read()[::-1])",
        "abc",
    )
    assert answer == child.Answer(0, "cba\n", ("note",))
    assert told == [("build it", 0.25), ("build it", 1.0)]


def test_more_than_a_pipe_holds_in_both_directions() -> None:
    answer, _ = ask("import sys; t = sys.stdin.read(); sys.stderr.write(t); print(t)", "x" * 300_000 + "\n")
    assert len(answer.output) == 300_002
    assert sum(map(len, answer.errors)) == 300_000


def test_a_child_that_does_not_listen_and_one_that_dies() -> None:
    answer, _ = ask("import os; os.close(0); os.abort()", "x" * 300_000)
    assert answer.code == -6


def test_only_the_last_errors_are_kept() -> None:
    answer, _ = ask("import sys; [print(i, file=sys.stderr) for i in range(1000)]")
    assert answer.errors[-1] == "999"
    assert len(answer.errors) == 200


def test_a_child_that_takes_too_long_is_dead_with_its_own_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import subprocess, sys, time, pathlib\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(p.pid)); time.sleep(60)"
    )
    with pytest.raises(TimeoutError):
        ask(code, timeout=2.0)
    status = Path(f"/proc/{pid.read_text()}/stat")
    for _ in range(100):
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child of the child lives on")


def test_a_child_that_reads_nothing_is_not_waited_for_longer() -> None:
    with pytest.raises(TimeoutError):
        ask("import time; time.sleep(60)", "x" * 300_000, timeout=0.5)


def test_no_such_program() -> None:
    with pytest.raises(FileNotFoundError):
        child.ask(["/no/such/program"], {}, "", 1.0, lambda _phase, _done: None)


def test_it_dies_with_its_parent_however_that_ends() -> None:
    dies = "import time; from backends.child import die_with_parent; die_with_parent(); print('tied'); time.sleep(60)"
    starts = (
        "import os, subprocess, sys\n"
        f"tied = subprocess.Popen([sys.executable, '-uc', {dies!r}], stdout=subprocess.PIPE)\n"
        "tied.stdout.readline()\n"
        "print(tied.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", starts], env=environment, capture_output=True, timeout=30, check=False)
    pid = int(done.stdout)
    wait_for(lambda: not command_of(pid))  # nothing is left to read of a zombie


def test_one_whose_parent_was_faster_does_not_begin() -> None:
    answer, _ = ask(f"from backends.child import die_with_parent; die_with_parent({os.getpid() + 1}); print('begun')")
    assert answer == child.Answer(1, "", ("the starter is gone already",))
