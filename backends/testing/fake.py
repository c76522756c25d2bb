"""An engine without a chip that does whatever its script says: also hang, abort, leak and lie.

    VEDETTE_FAKE=/tmp/script.json python -m backends.worker ... fake backends.testing.fake:Fake
    {"run": "hang", "after": 20}

For tests of what surrounds an engine. Its model is any file of format onnx (`backends.testing.model`), which it does
not read; its head is `boxes`.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import API, ArtifactError, BackendUnavailable, Device, EngineInfo, Output, Progress
from backends.testing.script import Reader, act

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.testing.script import Script


@dataclass(frozen=True, slots=True)
class Options:
    """boxes: how many rows the output has."""

    boxes: int = 1


class Fake:
    """Reads the script that $VEDETTE_FAKE names. `Fake2` and `Fake3` have scripts of their own, for a ladder."""

    name = "fake"
    api = API
    options = Options
    variable = "VEDETTE_FAKE"

    def __init__(self) -> None:
        self._script = Reader(self.variable)

    def probe(self) -> list[Device]:
        script = self._script.read()
        act(script.probe, "probe")
        return [Device(device, "a fake device") for device in script.devices]

    def accepts(self, artifact: Artifact) -> str | None:
        script = self._script.read()
        if script.refuse:
            return script.refuse
        if artifact.format not in script.formats:
            return f"{artifact.path.name} is {artifact.format}; {self.name} reads {', '.join(script.formats)}"
        return None

    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> FakeEngine:
        script = self._script.read()
        progress("open", 0.0)
        act(script.open, "open")
        if not artifact.path.is_file():
            raise ArtifactError(f"{artifact.path}: is not a file")
        lock = _hold(f"{script.exclusive}{device.id}") if script.exclusive else None
        info = EngineInfo(
            backend=self.name,
            device=device.id,
            version="1",
            precision="f32",
            streams=script.streams,
            exclusive=bool(script.exclusive),
            outputs=(Output("boxes", (1, len(script.boxes or [()] * options.boxes), 6), "float32"),),
            deadline=script.deadline,
        )
        return FakeEngine(info, self._script, lock)


class Fake2(Fake):
    name = "fake2"
    variable = "VEDETTE_FAKE2"


class Fake3(Fake):
    name = "fake3"
    variable = "VEDETTE_FAKE3"


def expected_row(red: float, green: float, blue: float) -> tuple[float, float, float, float, float, float]:
    """What an image of one colour (0..255 each) is answered with when the script has no `boxes`.

    So an answer that belongs to another image is told from the right one.
    """
    return red / 510, green / 510, 0.5 + blue / 510, 1.0, 0.9, 0.0


class FakeEngine:
    def __init__(self, info: EngineInfo, script: Reader, lock: int | None) -> None:
        self.info = info
        self._script = script
        self._lock = lock
        self._runs = count()
        self._lost: list[Any] = []

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """See `Engine.run`: one tensor float32 (1, n, 6)."""
        script = self._script.read()
        number = next(self._runs)
        if number >= script.after:
            act(script.run, "run")
        self._lose(script, image)
        rows = np.empty((1, *self.info.outputs[0].shape[1:]), np.float32)
        red, green, blue = image[::4, ::4].reshape(-1, 3).mean(0)
        rows[:] = script.boxes if script.boxes is not None else expected_row(red, green, blue)
        if script.noise:
            rows[..., 4] = 0.5 + (number % 100) / 1000
        if script.change:
            image[:] = 0
        return _lie(script.lie, rows)

    def telemetry(self) -> dict[str, float]:
        told = self._script.read().telemetry
        if isinstance(told, str):
            act(told, "telemetry")
            return {}
        return told

    def close(self) -> None:
        act(self._script.read().close, "close")
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _lose(self, script: Script, image: NDArray[np.uint8]) -> None:
        if script.keep:
            self._lost.append(image)
        if script.leak:
            self._lost.append(np.ones(script.leak, np.uint8))
        for _ in range(script.leak_fds):
            self._lost.append(os.open(os.devnull, os.O_RDONLY))


def _hold(path: str) -> int:
    """A locked descriptor. A process that dies lets go of it, as of a device."""
    lock = os.open(Path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        os.close(lock)
        raise BackendUnavailable(f"{path} is in use by another process", "stop the other one") from e
    return lock


def _lie(about: str, rows: NDArray[np.float32]) -> list[NDArray[Any]]:
    if about == "shape":
        return [rows[..., :5]]
    if about == "dtype":
        return [rows.astype(np.float64)]
    if about == "count":
        return [rows, rows]
    if about == "labels":
        rows[..., 5] = 9999
    elif about == "nan":
        rows[..., :4] = np.nan
    elif about == "size":
        rows[..., :4] *= 100
    return [rows]
