"""From weights to a checked file with its sidecar: made and checked in a folder beside, then renamed into place."""

from __future__ import annotations

import re
import shutil
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.capture.frame import Picture
from agent.tools.comparison.compare import compare
from agent.tools.comparison.pictures import pictures
from agent.tools.exporting import calibration
from agent.tools.exporting.ask import ExportError, ask, interpreter
from agent.tools.exporting.put import put
from agent.tools.exporting.target import left_to_do
from agent.tools.exporting.workplace import workplace
from agent.tools.modelrun import running
from backends.contract import BackendError
from backends.formats.sniff import read_model
from backends.models import sidecar, store
from backends.models.place import write_sidecar
from backends.models.resolve import open_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from agent.tools.comparison.compare import Comparison
    from agent.tools.exporting.ask import Made
    from agent.tools.exporting.target import Target
    from backends.artifact import Artifact
    from backends.contract import Progress

    Shown = Callable[[str], AbstractContextManager[Progress]]

_CHECKPOINTS = (b"PK\x03\x04", b"\x80\x02")
"""A zip of PyTorch's since 1.6, and the pickle it wrote before."""
_RUNS = 5


@dataclass(frozen=True, slots=True)
class ExportJob:
    """data: pictures to calibrate on; images: to compare on, those of `data` where None. python: that has Ultralytics.

    output: the folder for what is made, that of the weights where None.
    """

    target: Target
    weights: Path
    data: Path | None = None
    images: Path | None = None
    output: Path | None = None
    python: str | None = None
    timeout: float = 1800.0
    confidence: float = 0.5
    at_least: float = 0.9


@dataclass(frozen=True, slots=True)
class Exported:
    """files: what was written, the model first; none where a comparison failed. checked: on which backend it ran."""

    artifact: Artifact
    files: tuple[Path, ...]
    version: str
    checked: str
    p50_ms: float
    comparison: Comparison | None
    notes: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def good(self) -> bool:
        return bool(self.files)

    def to_json(self) -> dict[str, Any]:
        spec = self.artifact.input
        return {
            "written": [str(path) for path in self.files],
            "family": self.artifact.family,
            "input": [spec.width, spec.height],
            "labels": len(self.artifact.labels),
            "licence": self.artifact.licence,
            "ultralytics": self.version,
            "checked_on": self.checked,
            "p50_ms": self.p50_ms,
            "comparison": self.comparison.to_json() if self.comparison else None,
            "notes": list(self.notes),
            "left_to_do": list(self.left),
        }


def export(job: ExportJob, shown: Shown) -> Exported:
    """shown: called with what is done; gives the progress to tell meanwhile.

    Raises NoPictures, ExportError, and BackendError where what came out cannot be read, or runs on no engine here.
    Nothing is written where it raises, nor where INT8 does not see what the network saw.
    """
    _check_weights(job.weights)
    python = interpreter(job.python)
    given = pictures(job.data, calibration.MOST) if job.data and job.target.quantised else []
    looked_at = pictures(job.images, calibration.MOST) if job.images else given
    folder = (job.output or job.weights.parent).absolute()
    try:
        with workplace(folder) as work:
            try:
                return _export(job, python, given, looked_at, folder, work, shown)
            except ExportError:
                raise
            except BackendError as error:  # of a file in the working folder, which nobody knows and which will be gone
                said = str(error).replace(f"{work}/", "")
                raise ExportError(f"what Ultralytics made of {job.weights.name} cannot be used: {said}") from error
    except OSError as error:
        raise ExportError(
            f"{error.filename or folder}: {error.strerror}; nothing was written; --output DIR names another folder"
        ) from error


def _export(
    job: ExportJob,
    python: str,
    given: Sequence[Path],
    looked_at: Sequence[Path],
    folder: Path,
    work: Path,
    shown: Shown,
) -> Exported:
    made = _ask(job, python, given, work, shown)
    fresh = replace(open_artifact(made.files[job.target.role]), name=_stem(job.weights))
    artifact, files = _staged(job, made, fresh, work)
    comparison, notes = None, _notes(job, artifact, fresh, len(given))
    if job.target.quantised:
        reference = replace(open_artifact(made.files["onnx"]), precision="f32")
        comparison = compare(reference, artifact, looked_at, shown, job.confidence, job.at_least)
        ran, p50 = comparison.b.backend, comparison.b.p50_ms
        comparison = _told(comparison, f"{job.weights.name} as ONNX, before INT8", artifact.path.name)
    else:
        ran, p50 = _run(artifact, shown)
    written: tuple[Path, ...] = ()
    if comparison is None or comparison.agrees:
        written = tuple(folder / file.name for file in files)
        put(files, folder, work / "old")
    final = replace(artifact, path=folder / artifact.path.name)
    left = left_to_do(job.target, final.path) if written else ()
    return Exported(final, written, made.version, ran, p50, comparison, notes, left)


