"""`vedette models bench`: one model on this machine, in each mode and precision."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backends import registry, store, tuning

if TYPE_CHECKING:
    from collections.abc import Callable


def measure(model: str, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row per mode and precision, in the order measured. Raises BackendError."""
    artifact = store.find(model)
    backend = registry.choose(registry.discover(), ("auto",))
    tell(f"{artifact.name} on {backend.name} ...")
    variants = [{"mode": m, "precision": p} for p in ("f32", "bf16") for m in ("latency", "throughput")]
    return [asdict(row) for row in tuning.measure((backend.name, backend.entry_point), artifact, variants)]
