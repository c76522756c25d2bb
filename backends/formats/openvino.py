"""OpenVINO IR: the .xml beside its .bin, the exporter's rt_info, and Ultralytics' metadata.yaml beside both.

Format: https://docs.openvino.ai/2025/documentation/openvino-ir-format.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from backends.contract import ArtifactError
from backends.formats.modelfile import ModelFile, Tensor, check_size
from backends.formats.window import whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from backends.formats.window import Window

_DTYPES = {
    "F32": "float32", "FP32": "float32", "F16": "float16", "FP16": "float16", "BF16": "bfloat16",
    "U8": "uint8", "I8": "int8", "I32": "int32", "I64": "int64", "BOOL": "bool", "BOOLEAN": "bool",
}  # fmt: skip
MAX_XML = 256 * 1024 * 1024
_MAX_METADATA = 1024 * 1024
_MAX_ENTRIES, _MAX_RANK, _MAX_DEPTH = 1000, 32, 200


def read(window: Window) -> ModelFile:
    """Raises ArtifactError for anything that is no IR, or has no .bin beside it, or one that is cut off."""
    graph = _Graph()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = graph.start
    parser.EndElementHandler = graph.end
    parser.CharacterDataHandler = graph.text
    # An IR has no DOCTYPE; without one there are no entities, so nothing can be expanded.
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if window.size > MAX_XML:
        raise window.broken(f"it has {window.size} bytes; {MAX_XML} is the limit")
    try:
        for start in range(0, window.size, 65536):
            parser.Parse(window.read(start, min(65536, window.size - start)), False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise window.broken(f"no OpenVINO IR: {error}") from error
    if not graph.inputs or not graph.outputs:
        raise ArtifactError(f"{window.path}: is not an OpenVINO IR: no input or no output in it")
    weights = window.path.with_suffix(".bin")
    if not weights.is_file():
        raise ArtifactError(f"{window.path}: its weights are missing: put {weights.name} beside it")
    check_size(window.path, weights, graph.weights)
    return ModelFile(
        path=window.path,
        format="openvino",
        inputs=tuple(graph.inputs),
        outputs=tuple(graph.outputs),
        metadata={**graph.info, **_beside(window.path)},
        weights=(weights.name,),
        notes=(f"OpenVINO IR version {graph.version}",),
    )


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it has a DOCTYPE")


class _Graph:
    """Collects the top-level parameters and results, where the constants end, and rt_info; the rest is counted past."""

    def __init__(self) -> None:
        self.version = "?"
        self.info: dict[str, str] = {}
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.weights = 0
        self._path: list[str] = []
        self._skip = 0
        self._layer: dict[str, str] = {}
        self._port: dict[str, str] = {}
        self._dims: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skip:
            self._deeper()
            return
        self._path.append(tag)
        match self._path:
            case ["net"]:
                self.version = attributes.get("version", "?")
            case ["net", "layers"] | ["net", "rt_info"] | ["net", "rt_info", "model_info"]:
                pass
            case ["net", "layers", "layer"] if attributes.get("type") in {"Parameter", "Result", "Const"}:
                self._layer = attributes
            case ["net", "layers", "layer", "input" | "output"] if self._layer["type"] != "Const":
                pass
            case ["net", "layers", "layer", "data"] if self._layer["type"] == "Const":
                self.weights = max(self.weights, int(attributes.get("offset", 0)) + int(attributes.get("size", 0)))
            case ["net", "layers", "layer", _, "port"]:
                self._port, self._dims = attributes, []
            case ["net", "layers", "layer", _, "port", "dim"]:
                self._dims.append("")
                _few(self._dims, _MAX_RANK)
            case ["net", "rt_info", "model_info", key]:
                self.info[f"model_info.{key}"] = attributes.get("value", "")
                _few(self.info, _MAX_ENTRIES)
            case _:
                self._path.pop()
                self._skip = 1

    def _deeper(self) -> None:
        self._skip += 1
        if self._skip > _MAX_DEPTH:
            raise ValueError(f"elements nested more than {_MAX_DEPTH} deep")

    def text(self, data: str) -> None:
        if not self._skip and len(self._path) == 6:
            self._dims[-1] += data

    def end(self, _: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        if self._path[:3] == ["net", "layers", "layer"] and self._path[4:] == ["port"]:
            parameter = self._layer["type"] == "Parameter"
            # A result repeats the names of the tensor that feeds it; older files name only the layer.
            names = self._port.get("names", "") if parameter else self._layer.get("output_names", "")
            names = names or self._layer.get("name", "").removesuffix("/sink_port_0")
            precision = self._port.get("precision", "?").upper()
            tensor = Tensor(
                name=chosen(name.strip() for name in names.split(",")),
                shape=tuple(_size(text) for text in self._dims),
                dtype=_DTYPES.get(precision, precision),
            )
            (self.inputs if parameter else self.outputs).append(tensor)
            _few([*self.inputs, *self.outputs], _MAX_ENTRIES)
        self._path.pop()


def _few(entries: Collection[object], most: int) -> None:
    if len(entries) > most:
        raise ValueError(f"more than {most} entries where a model has a few")


def _size(text: str) -> int:
    """A dimension; -1 for an open one ("-1", "?" or a range "1..8")."""
    return int(text) if text.strip().isdecimal() and int(text) > 0 else -1


def chosen(names: Iterable[str]) -> str:
    """One of a tensor's names, for file and engine the same.

    That of TensorFlow's detection API where it is among them, else the shortest: the one that a person gave it.
    """
    api = ("detection_", "num_detections")
    return min(names, key=lambda name: (not name.startswith(api), len(name), name), default="")


def _beside(path: Path) -> dict[str, str]:
    """metadata.yaml as exporters write it into the model's folder, as Python literals; {} for another of that name."""
    from backends.formats.yamltree import parse

    file = path.parent / "metadata.yaml"
    try:
        text = whole(file, _MAX_METADATA)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArtifactError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError:  # larger than metadata is
        return {}
    try:
        tree, _ = parse(text, file)
    except ArtifactError:
        return {}
    found = {str(key): str(value) for key, value in tree.items()}
    ultralytics = found.get("author") == "Ultralytics" or found.get("description", "").startswith("Ultralytics")
    return found if ultralytics or "libreyolo_version" in found else {}
