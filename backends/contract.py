"""The contract between Vedette and an engine: small enough that a new chip is one file.

BackendError (a message for the user: what is wrong, where, and the fix)
+-- BackendUnavailable   this machine cannot use the backend: library, device or permission missing
+-- ArtifactError        the model file is not one, is damaged, or says too little or contradicts itself
+-- FetchError           a model or clip did not come; nothing of it was left behind
+-- EngineError          a loaded engine failed; `retriable` says whether the next frame may work
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backends.artifact import Artifact

API = 1
Progress = Callable[[str, float], None]
"""Called with a phase ("compile", "tune") and how much of it is done, 0..1: any call says that the work goes on.

Users see the share of a phase whose name begins with `build`.
"""


class BackendError(Exception):
    """Base of everything this package raises on purpose; its text is meant for the user."""


class BackendUnavailable(BackendError):
    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(f"{reason} ({hint})" if hint else reason)
        self.reason = reason
        self.hint = hint


class ArtifactError(BackendError):
    pass


class FetchError(BackendError):
    pass


class EngineError(BackendError):
    def __init__(self, reason: str, *, retriable: bool = False) -> None:
        super().__init__(reason)
        self.retriable = retriable


@dataclass(frozen=True, slots=True)
class Device:
    """One chip a backend can use. `id` is stable over reboots: "cpu", "usb:2-1", "cuda:0".

    details: for those who look, by name; `remarks`, what is wrong with a chip that works anyway, is shown everywhere.
    """

    id: str
    name: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """One raw output tensor. scale 0 means not quantised; else real = (q - zero_point) * scale."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a loaded engine is.

    streams: how many `run` calls may overlap; more than 63 never do. exclusive: only one process at a time can open
    the device. deadline: seconds after which the daemon takes a `run` without an answer for hung, and kills the worker.
    """

    backend: str
    device: str
    version: str
    precision: str
    streams: int
    exclusive: bool
    outputs: tuple[Output, ...]
    notes: tuple[str, ...] = ()
    deadline: float = 5.0


class Engine(Protocol):
    """One loaded model on one device. Lives in a worker process.

    Calls never overlap unless `info.streams` says how many may. An engine may also have
    `telemetry() -> Mapping[str, float]`: fast, called every ten seconds on a stream's thread, keys with their unit
    ("temperature_c", "power_w").
    """

    info: EngineInfo

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """Returns the raw output tensors, in model order.

        image: one RGB image of the model's input size, (height, width, 3) uint8. Must not be kept.
        Raises EngineError; `retriable=True` only if the next frame may work with the same engine.
        """
        ...

    def close(self) -> None:
        """Frees the device. Safe after a failed run, safe twice."""
        ...


class Backend(Protocol):
    """What an entry point of group "vedette.backends" names: a class whose instances have these.

    Optional: `open_seconds: float`, how long `load` may be silent (no progress) before its worker is killed; 120 else.
    """

    name: str
    api: int
    options: type

    def probe(self) -> list[Device]:
        """The devices of this machine: fast, no model. Raises BackendUnavailable(reason, hint)."""
        ...

    def accepts(self, artifact: Artifact) -> str | None:
        """None, or why this backend cannot run the artifact."""
        ...

    def load(self, artifact: Artifact, device: Device, options: Any, progress: Progress) -> Engine:
        """A ready engine. Raises ArtifactError, BackendUnavailable or EngineError."""
        ...
