"""A child process that is asked once, and says how far it is on standard error while it works."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backends.contract import Progress

_MARK = "\x1eprogress "
_KEPT_LINES = 200
_ENDING_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """code: negative for the signal that ended it. errors: the last lines it wrote to standard error."""

    code: int
    output: str
    errors: tuple[str, ...]


def ask(
    command: Sequence[str], environment: Mapping[str, str], request: str, timeout: float, progress: Progress
) -> Answer:
    """Runs the child with `request` on its standard input. progress is called on another thread.

    Raises TimeoutError when it took longer than `timeout` seconds, it is then dead, and OSError when it cannot start.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        errors="replace",
        env=dict(environment),
        start_new_session=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        output: list[str] = []
        errors: deque[str] = deque(maxlen=_KEPT_LINES)
        threads = [
            threading.Thread(target=_feed, args=(child.stdin, request), daemon=True),
            threading.Thread(target=_read, args=(child.stdout, output), daemon=True),
            threading.Thread(target=_listen, args=(child.stderr, errors, progress), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired as e:
            raise TimeoutError from e
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # its own children hold the pipes open
            for thread in threads:
                thread.join(_ENDING_SECONDS)
    return Answer(child.returncode, "".join(output), tuple(errors))


def killed_by(number: int) -> str:
    """In the words of `kill -l`; which signal it was tells a crash from a machine without memory."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"killed by {name}" + ", as when memory runs out" * (number == signal.SIGKILL)


def die_with_parent(parent: int | None = None) -> None:
    """In the child: the kernel kills it when the thread that started it ends, however that happens.

    parent: the starter's process id, if it is known: SystemExit where that one has ended before the kernel was told.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        sys.exit("the starter is gone already")


def tell(phase: str, done: float) -> None:
    """In the child: a step for the parent's `progress`."""
    sys.stderr.write(f"{_MARK}{done:.3f} {phase}\n")
    sys.stderr.flush()


def _feed(stream: IO[str], request: str) -> None:
    """On a thread of its own: a pipe holds 64 KiB, and a child need not read."""
    with contextlib.suppress(ValueError, OSError), stream:
        stream.write(request)


def _read(stream: IO[str], output: list[str]) -> None:
    with contextlib.suppress(ValueError, OSError):
        output.append(stream.read())


def _listen(stream: IO[str], errors: deque[str], progress: Progress) -> None:
    with contextlib.suppress(ValueError, OSError):
        for line in stream:
            if not line.startswith(_MARK):
                errors.append(line.rstrip())
                continue
            done, _, phase = line[len(_MARK) :].strip().partition(" ")
            with contextlib.suppress(ValueError):
                progress(phase, float(done))
