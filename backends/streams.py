"""The threads that run one loaded engine in its worker, one for each of its streams.

They follow one another as leader: the one that holds the lock reads the next request and, before it works on it, hands
the reading over. So a frame needs no queue and no extra thread hop, and the runtime has as many `run` calls in flight
as it has streams.
"""

from __future__ import annotations

import math
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import EngineError
from backends.protocol import MAX_DETECTIONS, LineReader, Message, SlotLayout, encode, encode_done

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.contract import Engine, EngineInfo, Output
    from backends.detections import Detections
    from backends.heads import Head

_TELEMETRY_SECONDS = 10.0


class Streams:
    """As many threads as the engine has streams, each a leader in its turn."""

    def __init__(
        self,
        reader: LineReader,
        replies: int,
        engine: Engine,
        heads: Sequence[Head],
        layout: SlotLayout,
        memory: memoryview,
    ) -> None:
        self._reader = reader
        self._replies = replies
        self._engine = engine
        self._heads = heads
        self._images = [layout.image(memory, i) for i in range(layout.slots)]
        self._results = [layout.results(memory, i) for i in range(layout.slots)]
        self._leader = threading.Lock()
        self._telemetry = getattr(engine, "telemetry", None)
        self._telemetry_at = 0.0
        self._over = False
        self._other: Message | None = None

    def run(self) -> Message | None:
        """Serves until a message comes that is not `run`; returns it (None at the end of the stream)."""
        threads = [
            threading.Thread(target=self._follow, args=(head,), name=f"stream-{i}")
            for i, head in enumerate(self._heads[1:], 1)
        ]
        for thread in threads:
            thread.start()
        self._follow(self._heads[0])
        for thread in threads:
            thread.join()
        return self._other

    def _follow(self, head: Head) -> None:
        while True:
            with self._leader:
                if self._over:
                    return
                message = self._reader.read()
                if message is None or message["op"] != "run":
                    self._over, self._other = True, message
                    return
                if self._telemetry is not None and time.monotonic() >= self._telemetry_at:
                    self._tell()
            os.write(self._replies, self._serve(head, message["slot"], message["n"], message["floor"]))

    def _tell(self) -> None:
        self._telemetry_at = time.monotonic() + _TELEMETRY_SECONDS
        assert self._telemetry is not None
        try:
            values = {str(k): float(v) for k, v in self._telemetry().items()}
        except Exception:  # noqa: BLE001 - a sensor that cannot be read costs its figure, not a frame
            return
        os.write(self._replies, encode("telemetry", values=values))

    def _serve(self, head: Head, slot: int, n: int, floor: float) -> bytes:
        start = time.monotonic()
        try:
            outputs = self._engine.run(self._images[slot])
            inferred = time.monotonic()
            _check(outputs)
            found = _fitting(decoded(head, outputs, floor, self._engine.info))
            count = len(found)
            rows = self._results[slot]
            rows[:count, :4] = found.xyxy
            rows[:count, 4] = found.confidence
            rows[:count, 5] = found.class_id
        except EngineError as e:
            return encode("error", slot=slot, n=n, text=str(e), retriable=e.retriable)
        except Exception as e:  # noqa: BLE001 - whatever a runtime raises ends this frame, not the process
            return encode("error", slot=slot, n=n, text=f"{type(e).__name__}: {e}", retriable=False)
        return encode_done(slot, n, count, start, (inferred - start) * 1e3)


def decoded(head: Head, outputs: Sequence[NDArray[Any]], floor: float, info: EngineInfo) -> Detections:
    """Raises EngineError where the head stumbles over outputs that are not those of `info`."""
    try:
        return head.decode(outputs, floor)
    except EngineError:
        raise
    except Exception as e:
        if isinstance(outputs, (list, tuple)) and (difference := unlike(outputs, info.outputs)):
            raise EngineError(difference) from e
        raise


def unlike(outputs: Sequence[Any], declared: Sequence[Output]) -> str:
    """How what run returned differs from what info declares; "" where it does not."""
    found = [
        f"{getattr(tensor, 'dtype', type(tensor).__name__)} {getattr(tensor, 'shape', '')}".rstrip()
        for tensor in outputs
    ]
    fits = len(outputs) == len(declared) and all(
        getattr(tensor, "dtype", None) == output.dtype
        and len(tensor.shape) == len(output.shape)
        and all(stated in {-1, size} for size, stated in zip(tensor.shape, output.shape, strict=True))
        for tensor, output in zip(outputs, declared, strict=True)
    )
    wanted = ", ".join(f"{output.dtype} {output.shape}" for output in declared)
    return "" if fits else f"run returns {', '.join(found)}; info says {wanted}"


def _check(outputs: Sequence[NDArray[Any]]) -> None:
    """Raises EngineError for an output without a number in it, as of half precision that overflowed.

    To a head NaN is no score that counts, so nobody would be there; but nobody knows.
    """
    for index, output in enumerate(outputs):
        if output.dtype.kind == "f" and output.size and math.isnan(output.flat[0]) and np.isnan(output).all():
            raise EngineError(f"output {index} contains only NaN", retriable=True)


def _fitting(found: Detections) -> Detections:
    """The best of them, as many as a slot has rows for."""
    if len(found) <= MAX_DETECTIONS:
        return found
    return found[np.argsort(-found.confidence, kind="stable")[:MAX_DETECTIONS]]
