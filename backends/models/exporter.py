"""What an exporter left in a model file: Ultralytics, LibreYOLO, and OpenVINO's model_info."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backends.contract import ArtifactError
from backends.formats.literal import MAX_NAMES, literal
from backends.models.facts import Fact, Facts, labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.formats.modelfile import ModelFile

_LATER = "not in this version"
_COCO = 80
"""So many labels are COCO's, which RF-DETR numbers with holes; the head knows them."""


def facts(model: ModelFile) -> Facts:
    """Raises ArtifactError where the exporter names a task or a family that no head of ours decodes."""
    data = model.metadata
    if "libreyolo_version" in data or ("model_family" in data and "schema_version" in data):
        return _libreyolo(model, data)
    if data.get("author") == "Ultralytics" or data.get("description", "").startswith("Ultralytics"):
        return _ultralytics(model, data)
    if data.keys() == {"stride", "names"}:
        return _yolov5(data)
    if any(key.startswith("model_info.") for key in data):
        return _model_info(data)
    return {}


def _ultralytics(model: ModelFile, data: Mapping[str, str]) -> Facts:
    """Every value is Python's str() of what it was (Ultralytics 8.x, all formats)."""
    origin = "metadata of Ultralytics"
    args = literal(data.get("args", ""))
    args = args if isinstance(args, dict) else {}
    task = _task(model, data.get("task", "detect"))
    ended = literal(data.get("end2end", "")) is True or args.get("nms") is True
    transformer = "RTDETR" in data.get("head", "") or "rtdetr" in data.get("description", "").lower()
    found = {
        "task": task,
        "family": "rtdetr" if transformer else "yolo-e2e" if ended else "yolo",
        "labels": _names(literal(data.get("names", ""), MAX_NAMES)),
        "licence": data.get("license"),
        # A TFLite export scales its boxes to 0..1, so that boxes and scores share one quantisation.
        "head.units": "norm" if model.format in {"tflite", "edgetpu"} else "px",
        **_size(literal(data.get("imgsz", ""))),
    }
    if transformer:
        del found["head.units"]
    return {key: Fact(value, origin) for key, value in found.items() if value is not None}


def _libreyolo(model: ModelFile, data: Mapping[str, str]) -> Facts:
    """schema_version 1.0; names is JSON. Its YOLOv9 gives corners, and its YOLOX is decoded in the graph."""
    origin = "metadata of LibreYOLO"
    family = data.get("model_family", "").lower()
    ended = data.get("nms", "").lower() == "true"
    known: dict[str, dict[str, Any]] = {
        "yolo9": {"family": "yolo", "head.box": "xyxy", "input.resize": "letterbox_topleft"},
        "yolox": {"family": "yolox", "head.decoded": True},
        "rfdetr": {"family": "rfdetr"},
        **{name: {"family": "rtdetr"} for name in ("rtdetr", "rtdetrv2", "rtdetrv4", "dfine", "deim")},
    }
    if family not in known:
        raise _refused(model, f"a LibreYOLO {family or 'model of no family'}: its head is {_LATER}")
    found = known[family]
    if ended and family in {"yolo9", "yolox"}:
        found = {"family": "yolo-e2e", "input.resize": "letterbox_topleft"}
        if family == "yolox":
            found |= {"input.color": "BGR", "input.std": (1.0, 1.0, 1.0)}
    try:
        names = json.loads(data.get("names", "null"))
    except (ValueError, RecursionError):
        names = None
    found_labels = _names(names)
    if family == "rfdetr" and len(found_labels or ()) != _COCO:
        found = {**found, "head.label_offset": 0}
    found |= {
        "task": _task(model, data.get("task", "detect")),
        "labels": found_labels,
        "licence": data.get("license"),
        **_size([literal(data.get("imgsz_h", "")), literal(data.get("imgsz_w", ""))]),
    }
    return {key: Fact(value, origin) for key, value in found.items() if value is not None}


def _yolov5(data: Mapping[str, str]) -> Facts:
    """The original YOLOv5 repository leaves these two keys only; the family its shapes tell."""
    names = _names(literal(data["names"], MAX_NAMES))
    return {"labels": Fact(names, "metadata of YOLOv5")} if names else {}


def _model_info(data: Mapping[str, str]) -> Facts:
    """OpenVINO's model_info, as Ultralytics and Geti write it. Labels are split at spaces."""
    found: dict[str, Any] = {"labels": _names(data.get("model_info.labels", "").split())}
    if data.get("model_info.model_type", "").upper() == "YOLO":
        found["family"] = "yolo"
    return {key: Fact(value, "rt_info/model_info") for key, value in found.items() if value is not None}


def _task(model: ModelFile, task: str) -> str:
    check_task(model, task)
    return task


def check_task(model: ModelFile, task: str) -> None:
    """Raises ArtifactError unless boxes come out of a model made for that task."""
    if task in {"obb", "classify"}:
        what = "oriented boxes" if task == "obb" else "one class for the whole picture"
        raise _refused(model, f"made for task {task}: it gives {what}, not boxes")
    if task not in {"detect", "segment", "pose"}:
        raise _refused(model, f"made for task {task!r}; detect, segment and pose are possible")


def _refused(model: ModelFile, why: str) -> ArtifactError:
    return ArtifactError(f"{model.path}: is {why}")


def _names(value: Any) -> tuple[str, ...] | None:
    try:
        return labels(value) if value else None
    except ValueError:
        return None


def _size(value: Any) -> dict[str, int]:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(isinstance(n, int) for n in value):
        return {}
    return {"imgsz.height": value[0], "imgsz.width": value[1]}
