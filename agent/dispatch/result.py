"""What dispatch hands on: one answer per frame, in capture order, and the state of an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent.capture.frame import Frame
    from backends.detections import Detections, Unknown


@dataclass(frozen=True, slots=True)
class Result:
    """One frame's answer. `seen` is what the scene publishes, boxes in 0..1 of the picture, or Unknown.

    queue_ms: capture to start of inference; inference_ms: the engine alone. Both 0 when nothing was inferred.
    """

    frame: Frame
    seen: Detections | Unknown
    backend: str
    queue_ms: float = 0.0
    inference_ms: float = 0.0


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
    """state: loading, serving, degraded or failed. since: wall clock, seconds."""

    engine: str
    state: Literal["loading", "serving", "degraded", "failed"]
    backend: str
    device: str
    cause: str
    since: float
