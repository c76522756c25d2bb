"""TFLite: inputs, outputs, quantisation, signature, custom operators, and metadata.json appended as a zip.

Schema: tensorflow/compiler/mlir/lite/schema/schema.fbs (slot numbers are its fields in order).
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.appended import appended
from backends.formats.flatbuffer import Table
from backends.formats.modelfile import ModelFile, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.formats.window import Window

_DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
# The signature of a TF2 detector (EfficientDet-Lite) names its outputs so.
_SIGNATURE = {"output_0": "count", "output_1": "scores", "output_2": "classes", "output_3": "boxes"}
EDGETPU = "edgetpu-custom-op"
"""The operator that the Edge TPU's compiler puts in place of the part it compiled."""
_MAX_RANK = 32
_MAX_ENDS, _MAX_OPERATORS = 256, 1000


def read(window: Window) -> ModelFile:
    """Raises ArtifactError for anything that is not a TFLite model."""
    if window.head(8)[4:8] != b"TFL3":
        raise ArtifactError(f"{window.path}: is not a TFLite model (no TFL3 at byte 4)")
    model = Table.root(window)
    graph = next(model.tables(2), None)
    if graph is None:
        raise window.broken("it has no graph")
    inputs, outputs = (graph.numbers(slot, "i", _MAX_ENDS) for slot in (1, 2))
    # Of the others, thousands may share one long name, of which each would keep a copy.
    ends = {*inputs, *outputs}
    tensors = {index: _tensor(table) for index, table in enumerate(graph.tables(0)) if index in ends}
    custom = sorted({code.text(1) for code in model.tables(1, _MAX_OPERATORS)} - {""})
    return ModelFile(
        path=window.path,
        format="edgetpu" if EDGETPU in custom else "tflite",
        inputs=tuple(_at(window, tensors, index) for index in inputs),
        outputs=tuple(_at(window, tensors, index) for index in outputs),
        metadata=_metadata(window),
        roles=_roles(model, outputs),
        operators=tuple(custom),
        notes=tuple(f"custom operator {name}" for name in custom),
    )


def _at(window: Window, tensors: Mapping[int, Tensor], index: int) -> Tensor:
    if index not in tensors:
        raise window.broken(f"there is no tensor {index}")
    return tensors[index]


def _tensor(table: Table) -> Tensor:
    shape = table.numbers(7, "i", _MAX_RANK) or table.numbers(0, "i", _MAX_RANK)
    quantisation = table.table(4)
    scales = quantisation.numbers(2, "f") if quantisation else ()
    zeros = quantisation.numbers(3, "q") if quantisation else ()
    kind = table.scalar(1, "b")
    return Tensor(
        name=table.text(3),
        shape=tuple(size if size > 0 else -1 for size in shape),
        dtype=_DTYPES.get(kind, f"type {kind}"),
        scale=float(scales[0]) if len(scales) == 1 else 0.0,
        zero_point=int(zeros[0]) if len(zeros) == 1 and len(scales) == 1 else 0,
    )


def _roles(model: Table, outputs: tuple[int, ...]) -> dict[str, int]:
    """Role to output index, where the first signature names all four outputs of a detector."""
    signature = next(model.tables(7), None)
    if signature is None:
        return {}
    entries = islice(signature.tables(1), len(_SIGNATURE) + 1)
    tensors = {entry.text(0): entry.scalar(1, "I") for entry in entries}
    if tensors.keys() != _SIGNATURE.keys() or not set(tensors.values()) <= set(outputs):
        return {}
    return {role: outputs.index(tensors[name]) for name, role in _SIGNATURE.items()}


def _metadata(window: Window) -> Mapping[str, str]:
    """The values of an appended metadata.json, as the other formats give them; none is no error."""
    found = appended(window, "metadata.json")
    try:
        data = json.loads(found)
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}