def _ask(job: ExportJob, python: str, given: Sequence[Path], work: Path, shown: Shown) -> Made:
    weights = work / "weights.pt"
    shutil.copyfile(job.weights, weights)
    data = calibration.dataset(given, work) if given else None
    request = {
        "weights": str(weights),
        "target": job.target.kind,
        "imgsz": job.target.imgsz,
        "data": str(data) if data else None,
    }
    with shown(f"export {job.weights.name}") as progress:
        try:
            return ask(python, request, work, job.timeout, progress)
        except ExportError as error:
            raise ExportError(f"{job.weights}: {error}") from error


def _staged(job: ExportJob, made: Made, fresh: Artifact, work: Path) -> tuple[Artifact, list[Path]]:
    """The file under its final name, its sidecar beside it, and read again as the daemon will; and all that is new."""
    stage = work / "out"
    stage.mkdir()
    path = stage / f"{_stem(job.weights)}{job.target.suffix}"
    model = read_model(fresh.path)
    for part, final in zip(model.files, model.files_at(path), strict=True):
        part.rename(final)
    source = f"{job.weights.name}, exported by Ultralytics {made.version}"
    known = store.known(replace(fresh, path=path), fresh.name)
    origin = {"source": source, "sha256": known["sha256"]}
    write_sidecar(sidecar.own(path), {**known, "task": made.task, "origin": origin})
    files = [*model.files_at(path), sidecar.own(path)]
    if job.target.name == "coral":
        compiled = sidecar.own(path.with_name(f"{path.stem}_edgetpu.tflite"))
        write_sidecar(compiled, {**_of_any_file(known), "origin": {"source": source}})
        files.append(compiled)
    return open_artifact(path), files


def _of_any_file(known: dict[str, Any]) -> dict[str, Any]:
    """What holds as well for the file that the Edge TPU's compiler will make, which itself keeps no metadata."""
    encoding = {key: known["input"][key] for key in ("color", "resize", "pad", "mean", "std")}
    return {**{key: value for key, value in known.items() if key != "sha256"}, "input": encoding}


def _told(comparison: Comparison, a: str, b: str) -> Comparison:
    """By the names of what lasts, not of the working folder."""
    return replace(comparison, a=replace(comparison.a, file=a), b=replace(comparison.b, file=b))


def _run(artifact: Artifact, shown: Shown) -> tuple[str, float]:
    """The backend that ran it, and the milliseconds of one run. That any box comes out is not asked of noise."""
    noise = Picture(np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8), None, None, None, True, None)
    with shown(f"check {artifact.path.name}") as progress, running(artifact, progress) as model:
        return model.backend, round(statistics.median(model.look(noise, 0.5)[1] for _ in range(_RUNS)), 2)


def _notes(job: ExportJob, artifact: Artifact, fresh: Artifact, given: int) -> tuple[str, ...]:
    notes = [line for line in fresh.why if line.startswith(("task segment", "task pose"))]
    if job.data and not job.target.quantised:
        notes.append("--data is not used: nothing is quantised")
    if job.target.quantised and given < calibration.FEW:
        notes.append(f"{given} pictures to calibrate on: {calibration.FEW} or more of all hours and weathers do better")
    if "AGPL" in artifact.licence.upper():
        notes.append(
            "its licence is the AGPL-3.0 of Ultralytics, which also asks for the source of what is built on it"
        )
    return tuple(notes)


def _check_weights(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror}") from error
    if not start.startswith(_CHECKPOINTS):
        raise ExportError(f"{path}: is not a PyTorch checkpoint; give YOLO weights of Ultralytics, a .pt file")


def _stem(weights: Path) -> str:
    """The weights' name as a model may have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", weights.stem).strip("-._")[:56] or "model"
