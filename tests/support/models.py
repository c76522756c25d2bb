"""Writes tiny model files of every format, byte by byte, so that no test needs the libraries that usually do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Io = tuple[str, "tuple[int | str, ...]", int]
"""name, shape (a text is an open size), and the format's own number of the type."""


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes | str) -> bytes:
    body = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def external(location: str, field: int = 5, **place: int) -> bytes:
    """A tensor whose numbers lie in another file, as a field of a graph. place: offset and length."""
    told = {"location": location, "offset": "0", **{key: str(value) for key, value in place.items()}}
    entries = [message(13, message(1, key), message(2, value)) for key, value in told.items()]
    return message(field, number(1, 4), number(2, 1), message(8, "far"), *entries, number(14, 1))


def onnx(inputs: Sequence[Io], outputs: Sequence[Io], metadata: Mapping[str, str] | None = None, *more: bytes) -> bytes:
    """more: further fields of the graph."""

    def value(field: int, io: Io) -> bytes:
        name, shape, kind = io
        dims = [message(1, message(2, n) if isinstance(n, str) else number(1, n)) for n in shape]
        return message(field, message(1, name), message(2, message(1, number(1, kind), message(2, *dims))))

    weights = message(5, number(1, 4), number(2, 1), message(9, b"\0" * 16), message(8, "w"))
    graph = [message(1, message(1, "w"), message(4, "Conv")), weights, *(value(11, io) for io in inputs)]
    graph += [value(11, ("w", (4,), 1)), *(value(12, io) for io in outputs), *more]
    properties = [message(14, message(1, key), message(2, text)) for key, text in (metadata or {}).items()]
    return b"".join(
        [number(1, 8), message(2, "a test"), message(7, *graph), message(8, message(1, ""), number(2, 17)), *properties]
    )


def frozen_graph(names: Sequence[str], shape: Sequence[int] = (-1, -1, -1, 3), dtype: int = 4) -> bytes:
    dims = [message(2, number(1, n)) for n in shape]
    attributes = [
        message(5, message(1, "dtype"), message(2, number(6, dtype))),
        message(5, message(1, "shape"), message(2, message(7, *dims))),
    ]
    nodes = [message(1, message(1, "image_tensor"), message(2, "Placeholder"), *attributes)]
    nodes += [message(1, message(1, name), message(2, "Identity"), message(3, "x")) for name in names]
    return b"".join(nodes)


def ir(path: Path, inputs: Sequence[Io], outputs: Sequence[Io], info: Mapping[str, str] | None = None) -> Path:
    """Writes `path` (.xml) and its .bin; the types are texts here ("FP32")."""

    def dims(shape: tuple[int | str, ...]) -> str:
        return "".join(f"<dim>{n}</dim>" for n in shape)

    layers = [
        f'<layer id="{i}" name="{name}" type="Parameter"><data shape="1"/><output><port id="0" precision="{kind}" '
        f'names="{name},other">{dims(shape)}</port></output></layer>'
        for i, (name, shape, kind) in enumerate(inputs)
    ]
    layers.append(
        '<layer id="90" name="loop" type="Loop"><body><layers><layer id="0" name="inner" type="Result"><input>'
        '<port id="0" precision="FP32"><dim>9</dim></port></input></layer></layers></body></layer>'
    )
    layers.append(
        '<layer id="91" name="c" type="Const"><data element_type="u8" shape="5" offset="2" size="5"/><output>'
        '<port id="0" precision="U8" names="c"><dim>5</dim></port></output></layer>'
    )
    layers += [
        f'<layer id="{100 + i}" name="r{i}/sink_port_0" type="Result" output_names="other,{name}"><input><port id="0" '
        f'precision="{kind}">{dims(shape)}</port></input></layer>'
        for i, (name, shape, kind) in enumerate(outputs)
    ]
    model_info = "".join(f'<{key} value="{value}" />' for key, value in (info or {}).items())
    path.write_text(
        f'<?xml version="1.0"?><net name="n" version="11"><layers>{"".join(layers)}</layers><edges/>'
        f"<rt_info><model_info>{model_info}</model_info></rt_info></net>"
    )
    path.with_suffix(".bin").write_bytes(b"weights")
    return path


def flatbuffer(root: Mapping[int, Any], identifier: bytes = b"TFL3") -> bytes:
    """A table is {slot: value}; a value is (code, number), a text, [table...], a table, or (code, [numbers])."""
    out = bytearray(8)
    out[4:8] = identifier
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def _table(out: bytearray, fields: Mapping[int, Any]) -> int:
    slots = max(fields, default=-1) + 1
    vtable = len(out)
    out += struct.pack("<HH", 4 + 2 * slots, 4 + 8 * slots)
    out += b"".join(struct.pack("<H", 4 + 8 * slot if slot in fields else 0) for slot in range(slots))
    at = len(out)
    out += struct.pack("<i", at - vtable) + bytes(8 * slots)
    for slot, value in fields.items():
        place = at + 4 + 8 * slot
        if isinstance(value, tuple) and not isinstance(value[1], list):
            struct.pack_into("<" + value[0], out, place, value[1])
        else:
            struct.pack_into("<I", out, place, _child(out, value) - place)
    return at


def _child(out: bytearray, value: Any) -> int:
    if isinstance(value, dict):
        return _table(out, value)
    at = len(out)
    if isinstance(value, str):
        out += struct.pack("<I", len(value.encode())) + value.encode() + b"\0"
    elif isinstance(value, tuple):
        code, numbers = value
        out += struct.pack(f"<I{len(numbers)}{code}", len(numbers), *numbers)
    else:
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, table in enumerate(value):
            place = at + 4 + 4 * index
            struct.pack_into("<I", out, place, _table(out, table) - place)
    return at


def tflite(
    inputs: Sequence[Io],
    outputs: Sequence[Io],
    custom: Sequence[str] = (),
    signature: Sequence[int] = (),
    scale: tuple[float, int] | None = None,
) -> bytes:
    """signature: the output that output_0, output_1, ... stand for."""
    quantised = {4: {2: ("f", [scale[0]]), 3: ("q", [scale[1]])}} if scale else {}
    tensors = [
        {0: ("i", [int(n) for n in shape]), 1: ("b", kind), 3: name, **quantised}
        for name, shape, kind in (*inputs, *outputs)
    ]
    graph = {
        0: tensors,
        1: ("i", list(range(len(inputs)))),
        2: ("i", list(range(len(inputs), len(tensors)))),
    }
    names = [{0: f"output_{i}", 1: ("I", len(inputs) + where)} for i, where in enumerate(signature)]
    return flatbuffer(
        {
            0: ("I", 3),
            1: [{1: name} for name in custom],
            2: [graph],
            **({7: [{1: names, 2: "serving_default"}]} if signature else {}),
        }
    )
