"""From a model file to an `Artifact`: every known fact, by precedence, checked against the file itself.

Overrides of the config > sidecar > metadata of the exporter > what the shapes prove > what a twin takes over from its
main model > defaults of the family.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.artifact import Artifact, InputSpec
from backends.contract import ArtifactError, Output
from backends.formats.digest import digest
from backends.formats.sniff import read_model, refusing
from backends.heads import families, make_head
from backends.heads.cells import TOGETHER, count
from backends.models import exporter, shapes, sidecar
from backends.models.facts import HEADS, KEYS, Fact, Facts, meant
from backends.models.original import stamps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.formats.modelfile import ModelFile

_STRETCH = {"input.resize": "stretch"}
_YOLO = {"input.resize": "letterbox", "input.pad": 114, "input.std": (255.0,) * 3}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "boxes": _STRETCH,
    "efficientdet-lite": {**_STRETCH, "input.mean": (127.0,) * 3, "input.std": (128.0,) * 3},
    "nanodet": {
        **_STRETCH,
        "input.color": "BGR",
        "input.mean": (103.53, 116.28, 123.675),
        "input.std": (57.375, 57.12, 58.395),
    },
    "rfdetr": {**_STRETCH, "input.mean": (123.675, 116.28, 103.53), "input.std": (58.395, 57.12, 57.375)},
    "rtdetr": {**_STRETCH, "input.std": (255.0,) * 3},
    "ssd": _STRETCH,
    "yolo": _YOLO,
    "yolo-e2e": _YOLO,
    "yolo-split": _YOLO,
    "yolov5": _YOLO,
    "yolox": {"input.resize": "letterbox_topleft", "input.pad": 114, "input.color": "BGR"},
}
_NEEDED = ("family", "labels", "input.height", "input.width", "input.layout", "input.dtype")
_EXAMPLE = {
    "family": "yolo",
    "labels": "[person, bicycle]",
    "input.height": "640",
    "input.width": "640",
    "input.layout": "NCHW",
    "input.dtype": "float32",
}
_SCALE_OF_UNITY = 1 / 127


def open_artifact(
    path: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    beside: Path | None = None,
    inherited: Facts | None = None,
) -> Artifact:
    """The artifact in a model file or in the folder of an OpenVINO export. Only the file is read; nothing runs.

    overrides: as a sidecar, nested. beside: its sidecar, where that is not the usual one. inherited: what counts
    where neither the file nor a sidecar says anything (`backends.models.twins`). Raises ArtifactError, naming the place
    and the fix, for a file that is no model, is damaged, is not the one its sha256 says, contradicts its sidecar, or
    leaves a fact open.
    """
    with refusing(path):
        return _opened(path, overrides or {}, beside, inherited or {})


def _opened(path: Path, overrides: Mapping[str, Any], beside: Path | None, weak: Facts) -> Artifact:
    model = read_model(path)
    seen = stamps(model.path.parent, (model.path.name, *model.weights))
    beside = beside or sidecar.beside(model.path)
    stated = exporter.facts(model)
    if beside.is_file():
        stated = {**stated, **sidecar.read(beside)}
    if overrides:
        stated = {**stated, **sidecar.check(overrides, lambda key: f"config: model.{key}", Path.cwd())}
    if "task" in stated:
        exporter.check_task(model, stated["task"].value)
    facts = {**weak, **_proven(model, stated, weak), **stated}
    facts = {**_defaults(model, facts), **facts}
    _complete(model, facts, beside)
    _bounded(model, facts)
    artifact = replace(_artifact(model, facts), files=seen)
    _check_head(model, artifact)
    return artifact


def files_of(path: Path) -> tuple[Path, ...]:
    """The files a model consists of: OpenVINO IR is two, and ONNX may name files of weights. Raises ArtifactError."""
    return read_model(path).files


def _proven(model: ModelFile, stated: Facts, weak: Facts) -> Facts:
    proven = shapes.input_facts(model)
    for key, fact in proven.items():
        if key in stated and stated[key].value != fact.value:
            raise ArtifactError(
                f"{stated[key].origin}: {key}: {stated[key].value!r} contradicts the model's {fact.origin}"
            )
    for key in ("height", "width"):
        size = stated.pop(f"imgsz.{key}", None)
        if size and f"input.{key}" not in proven:
            proven[f"input.{key}"] = size
    known = {**weak, **stated}
    family = known["family"].value if "family" in known else None
    if family in {None, "ssd", "efficientdet-lite"}:
        labels = len(known["labels"].value) if "labels" in known else 0
        proven |= shapes.family_facts(model, labels)
        family = proven["family"].value if "family" in proven else family
    return {**proven, **_units(model, family)}


def _units(model: ModelFile, family: str | None) -> Facts:
    """Boxes in 0..1 are proven where the eight bits of the output are too fine for numbers of pixels."""
    rows = [tensor for tensor in model.outputs if tensor.shape and len(tensor.shape) == 3]
    if "units" not in HEADS.get(family or "", {}) or not rows:
        return {}
    if not all(tensor.dtype in {"int8", "uint8"} and 0 < tensor.scale <= _SCALE_OF_UNITY for tensor in rows):
        return {}
    return {"head.units": Fact("norm", f"output {rows[0]} of scale {rows[0].scale:.4g}")}


def _defaults(model: ModelFile, facts: Facts) -> Facts:
    if "family" not in facts:
        return {}
    family = facts["family"].value
    found = dict(_DEFAULTS.get(family, {}))
    dtype = facts["input.dtype"].value if "input.dtype" in facts else "float32"
    if dtype in {"uint8", "int8"}:
        # The tensor stores the pixels; its scale holds the rest.
        found |= {"input.mean": (0.0,) * 3, "input.std": (1.0,) * 3}
    elif family == "ssd" and model.format != "tensorflow":
        found |= {"input.mean": (127.5,) * 3, "input.std": (127.5,) * 3}
    extra = _extra(model, facts, family)
    if extra:
        found["head.extra"] = extra
    return {key: Fact(value, f"default of family {family}") for key, value in found.items()}


def _extra(model: ModelFile, facts: Facts, family: str) -> int:
    """The columns of masks or key points behind the boxes of a segment or pose model; never fewer than none."""
    if "task" not in facts or facts["task"].value == "detect" or "labels" not in facts:
        return 0
    labels = len(facts["labels"].value)
    own = {"yolo": 4 + labels, "yolo-e2e": 6, "yolov5": 5 + labels}.get(family)
    if own is None:
        return 0
    cells = {-1, *_cells(facts)}
    found = [0]
    for shape in (tensor.shape for tensor in model.outputs if tensor.shape and len(tensor.shape) == 3):
        # A raw YOLO has its channels first, unless that axis has one place for each cell.
        first = family == "yolo" and not (shape[1] in cells and shape[2] not in cells)
        found.append(shape[1 if first else 2] - own)
    return max(found)


def _cells(facts: Facts) -> set[int]:
    """How many cells a YOLO with that input may have."""
    if not {"input.height", "input.width"} <= facts.keys():
        return set()
    height, width = facts["input.height"].value, facts["input.width"].value
    return {count(height, width, strides) for strides in TOGETHER}


def _complete(model: ModelFile, facts: Facts, beside: Path) -> None:
    lacking = [key for key in _NEEDED if key not in facts]
    if lacking:
        lines = [f"  {key}: {_EXAMPLE[key]}" for key in lacking if "." not in key]
        inner = [f"{key.removeprefix('input.')}: {_EXAMPLE[key]}" for key in lacking if "." in key]
        if inner:
            lines.append(f"  input: {{{', '.join(inner)}}}")
        raise ArtifactError(
            f"{model.path}: neither the file (outputs: {', '.join(map(str, model.outputs)) or 'not known'}) nor a "
            f"sidecar says its {', '.join(lacking)}; write into {beside}, for example:\n" + "\n".join(lines)
        )
    family = facts["family"]
    known = families()
    if family.value not in known:
        raise ArtifactError(
            f"{family.origin}: family: no head {family.value!r}; there are {', '.join(known)}"
            + meant(family.value, known)
        )
    for key, fact in facts.items():
        option = key.removeprefix("head.")
        if option != key and family.value in HEADS and option not in HEADS[family.value]:
            options = ", ".join(HEADS[family.value]) or "none"
            raise ArtifactError(f"{fact.origin}: {key}: no option of head {family.value}; it has {options}")


def _bounded(model: ModelFile, facts: Facts) -> None:
    """Holds the input's size to the limits of a sidecar, whoever says it: heads make tables of that size."""
    for key in ("input.height", "input.width"):
        try:
            KEYS[key](facts[key].value)
        except ValueError as error:
            raise ArtifactError(f"{model.path}: {key}: {error}  ({facts[key].origin})") from error


