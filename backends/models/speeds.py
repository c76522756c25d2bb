"""What `vedette models bench` measured, kept beside the model, so that `auto` can put the faster engine first.

<model's folder>/cache/speeds.json: one row for each model, machine, backend and device, the newest last.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.atomic import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backends.artifact import Artifact

_MAX_ROWS = 64
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Speed:
    """One engine with all its streams busy, as the daemon would run it: frames a second, milliseconds of one run.

    file: which of the model's files it ran. version: of the engine's runtime.
    """

    backend: str
    device: str
    version: str
    file: str
    mode: str
    precision: str
    fps: float
    p50_ms: float


def measured(artifact: Artifact) -> dict[str, Speed]:
    """By backend, the fastest of what was measured of this model on this machine; {} where nothing was.

    artifact: the main model.
    """
    best: dict[str, Speed] = {}
    for speed in _speeds(row for row in _read(_record(artifact)) if _is_of(row, artifact)):
        if speed.backend not in best or speed.fps > best[speed.backend].fps:
            best[speed.backend] = speed
    return best


def keep(artifact: Artifact, speeds: Sequence[Speed]) -> bool:
    """Keeps them in place of what was measured before on the same devices; False where the folder takes no file."""
    record = _record(artifact)
    replaced = {(speed.backend, speed.device) for speed in speeds}
    old = [
        row
        for row in _read(record)
        if not (_is_of(row, artifact) and (row.get("backend"), row.get("device")) in replaced)
    ]
    new = [{"machine": _machine(), "sha256": artifact.sha256, **asdict(speed)} for speed in speeds]
    try:
        record.parent.mkdir(exist_ok=True)
        write_atomic(record, json.dumps([*old, *new][-_MAX_ROWS:], indent=1).encode())
    except OSError:
        return False
    return True


def _record(artifact: Artifact) -> Path:
    return artifact.path.parent / "cache" / "speeds.json"


def _is_of(row: Mapping[str, Any], artifact: Artifact) -> bool:
    return row.get("machine") == _machine() and row.get("sha256") == artifact.sha256


def _speeds(rows: Iterable[Mapping[str, Any]]) -> Iterable[Speed]:
    for row in rows:
        values: dict[str, Any] = {field.name: row.get(field.name) for field in fields(Speed)}
        texts = all(isinstance(value, str) for key, value in values.items() if key not in {"fps", "p50_ms"})
        numbers = all(type(values[key]) in {int, float} for key in ("fps", "p50_ms"))
        if texts and numbers:
            yield Speed(**values)


def _read(record: Path) -> list[dict[str, Any]]:
    """The rows; none where there is no record, or one that somebody else wrote."""
    try:
        with record.open(encoding="utf-8") as file:
            rows = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _machine() -> str:
    """What of this machine decides the speed of an engine that runs on its CPU."""
    return f"{platform.machine()} x{os.cpu_count()} {_model()}".strip()


def _model() -> str:
    board = Path("/proc/device-tree/model")
    try:
        if board.is_file():
            return board.read_text(errors="replace").strip("\0 \n")
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
