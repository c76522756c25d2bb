"""A model file for engines that need one to be there: the smallest ONNX that `open_artifact` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.models.resolve import open_artifact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.artifact import Artifact


def boxes_model(
    folder: Path,
    *,
    name: str = "tiny",
    height: int = 64,
    width: int = 96,
    labels: Sequence[str] = ("thing",),
    count: int = 1,
) -> Artifact:
    """Writes `<name>.onnx` and its sidecar into `folder`; returns what they say.

    Input "image" float32 (1, 3, height, width), output "boxes" float32 (1, count, 6), family boxes. There is nothing
    between the two: a real runtime refuses the file, so it is for engines that do not read it.
    """
    path = folder / f"{name}.onnx"
    tensors = _value(11, "image", (1, 3, height, width)) + _value(12, "boxes", (1, count, 6))
    # onnx.proto: ModelProto 1 ir_version, 7 graph, 8 opset_import {2 version}; GraphProto 1 node, 11 input, 12 output.
    node = _part(1, _part(1, b"image") + _part(2, b"boxes") + _part(4, b"Identity"))
    path.write_bytes(_number(1, 8) + _part(7, node + tensors) + _part(8, _number(2, 17)))
    listed = ", ".join(f"'{label}'" for label in labels)
    path.with_suffix(".yaml").write_text(f"family: boxes\nlabels: [{listed}]\n")
    return open_artifact(path)


def _value(field: int, name: str, shape: Sequence[int]) -> bytes:
    """ValueInfoProto: 1 name, 2 type {1 tensor {1 elem_type, 2 shape {1 dim {1 size}}}}."""
    dims = b"".join(_part(1, _number(1, size)) for size in shape)
    return _part(field, _part(1, name.encode()) + _part(2, _part(1, _number(1, 1) + _part(2, dims))))


def _part(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
