"""What a worker's words say, read whole before anything follows from them: any interpreter may have written them.

All raise one of UNREADABLE for words that are not of `backends.protocol`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.dispatch.result import Done
from agent.dispatch.slots import detections
from backends.detections import Unknown
from backends.protocol import MAX_SLOTS, Message, SlotLayout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
_RUN_SECONDS = (0.1, 60.0)


@dataclass(frozen=True, slots=True)
class Ready:
    """A loaded engine. seconds: how long a run may take."""

    info: Mapping[str, Any]
    layout: SlotLayout
    streams: int
    seconds: float


def finite(words: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = float(words[key] if default is None else words.get(key, default))
    if not math.isfinite(value):
        raise ValueError(f"{key} is {value}")
    return value


def ready(message: Message) -> Ready:
    layout = SlotLayout(message["input"]["height"], message["input"]["width"], message["slots"])
    if not 1 <= layout.slots <= MAX_SLOTS:
        raise ValueError(f"{layout.slots} slots; there are 1 to {MAX_SLOTS}")
    if layout.size != message["bytes"]:
        raise ValueError(f"{layout.slots} slots in {message['bytes']} bytes")
    info = dict(message["info"])
    streams = int(info["streams"])
    if not 1 <= streams <= layout.slots:
        raise ValueError(f"{streams} streams with {layout.slots} slots")
    least, most = _RUN_SECONDS
    return Ready(info, layout, streams, min(max(finite(info, "deadline", 5.0), least), most))


def done(message: Message, results: Sequence[NDArray[np.float32]], labels: int) -> Done:
    """results: of each slot. labels: how many the model has."""
    slot, count = int(message["slot"]), int(message["count"])
    rows = results[slot]
    if not 0 <= count <= len(rows):
        raise ValueError(f"count is {count}")
    started, milliseconds = finite(message, "start"), finite(message, "infer_ms")
    return Done(slot, int(message["n"]), detections(rows, count, labels), started, milliseconds)


def error(message: Message) -> tuple[Done, str, bool]:
    """The frame's answer, its reason, and whether the next frame may work."""
    text = str(message["text"]) or "it failed without a word"
    return Done(int(message["slot"]), int(message["n"]), Unknown(text)), text, bool(message.get("retriable"))


def telemetry(message: Message) -> dict[str, float]:
    """What is a number of it: a sensor that says NaN has no figure to tell."""
    values = {str(key): float(value) for key, value in message["values"].items()}
    return {key: value for key, value in values.items() if math.isfinite(value)}