def _artifact(model: ModelFile, facts: Facts) -> Artifact:
    found = digest(*model.files)
    wanted = facts.get("sha256")
    if wanted and wanted.value != found:
        raise ArtifactError(
            f"{model.path}: its sha256 is {found}, but {wanted.origin} says {wanted.value}: it is another file or "
            "damaged; get it again, or correct the sidecar"
        )

    def get(key: str, default: Any) -> Any:
        return facts[key].value if key in facts else default

    spec = {key.removeprefix("input."): fact.value for key, fact in facts.items() if key.startswith("input.")}
    return Artifact(
        name=get("name", model.path.stem),
        path=model.path.absolute(),
        format=model.format,
        sha256=get("origin.sha256", found),
        family=facts["family"].value,
        input=InputSpec(**spec),
        labels=facts["labels"].value,
        licence=get("licence", "unknown"),
        precision=get("precision", "auto"),
        head={key.removeprefix("head."): fact.value for key, fact in facts.items() if key.startswith("head.")},
        quantisation=_quantisation(model),
        input_quantisation=(model.inputs[0].scale, model.inputs[0].zero_point),
        custom_ops=model.operators,
        why=(*model.notes, *_why(facts)),
        content=found,
    )


def _quantisation(model: ModelFile) -> tuple[tuple[float, int], ...]:
    found = tuple((tensor.scale, tensor.zero_point) for tensor in model.outputs)
    return found if any(scale for scale, _ in found) else ()


def _why(facts: Facts) -> list[str]:
    lines = []
    for key, fact in sorted(facts.items()):
        lines.append(f"{key} = {_short(key, fact.value)}  ({fact.origin})")
    task = facts["task"].value if "task" in facts else "detect"
    if task != "detect":
        lines.append(f"task {task}: its boxes are published, its {'masks' if task == 'segment' else 'key points'} not")
    return lines


def _short(key: str, value: Any) -> str:
    if key == "labels":
        return f"{len(value)} of them"
    return ", ".join(path.name for path in value) or "none" if key == "twins" else str(value)


def _check_head(model: ModelFile, artifact: Artifact) -> None:
    """Fits our heads to the outputs now, where the file gives their shapes, not only when an engine is loaded."""
    if artifact.family in HEADS and model.outputs and all(tensor.shape for tensor in model.outputs):
        make_head(
            artifact,
            [Output(t.name, t.shape or (), t.dtype, t.scale, t.zero_point) for t in model.outputs],
        )
