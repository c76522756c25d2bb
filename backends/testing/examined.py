"""A backend in a real worker with somebody looking over its shoulder.

Stands between the worker and the backend that $VEDETTE_EXAMINE names ("module:Class") and turns what the worker alone
would not notice into an error that starts with `BREACH`.
"""

from __future__ import annotations

import gc
import hashlib
import os
import threading
import time
import weakref
from collections import OrderedDict, deque
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import API, BackendError, BackendUnavailable, Device, Engine, EngineError, EngineInfo, Progress
from backends.points import named
from backends.streams import unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact

VARIABLE = "VEDETTE_EXAMINE"
BREACH = "breach of contract"
_REMEMBERED = 8
_TOLERANCE = 1e-3
_FAST = 0.5
"""Seconds that even a busy machine does not need to read a sensor."""


class Examined:
    """The backend itself, as far as the worker can tell."""

    def __init__(self) -> None:
        self._inner = named(os.environ[VARIABLE])()
        for attribute, kind in (("name", str), ("api", int), ("options", type)):
            if not isinstance(getattr(self._inner, attribute, None), kind):
                raise TypeError(f"{BREACH}: the backend's {attribute!r} is not of type {kind.__name__}")
        if self._inner.api != API:
            raise TypeError(f"{BREACH}: it is written for contract {self._inner.api}; this is {API}")
        if not is_dataclass(self._inner.options):
            raise TypeError(f"{BREACH}: its options are not a dataclass")
        self.name, self.api, self.options = self._inner.name, self._inner.api, self._inner.options
        self.open_seconds = float(getattr(self._inner, "open_seconds", 120.0))

    def probe(self) -> list[Device]:
        try:
            found: list[Device] = self._inner.probe()
        except BackendUnavailable:
            raise
        except Exception as e:
            raise BackendUnavailable(f"{BREACH}: probe raises {type(e).__name__}: {e}") from e
        if not found or not all(isinstance(device, Device) for device in found):
            raise BackendUnavailable(
                f"{BREACH}: probe returns {found!r}; without a device it raises BackendUnavailable"
            )
        return found

    def accepts(self, artifact: Artifact) -> str | None:
        refusal: str | None = self._inner.accepts(artifact)
        return refusal

    def load(self, artifact: Artifact, device: Device, options: Any, progress: Progress) -> Engine:
        def told(phase: str, done: float) -> None:
            if not phase or not 0.0 <= done <= 1.0:
                raise EngineError(f"{BREACH}: progress({phase!r}, {done!r}); done goes from 0 to 1")
            progress(phase, done)

        try:
            engine = self._inner.load(artifact, device, options, told)
        except BackendError:
            raise
        except Exception as e:
            raise EngineError(f"{BREACH}: load raises {type(e).__name__}: {e}") from e
        return ExaminedEngine(engine, self.name, device)


class ExaminedEngine:
    def __init__(self, inner: Any, backend: str, device: Device) -> None:
        self._inner = inner
        self.info: EngineInfo = inner.info
        if (self.info.backend, self.info.device) != (backend, device.id):
            raise EngineError(
                f"{BREACH}: info names {self.info.backend} on {self.info.device}, loaded was {backend} on {device.id}"
            )
        if self.info.streams < 1 or self.info.deadline <= 0:
            raise EngineError(f"{BREACH}: {self.info.streams} streams, a deadline of {self.info.deadline} s")
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, list[NDArray[Any]]] = OrderedDict()
        self._images: deque[weakref.ref[Any]] = deque(maxlen=_REMEMBERED + 2 * self.info.streams)

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        given = image.copy()
        try:
            outputs = self._inner.run(given)
        except EngineError:
            raise
        except Exception as e:
            raise EngineError(f"{BREACH}: run raises {type(e).__name__}: {e}, which is not an EngineError") from e
        if not np.array_equal(given, image):
            raise EngineError(f"{BREACH}: run changes the image")
        self._check_shapes(outputs)
        answer = [np.array(output) for output in outputs]
        given[:] = 255 - given
        if not all(map(_same, outputs, answer)):
            raise EngineError(f"{BREACH}: the outputs change with the image after run has returned")
        self._check_again(hashlib.sha256(image.tobytes()).hexdigest(), answer)
        self._check_kept(weakref.ref(given))
        return answer

    def telemetry(self) -> dict[str, float]:
        """The worker leaves out what cannot be read, so a breach shows as a value that no sensor has."""
        if not hasattr(self._inner, "telemetry"):
            return {}
        began = time.monotonic()
        try:
            told: Any = self._inner.telemetry()
            fits = all(isinstance(key, str) and isinstance(value, (int, float)) for key, value in told.items())
        except Exception as e:  # noqa: BLE001 - whatever it is, the author is told
            return {f"{BREACH}: telemetry raises {type(e).__name__}: {e}": 0.0}
        if not fits:
            return {f"{BREACH}: telemetry gives {told!r}, not numbers by name": 0.0}
        took = time.monotonic() - began
        slow = {f"{BREACH}: telemetry takes {took:.1f} s, in which no frame is run": 0.0} if took > _FAST else {}
        return {**told, **slow}

    def close(self) -> None:
        self._inner.close()
        self._inner.close()

    def _check_shapes(self, outputs: Sequence[NDArray[Any]]) -> None:
        if difference := unlike(outputs, self.info.outputs):
            raise EngineError(f"{BREACH}: {difference}")

    def _check_again(self, image: str, answer: list[NDArray[Any]]) -> None:
        with self._lock:
            before = self._answers.setdefault(image, answer)
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem()
        if not all(map(_same, before, answer)):
            raise EngineError(f"{BREACH}: run answers the same image in two ways")

    def _check_kept(self, image: weakref.ref[Any]) -> None:
        """An image may live on until the thread's next call, as a runtime's input does; not longer."""
        most = 2 * self.info.streams
        with self._lock:
            self._images.append(image)
            if sum(ref() is not None for ref in self._images) <= most:
                return
            gc.collect()
            alive = sum(ref() is not None for ref in self._images)
        if alive > most:
            raise EngineError(f"{BREACH}: the engine keeps images: {alive} of the last {len(self._images)} are alive")


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """The same within what parallel sums on a chip may differ by."""
    return one.shape == other.shape and np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
