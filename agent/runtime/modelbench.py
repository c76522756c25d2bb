"""One model on this machine: measured in each mode and precision (`vedette models bench`), or made ready to start."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backends import registry, store, tuning

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.contract import Progress


def measure(model: str, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row per mode and precision, in the order measured. Raises BackendError."""
    artifact = store.find(model)
    backend = registry.choose(registry.discover(), ("auto",))
    tell(f"{artifact.name} on {backend.name} ...")
    variants = [{"mode": m, "precision": p} for p in ("f32", "bf16") for m in ("latency", "throughput")]
    return [asdict(row) for row in tuning.measure((backend.name, backend.entry_point), artifact, variants)]


def prepare(model: str, progress: Progress) -> None:
    """Loads the model once, so that its mode is measured and its compiled form cached before a camera waits for it.

    Raises BackendError when no engine here can run it.
    """
    artifact = store.find(model)
    progress("measure", 0.0)
    backend = registry.choose(registry.discover(), ("auto",))
    tuning.measure((backend.name, backend.entry_point), artifact, [{"mode": "auto", "threads": None}])
    progress("measure", 1.0)
