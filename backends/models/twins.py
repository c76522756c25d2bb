"""Twins: the same model in other files, for other engines. They lie beside it, or its sidecar names them.

x.onnx, x.xml, x.engine, x.tflite, x_edgetpu.tflite are twins of one another; `twins: [file, ...]` in the sidecar of
the main model replaces that search, and `twins: []` ends it. A twin may have facts of its own: in its file, in
<its file>.yaml (x.tflite.yaml), or in a sidecar of its own name. What it leaves open it takes over from its main model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.file_mode import file_mode
from backends.formats.sniff import read_model
from backends.models import inherit, sidecar
from backends.models.facts import HEADS
from backends.models.resolve import open_artifact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.artifact import Artifact

SUFFIXES = (".xml", ".onnx", ".engine", ".tflite", ".pb")
"""In the order in which an engine that can run several of them gets them."""
_COMPILED = "_edgetpu"


def twins(artifact: Artifact) -> tuple[Artifact, ...]:
    """The twins of a model, opened and checked. Nothing runs.

    Raises ArtifactError, naming both files, where one cannot be used or is another model: other labels.
    """
    return tuple(open_twin(path, artifact) for path in files(artifact.path))


def files(main: Path) -> tuple[Path, ...]:
    """The files of the twins of a model, named or found, not yet opened. Raises ArtifactError."""
    beside = sidecar.beside(main)
    named = sidecar.read(beside).get("twins") if beside.is_file() else None
    if named is not None:
        for path in named.value:
            try:
                missing = not file_mode(path)
            except OSError as error:
                raise ArtifactError(f"{named.origin}: twins: {path}: {error.strerror}") from error
            if missing:
                raise ArtifactError(f"{named.origin}: twins: {path}: no such file")
        return tuple(path for path in dict.fromkeys(named.value) if path != main)
    try:
        found = [path for path in main.parent.iterdir() if _same_name(path, main) and path.is_file()]
    except OSError as error:
        raise ArtifactError(f"{main.parent}: cannot be searched for twins: {error.strerror}") from error
    return tuple(sorted(found, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name)))


def open_twin(path: Path, main: Artifact) -> Artifact:
    """The artifact of a file that is to be a twin of `main`. Raises ArtifactError naming both."""
    try:
        twin = _opened(path, main)
    except ArtifactError as error:
        raise ArtifactError(
            f"{error}\n  ({path.name} counts as a twin of {main.path}; if it is another model, rename it, or list "
            f"the right ones as `twins: [...]` in {sidecar.beside(main.path)})"
        ) from error
    differing = difference(main.labels, twin.labels)
    if differing:
        raise ArtifactError(
            f"{path}: is not a twin of {main.path}: {differing}. All engines of a model need the same labels: rename "
            f"the file if it is another model, else correct {_sidecar(path, main)} or {sidecar.beside(main.path)}"
        )
    converted = twin.format in inherit.TFLITE and main.format not in inherit.TFLITE
    if converted and "units" in HEADS.get(twin.family, {}) and "units" not in twin.head:
        raise ArtifactError(
            f"{path}: nothing says whether its boxes are in pixels or in 0..1, and of {main.path} it cannot be "
            f"taken over, since a conversion to TFLite may change it; write into {_sidecar(path, main)}:\n"
            "  head: {units: norm}    # or px"
        )
    return twin


def _opened(path: Path, main: Artifact) -> Artifact:
    inherited = inherit.facts(main, read_model(path))
    beside = _sidecar(path, main)
    try:
        return open_artifact(path, beside=beside, inherited=inherited)
    except ArtifactError as misfit:
        try:
            return open_artifact(path, beside=beside, inherited=inherit.without_head(inherited))
        except ArtifactError:
            raise misfit from None


def _sidecar(twin: Path, main: Artifact) -> Path:
    """x.yaml speaks of the main model, and not of x.tflite, where both could claim it."""
    beside = sidecar.beside(twin)
    return sidecar.own(twin) if beside == sidecar.beside(main.path) else beside


def _same_name(path: Path, main: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path != main and _stem(path) == _stem(main)


def _stem(path: Path) -> str:
    return path.stem.removesuffix(_COMPILED)


def difference(main: Sequence[str], twin: Sequence[str]) -> str:
    """The first difference of two lists of labels, in words; nothing where there is none."""
    for number, (one, other) in enumerate(zip(main, twin)):  # noqa: B905 - their lengths are compared below
        if one != other:
            return f"label {number} is {other!r} here and {one!r} there"
    if len(main) != len(twin):
        longer, where = (twin, "here") if len(twin) > len(main) else (main, "there")
        at = min(len(main), len(twin))
        return f"its labels are {len(twin)}, not {len(main)}: label {at}, {longer[at]!r}, is {where} only"
    return ""
