"""What the fake engine is told to do: a JSON file read anew before each probe, load, run and close."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.contract import BackendUnavailable, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

_GARBAGE = b'\x00\xff{"op":"done","slot":0,"n":1}\nnot a message' + b"." * 200 + b"\n"


@dataclass(frozen=True, slots=True)
class Script:
    """Every key is optional; an unknown one is an error. The acts are those of `act`.

    probe, open, run, close: an act, or several separated by spaces ("garbage slow:0.2").
    after: so many runs of a loaded engine go well first. The worker's warm-up is the first, so 1, the default,
    spares it and 0 does not.
    boxes: what `run` answers, rows of x1, y1, x2, y2 (0..1), confidence, class_id; None: derived from the image.
    lie: "shape", "dtype", "count" (of tensors), "labels" (class ids that have no label), "nan", "size" (other
    than told, boxes beyond the image), each against what `info` says.
    leak: bytes, leak_fds: descriptors lost by each run. keep: holds on to the image. change: writes into it.
    noise: no two runs give the same. exclusive: the prefix of a lock file per device, "" for none.
    refuse: what `accepts` says; formats: what it takes. devices: ids. telemetry: what the engine tells, or an act.
    """

    probe: str = "ok"
    open: str = "ok"
    run: str = "ok"
    close: str = "ok"
    after: int = 1
    boxes: list[list[float]] | None = None
    lie: str = ""
    leak: int = 0
    leak_fds: int = 0
    keep: bool = False
    change: bool = False
    noise: bool = False
    exclusive: str = ""
    refuse: str = ""
    formats: list[str] = field(default_factory=lambda: ["onnx"])
    devices: list[str] = field(default_factory=lambda: ["fake:0"])
    streams: int = 1
    deadline: float = 5.0
    telemetry: dict[str, float] | str = field(default_factory=dict)


class Reader:
    """The script that an environment variable names (a path), or holds (JSON in braces)."""

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self._last = Script()

    def read(self) -> Script:
        """The script as it is now; while its file is being written, the one before. Raises TypeError on a wrong key."""
        named = os.environ.get(self._variable, "")
        try:
            text = named if named.startswith("{") else Path(named).read_text() if named else "{}"
            told: dict[str, Any] = json.loads(text)
        except (OSError, ValueError):
            return self._last
        self._last = Script(**told)
        return self._last


def act(words: str, where: str) -> None:
    """Does what the words say, one after the other.

    ok, slow:SECONDS, hang (with the interpreter's lock held, as native code does), pause (without), abort, segv,
    kill, exit, exit:CODE, unavailable, error, retriable, raise (an exception nobody declared), garbage (on stdout).
    """
    for word in words.split():
        verb, _, value = word.partition(":")
        if verb not in _ACTS:
            raise ValueError(f"the fake knows no act {word!r}; there are {', '.join(_ACTS)}")
        _ACTS[verb](value, where)


def _hang(_value: str, _where: str) -> None:
    while True:
        ctypes.PyDLL(None).pause()  # unlike CDLL, PyDLL keeps the interpreter's lock


def _pause(_value: str, _where: str) -> None:
    while True:
        time.sleep(3600)


def _unavailable(_value: str, where: str) -> None:
    raise BackendUnavailable(f"the fake device is gone at {where}", "edit the script")


def _error(_value: str, where: str) -> None:
    raise EngineError(f"the fake device failed at {where}")


def _retriable(_value: str, where: str) -> None:
    raise EngineError(f"the fake device failed once at {where}", retriable=True)


def _raise(_value: str, where: str) -> None:
    raise RuntimeError(f"something nobody declared at {where}")


_ACTS: dict[str, Callable[[str, str], object]] = {
    "ok": lambda *_: None,
    "slow": lambda seconds, _: time.sleep(float(seconds)),
    "hang": _hang,
    "pause": _pause,
    "abort": lambda *_: os.abort(),
    "segv": lambda *_: ctypes.memset(0, 0, 1),
    "kill": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda code, _: os._exit(int(code or 3)),
    "unavailable": _unavailable,
    "error": _error,
    "retriable": _retriable,
    "raise": _raise,
    "garbage": lambda *_: os.write(1, _GARBAGE),
}
