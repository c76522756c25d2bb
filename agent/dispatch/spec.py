"""What an engine is to be: the same model in one or more files, for one backend."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.artifact import Artifact
    from backends.registry.registered import Registered


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """id: the topic level of this engine. artifacts: the first that the backend accepts is used.

    expected: somebody counts on this engine, so that its absence is a fault and not just how this machine is.
    """

    id: str
    program: Registered
    artifacts: tuple[Artifact, ...]
    options: Mapping[str, Any]
    device: str | None = None
    expected: bool = True

    @property
    def log_fields(self) -> dict[str, str]:
        """For the log's lines about it."""
        return {"ENGINE": self.id, "BACKEND": self.program.name}


@dataclass(slots=True)
class EngineCounters:
    runs: int = 0
    errors: int = 0
    restarts: int = 0
    inference_ms: deque[float] = field(default_factory=lambda: deque(maxlen=512))
    inference: Histogram = field(default_factory=Histogram)

    def ran(self, milliseconds: float) -> None:
        self.runs += 1
        self.inference_ms.append(milliseconds)
        self.inference.observe(1e-3 * milliseconds)
