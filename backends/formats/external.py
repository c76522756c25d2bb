"""The files of weights beside an ONNX model (TensorProto.external_data).

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.modelfile import check_size
from backends.formats.protobuf import Field, fields, submessages, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backends.formats.window import Window

_BYTES = 2
_EXTERNAL = 1
_MAX_NAME, _MAX_FILES, _MAX_DEPTH = 255, 1000, 16
_MAX_DIGITS = 20


def weights(window: Window, graph: Field, functions: Iterable[Field]) -> tuple[str, ...]:
    """Their paths from the model's folder, in the order in which the graph names them.

    Raises ArtifactError for one that is missing or cut off, or that is not in the model's folder or below it.
    """
    found: dict[str, int] = {}
    places = [_of_graph(window, graph, 0)]
    places += [
        _of_node(window, node, 0)
        for function in functions
        for node in submessages(window, function.start, function.end, 7)
    ]
    for place in places:
        for name, end in place:
            if name not in found:
                _check(window, name)
            found[name] = max(end, found.get(name, 0))
            if len(found) > _MAX_FILES:
                raise window.broken(f"more than {_MAX_FILES} files of weights")
    for name, end in found.items():
        check_size(window.path, window.path.parent / name, end)
    return tuple(found)


def _check(window: Window, name: str) -> None:
    if name.startswith("/") or ".." in PurePath(name).parts or "\0" in name or not 0 < len(name.encode()) <= _MAX_NAME:
        raise ArtifactError(
            f"{window.path}: its weights lie in {name[:_MAX_NAME]!r}, which is not beside or below it; export it "
            "again with its weights in one file beside it"
        )
    if not (window.path.parent / name).is_file():
        raise ArtifactError(f"{window.path}: its weights are missing: put {name} beside it")


def _of_graph(window: Window, graph: Field, depth: int) -> Iterator[tuple[str, int]]:
    if depth > _MAX_DEPTH:
        raise window.broken(f"graphs nested more than {_MAX_DEPTH} deep")
    for item in fields(window, graph.start, graph.end):
        if item.wire != _BYTES:
            continue
        if item.number == 1:
            yield from _of_node(window, item, depth)
        elif item.number == 5:
            yield from _of_tensor(window, item)
        elif item.number == 15:
            yield from _of_sparse(window, item)


def _of_node(window: Window, node: Field, depth: int) -> Iterator[tuple[str, int]]:
    for attribute in submessages(window, node.start, node.end, 5):
        for part in fields(window, attribute.start, attribute.end):
            if part.wire != _BYTES:
                continue
            if part.number in {5, 10}:
                yield from _of_tensor(window, part)
            elif part.number in {22, 23}:
                yield from _of_sparse(window, part)
            elif part.number in {6, 11}:
                yield from _of_graph(window, part, depth + 1)


def _of_sparse(window: Window, item: Field) -> Iterator[tuple[str, int]]:
    for number in (1, 2):
        for tensor in submessages(window, item.start, item.end, number):
            yield from _of_tensor(window, tensor)


def _of_tensor(window: Window, item: Field) -> Iterator[tuple[str, int]]:
    """The file, and where in it the tensor ends, as far as that is said."""
    external, location, end = False, "", 0
    for part in fields(window, item.start, item.end):
        if part.number == 14:
            external = part.value == _EXTERNAL
        elif part.number == 13 and part.wire == _BYTES:
            entry = {
                one.number: text(window, one)
                for one in fields(window, part.start, part.end)
                if one.wire == _BYTES and one.end - one.start <= 4 * _MAX_NAME
            }
            if entry.get(1) == "location":
                location = entry.get(2, "")
            elif entry.get(1) in {"offset", "length"} and entry.get(2, "").isdecimal():
                end += int(entry[2][:_MAX_DIGITS])
    if external:
        yield location, end
