"""How the process ends where a thread is left that will not: one that FFmpeg holds asks a Python that is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
