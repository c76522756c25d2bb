"""What dispatch hands on: one answer per frame, in capture order, and the state of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from agent.capture.frame import Frame
    from agent.perception.facts import Box, Facts
    from backends.detections import Detections, Unknown


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a snapshot is made of. Nobody writes to it any more, so any thread may read it.

    image: uint8 (h, w, 3) RGB, rotated, what is private black. box: the object, in 0..1 of `image`.
    whole: the whole picture, and not a crop around the object.
    """

    image: NDArray[np.uint8]
    box: Box
    whole: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One frame's answer. facts: what the scene made of it.

    frame: its `picture` may be gone. backend, rev: who looked, and with which file (the first 8 hex digits of its
    sha256). queue_ms: capture to start of the first inference; inference_ms: the engine alone, over all crops. All
    empty when nothing was inferred. pictures: by track id, the best view so far of what starts, changes and ends.
    """

    frame: Frame
    facts: Facts
    backend: str = ""
    rev: str = ""
    queue_ms: float = 0.0
    inference_ms: float = 0.0
    pictures: Mapping[int, Pixels] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """A slot's answer. started: time.monotonic() when inference began, 0 if it never did."""

    slot: int
    n: int
    seen: Detections | Unknown
    started: float = 0.0
    inference_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What is said of an engine that serves or should.

    state: loading, serving, degraded (it serves in place of a better one) or failed. since: wall clock, seconds.
    fallback: the engine that would take over, None where there is none.
    """

    engine: str
    state: Literal["loading", "serving", "degraded", "failed"]
    backend: str
    device: str
    cause: str
    fallback: str | None
    since: float
