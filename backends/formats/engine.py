"""TensorRT engines as Ultralytics exports them: an int32 length (little endian), that many bytes of JSON, the plan.

Source: ultralytics/engine/exporter.py and nn/backends/tensorrt.py. What a plan holds only TensorRT can tell, so input
and labels are what the header says of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.contract import ArtifactError
from backends.formats.literal import literal
from backends.formats.modelfile import ModelFile, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from backends.formats.window import Window

_PLAN = (b"ftrt", b"ptrt")
_SUFFIXES = (".engine", ".plan", ".trt")
_MAX_HEADER = 1024 * 1024
_MIN_PLAN = 64
_MAX_SIDE, _MAX_BATCH = 8192, 1024
_FP16 = ("16", "fp16", "half")


@dataclass(frozen=True, slots=True)
class Header:
    """metadata: as the other formats give it, each value Python's str(). plan: the byte at which the plan begins."""

    metadata: Mapping[str, str]
    plan: int


def looks_like(head: bytes, path: Path) -> bool:
    """Whether the first bytes, or the name, say that it is an engine or wants to be one."""
    return head[4:6] == b'{"' or head.startswith(_PLAN) or path.suffix.lower() in _SUFFIXES


def read(window: Window) -> ModelFile:
    """Raises ArtifactError for a plan without a header, and for what is foreign, damaged or truncated."""
    header = read_header(window)
    args = literal(header.metadata.get("args", ""))
    args = args if isinstance(args, dict) else {}
    height, width = _size(window, header.metadata)
    channels = _number(window, header.metadata, "channels", 3, 16)
    batch = _number(window, header.metadata, "batch", 1, _MAX_BATCH)
    half = args.get("half") is True or str(args.get("quantize", "")).lower() in _FP16
    shape = (-1 if args.get("dynamic") is True else batch, channels, height, width)
    version = header.metadata.get("version", "?")
    return ModelFile(
        path=window.path,
        format="tensorrt",
        inputs=(Tensor("images", shape, "float16" if half else "float32"),),
        outputs=(),
        metadata=header.metadata,
        notes=(
            f"TensorRT plan at byte {header.plan}, behind a header of Ultralytics {version}",
            "its input is what that header says; TensorRT itself checks it when the plan is loaded",
        ),
    )


def read_header(window: Window) -> Header:
    """The header, checked against the file: no length in it is believed. Raises ArtifactError."""
    head = window.head(8)
    if head.startswith(_PLAN):
        raise ArtifactError(
            f"{window.path}: is a TensorRT plan without an exporter's header, so nothing says its input and its "
            "labels; use the .onnx it was built from, which is built into an engine here"
        )
    length = int.from_bytes(head[:4], "little")
    if head[4:5] != b"{" or not 2 <= length <= _MAX_HEADER:
        raise ArtifactError(
            f"{window.path}: is not a TensorRT engine that can be read: it begins neither with a plan nor with "
            "the header of an Ultralytics export (a length, then JSON); use the .onnx it was built from"
        )
    plan = 4 + length
    if plan + _MIN_PLAN > window.size:
        raise window.broken(f"its header says that the plan begins at byte {plan}, of {window.size}")
    try:
        data = json.loads(window.read(4, length).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise window.broken(f"its header of {length} bytes is not JSON") from error
    if not isinstance(data, dict) or not {"names", "imgsz"} <= data.keys():
        raise ArtifactError(
            f"{window.path}: has a header of JSON, but not of an Ultralytics export: it lacks names or imgsz; "
            "use the .onnx it was built from"
        )
    start = window.read(plan, _MIN_PLAN)
    if not any(start):
        raise window.broken(f"there is no plan at byte {plan}, where its header ends, only zeros")
    return Header({str(key): str(value) for key, value in data.items()}, plan)


def _size(window: Window, metadata: Mapping[str, str]) -> tuple[int, int]:
    value = literal(metadata["imgsz"])
    value = [value, value] if _whole(value) else value
    if not isinstance(value, list) or len(value) != 2 or not all(_whole(n) and 8 <= n <= _MAX_SIDE for n in value):
        raise window.broken(
            f"imgsz {metadata['imgsz'][:40]!r} in its header is not a height and width in 8..{_MAX_SIDE}"
        )
    return value[0], value[1]


def _number(window: Window, metadata: Mapping[str, str], key: str, default: int, high: int) -> int:
    value = literal(metadata.get(key, str(default)))
    if not _whole(value) or not 1 <= value <= high:
        raise window.broken(f"{key} {metadata[key][:40]!r} in its header is not a number in 1..{high}")
    return int(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
