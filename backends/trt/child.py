"""Work on TensorRT that may take long, die or eat all memory, done in a child process and watched from here."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from backends import bridge
from backends.contract import ArtifactError, EngineError
from backends.trt.memory import RECIPE

if TYPE_CHECKING:
    from backends.contract import Progress

_TICK = 2.0
_HALF_WAY = 180.0
_MAX_REPLY = 1 << 20


class ChildDied(EngineError):
    """The child was ended by a signal, or ended without a word."""


def run_child(module: str, request: str, seconds: float, what: str, progress: Progress) -> dict[str, Any]:
    """Runs `python -m module FD` with `request` on stdin, and returns the last JSON line it wrote to FD.

    Lines {"phase": text} go to `progress`, at least one every two seconds; its output goes where ours goes. Raises
    EngineError after `seconds` (the child is killed), ChildDied, or what the child said: {"error": text, "kind": name};
    an OSError, which is the machine's and may pass, as a retriable one.
    """
    replies, writer = os.pipe()
    try:
        child = subprocess.Popen(
            bridge.command(sys.executable, module, str(writer)),
            stdin=subprocess.PIPE, stdout=sys.__stderr__, pass_fds=(writer,),
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
    except OSError as error:
        os.close(replies)
        raise EngineError(f"{what}: no child process: {error}", retriable=True) from error
    finally:
        os.close(writer)
    try:
        assert child.stdin is not None
        try:
            with child.stdin as pipe:
                pipe.write(request.encode())
        except BrokenPipeError:
            pass  # it died at once; its exit code says how
        answer = _watch(replies, seconds, what, progress)
        child.wait(10)
    except subprocess.TimeoutExpired:
        pass  # it answered and does not end; it is killed below
    finally:
        os.close(replies)
        if child.poll() is None:
            child.kill()
            child.wait()
    return _judged(answer, child.returncode, what)


def _watch(replies: int, seconds: float, what: str, progress: Progress) -> dict[str, Any]:
    """The last line, once the child has closed its end."""
    start, phase, buffer = time.monotonic(), "start", b""
    last: dict[str, Any] = {}
    while True:
        elapsed = time.monotonic() - start
        if elapsed > seconds:
            raise EngineError(f"{what} took more than {seconds:.0f} s; allow more with the option build_seconds")
        # Nobody knows how long it takes; this rises and never arrives.
        progress(f"{what}: {phase}", elapsed / (elapsed + _HALF_WAY))
        if not select.select([replies], [], [], min(_TICK, max(0.0, seconds - elapsed)))[0]:
            continue
        chunk = os.read(replies, 65536)
        if not chunk or len(buffer) > _MAX_REPLY:
            return last
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            last = json.loads(line)
            phase = last.get("phase", phase)


def _judged(answer: dict[str, Any], code: int, what: str) -> dict[str, Any]:
    if answer.get("error"):
        text, kind = f"{what}: {answer['error']}", answer.get("kind")
        raise ArtifactError(text) if kind == "ArtifactError" else EngineError(text, retriable=kind == "OSError")
    if answer.get("ok"):
        return answer
    if code == -signal.SIGKILL:
        raise ChildDied(f"{what} was killed, most likely because memory ran out; {RECIPE}")
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended without a word (exit code {code})"
    raise ChildDied(f"{what} {how}")
