"""Engines kept on disk, each under all that makes it fit: a plan of another key, or a damaged one, is never returned.

<folder>/<name>-<hash of the key>.plan, and beside it .json with the key and the plan's sha256, both written whole or
not at all. Whoever kills the writer in between leaves a pair that does not match, which is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.atomic import DRAFT, write_atomic
from backends.contract import ArtifactError, BackendUnavailable
from backends.formats.digest import digest
from backends.formats.sniff import read_model

if TYPE_CHECKING:
    from backends.artifact import Artifact

SCHEMA = 1
"""Counts up whenever the builder makes another plan of the same key."""
_KEEP = 8
_FAILED, _FAILED_SECONDS = ".failed", 24 * 3600.0
_STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PlanKey:
    """All a plan depends on. Plans fit no other GPU, no other TensorRT (8.0.0 refuses one of 8.0.1), no other size.

    model: sha256 of the ONNX file as it was read for the build. tensorrt, cuda: full versions. compute: "8.7". device:
    name and size, since Orins of all sizes have one name. shape: of the input. workspace_mib: what the builder may use
    for one layer.
    """

    model: str
    tensorrt: str
    cuda: str
    compute: str
    device: str
    precision: str
    shape: tuple[int, ...]
    workspace_mib: int
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PlanKey:
        return cls(**{**data, "shape": tuple(data["shape"])})

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:32]


def folder_for(artifact: Artifact) -> Path:
    """Beside the model, else in the service's or the user's cache. Raises BackendUnavailable: none can be written."""
    named = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME")
    home = Path(named) if named else Path(os.environ.get("HOME", "/nonexistent")) / ".cache"
    tried = []
    for parent in (artifact.path.parent / "cache", home / "vedette"):
        folder = parent / "tensorrt"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        tried.append(str(folder))
    raise BackendUnavailable(
        f"no folder to keep the engine in: {' and '.join(tried)} cannot be written",
        "building takes minutes and is not done at every start; make one of them writable",
    )


def shortage(folder: Path, model_bytes: int) -> str:
    """Why an engine cannot be kept in `folder` now, or nothing. A plan is about as large as its model, in f32."""
    needed, free = 2 * model_bytes, shutil.disk_usage(folder).free
    if free >= needed:
        return ""
    return f"{folder} needs about {needed >> 20} MiB for the engine, of which {free >> 20} are free"


def path_of(folder: Path, name: str, key: PlanKey) -> Path:
    return folder / f"{name[:64]}-{key.digest}.plan"


def read(path: Path, key: PlanKey) -> bytes | None:
    """The plan of that key, checked byte by byte; None where there is none or anything about it is wrong.

    What is returned is what was checked, so that nobody can change the file in between.
    """
    try:
        record = json.loads(path.with_suffix(".json").read_text())
        plan = path.read_bytes()
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("key") != key.to_json():
        return None
    if record.get("sha256") != hashlib.sha256(plan).hexdigest():
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # what is used is not pruned
    return plan


def write(path: Path, key: PlanKey, plan: bytes | memoryview) -> None:
    """Keeps a plan, on disk when this returns, and forgets the oldest ones. Raises OSError."""
    write_atomic(path, plan)
    record = {"key": key.to_json(), "sha256": hashlib.sha256(plan).hexdigest()}
    write_atomic(path.with_suffix(".json"), json.dumps(record, indent=1).encode())
    path.with_suffix(_FAILED).unlink(missing_ok=True)
    plans = sorted(path.parent.glob("*.plan"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in plans[_KEEP:]:
        forget(old)
    for draft in path.parent.glob(f"{DRAFT}*"):  # of a writer that was killed
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
                draft.unlink()


def note_failure(path: Path, seconds: float, text: str) -> None:
    """That no plan could be built for this key within so many seconds, and why."""
    with contextlib.suppress(OSError):
        write_atomic(path.with_suffix(_FAILED), f"{seconds:g}\n{text}".encode())


def failed_lately(path: Path, seconds: float) -> str | None:
    """Why building this plan within so many seconds failed during the last day, None where it did not.

    So a small computer does not spend half of every hour on the same failure.
    """
    record = path.with_suffix(_FAILED)
    try:
        age = time.time() - record.stat().st_mtime
        tried, _, text = record.read_text("utf-8", "replace").partition("\n")
    except OSError:
        return None
    return text if tried == f"{seconds:g}" and 0 <= age < _FAILED_SECONDS else None


def forget(path: Path) -> None:
    for file in (path, path.with_suffix(".json"), path.with_suffix(_FAILED)):
        with contextlib.suppress(OSError):
            file.unlink()


def model_digest(path: Path) -> str:
    """sha256 of an ONNX file and of the files of weights it names. Raises ArtifactError."""
    try:
        files = read_model(path).files
    except ArtifactError:
        files = (path,)  # what is wrong with it TensorRT says
    return digest(*files)
