"""The words between the daemon and a worker process: JSON lines on two pipes, pictures and results in one mapped file.

Plain on purpose, so that any interpreter can serve it (no pickle, nothing of this package is needed on the other side).

    daemon                                     worker
                                            <- hello {version, pid}
    probe {}                                -> devices {devices} | unavailable {reason, hint}
    accepts {artifact}                      -> accepted {refusal: null or why not}
    load {artifact, device, options, own}   -> progress {phase, done, within} ...
                                               ready {info, input, labels, slots, bytes}
                                             | refused {text} | unavailable {reason, hint} | error {text, retriable}
    map {path}                              -> mapped {}
    run {slot, n, floor}                    -> done {slot, n, count, start, infer_ms}
                                             | error {slot, n, retriable, text}
                                               telemetry {values} (at most every 10 s, beside the answers)
    close {}                                   (exits)

`options` is offered to every backend, which takes what it knows; `own` is for this one. `refused` means that this
backend cannot run this artifact at all; another may be tried in the same worker. `within`: seconds within which the
next word of `load` comes; `progress` may also come before the answer to a `run` that has to open its device again. `n`
is the daemon's number of the job: an answer that names another job than the slot holds is stale. `start` is
CLOCK_MONOTONIC, which both sides share.

There are `streams` + 1 slots, at most 64. A slot is an RGB image, uint8 (height, width, 3), and behind it up to 300
result rows, float32 (n, 6): x1, y1, x2, y2 in pixels of the model's input, confidence, class_id.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
MAX_DETECTIONS = 300
MAX_SLOTS = 64
MAX_LINE = 1 << 20
PROBE_SECONDS = 30.0
"""How long a `probe` may take: alone, or as the beginning of a `load`, which may have longer for itself."""
_PAGE = 4096
_ROW = 6 * 4

Message = dict[str, Any]
_JSON = json.JSONEncoder(separators=(",", ":")).encode
_READ = json.JSONDecoder().decode  # `json.loads` would look for the encoding of each line


class ProtocolError(Exception):
    """The other side sent something that is not this protocol."""


@dataclass(frozen=True, slots=True)
class SlotLayout:
    """Where each slot's image and results lie in the mapped file. Both sides compute it from `ready`."""

    height: int
    width: int
    slots: int

    @property
    def _results_at(self) -> int:
        return -(-self.height * self.width * 3 // 64) * 64

    @property
    def stride(self) -> int:
        return -(-(self._results_at + MAX_DETECTIONS * _ROW) // _PAGE) * _PAGE

    @property
    def size(self) -> int:
        return self.stride * self.slots

    def image(self, memory: memoryview, slot: int) -> NDArray[np.uint8]:
        """uint8 (height, width, 3), a view."""
        start = slot * self.stride
        flat = np.frombuffer(memory, np.uint8, self.height * self.width * 3, start)
        return flat.reshape(self.height, self.width, 3)

    def results(self, memory: memoryview, slot: int) -> NDArray[np.float32]:
        """float32 (300, 6), a view."""
        start = slot * self.stride + self._results_at
        return np.frombuffer(memory, np.float32, MAX_DETECTIONS * 6, start).reshape(MAX_DETECTIONS, 6)


def encode(op: str, **fields: Any) -> bytes:
    return (_JSON({"op": op, **fields}) + "\n").encode()


def encode_run(slot: int, n: int, floor: float) -> bytes:
    """As `encode`, for the word of every frame: through a template it costs an eighth."""
    return b'{"op":"run","slot":%d,"n":%d,"floor":%.6f}\n' % (slot, n, floor)


def encode_done(slot: int, n: int, count: int, start: float, infer_ms: float) -> bytes:
    """As `encode_run`."""
    words = b'{"op":"done","slot":%d,"n":%d,"count":%d,"start":%.6f,"infer_ms":%.3f}\n'
    return words % (slot, n, count, start, infer_ms)


class LineReader:
    """Messages out of a pipe's descriptor. Blocking or not is the descriptor's own setting."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self.ended = False

    def read(self) -> Message | None:
        """The next message; None at the end of the stream. Blocks."""
        while (message := self._next()) is None:
            if not self._fill():
                return None
        return message

    def drain(self) -> list[Message]:
        """What has come so far, by one read that does not wait (the descriptor must be non-blocking)."""
        if not self.ended:
            with contextlib.suppress(BlockingIOError):
                self._fill()
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _fill(self) -> bool:
        chunk = os.read(self._fd, 8192)
        self.ended = not chunk
        self._buffer += chunk
        if len(self._buffer) > MAX_LINE:
            raise ProtocolError(f"a message of more than {MAX_LINE} bytes")
        return bool(chunk)

    def _next(self) -> Message | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            message = _READ(line.decode())
        except (ValueError, RecursionError) as e:  # the latter for ten thousand brackets
            raise ProtocolError(f"not a JSON line: {line[:80]!r}") from e
        if not isinstance(message, dict) or not isinstance(message.get("op"), str):
            raise ProtocolError(f"a message without an op: {line[:80]!r}")
        return message
