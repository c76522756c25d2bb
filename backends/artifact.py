"""A model file plus all the daemon must know to run it. Plain data: it travels to the worker as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Format = Literal["onnx", "openvino", "tflite", "tensorflow", "edgetpu", "tensorrt"]
"""edgetpu: a TFLite file compiled for the Edge TPU, told by content. tensorrt: a plan behind its exporter's header."""
Layout = Literal["NCHW", "NHWC"]
Dtype = Literal["float32", "float16", "uint8", "int8"]
Color = Literal["RGB", "BGR"]
Resize = Literal["letterbox", "letterbox_topleft", "stretch"]
Precision = Literal["f32", "bf16", "auto"]
Stamp = tuple[str, int, int, int]
"""A file's name from the model's folder, its inode and size, and when it last changed: ctime, which nobody can set."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How one RGB image becomes the model's input tensor: value = (pixel - mean) / std, pixel in 0..255.

    mean, std: one number per channel, in the model's own channel order (`color`).
    resize: "letterbox" centres the scaled image on `pad`, "letterbox_topleft" puts it into the corner,
    "stretch" ignores the aspect ratio. dtype: what the tensor holds; a quantised one covers the range of the
    pixels, so uint8 stores the pixel and int8 the pixel - 128, with mean 0 and std 1; with others it stores
    round(value / scale) + zero_point. name: the tensor's name in the file, None for "the only input".
    """

    height: int
    width: int
    layout: Layout
    dtype: Dtype
    color: Color = "RGB"
    resize: Resize = "letterbox"
    pad: int = 114
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """One model, ready for `Backend.load` and `make_head`.

    path: the file an engine opens (of OpenVINO IR the .xml). sha256: of the file as its maker published it,
    also where `path` was converted from it; of OpenVINO IR that nobody converted, of .xml then .bin.
    family: the head's id. head: options of that head, JSON values only. labels: by class_id, never empty.
    quantisation: (scale, zero_point) of each output as the file says, scale 0 where it is not quantised; for
    engines that return stored integers without saying so. Empty where none is. input_quantisation: likewise of
    the input. custom_ops: operators in the file that are not of its format's own set, sorted; not every engine has
    them.
    why: where each fact came from, one line each, for `models inspect`.
    content: sha256 of the bytes of all files that an engine opens, one after the other. files: these files as they were
    then; a touch alone makes no other artifact. Both empty where nobody read the files.
    """

    name: str
    path: Path
    format: Format
    sha256: str
    family: str
    input: InputSpec
    labels: tuple[str, ...]
    licence: str = "unknown"
    precision: Precision = "auto"
    head: Mapping[str, Any] = field(default_factory=dict)
    quantisation: tuple[tuple[float, int], ...] = ()
    input_quantisation: tuple[float, int] = (0.0, 0)
    custom_ops: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    content: str = ""
    files: tuple[Stamp, ...] = field(default=(), compare=False)

    @property
    def rev(self) -> str:
        return self.sha256[:8]

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "path": str(self.path)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Artifact:
        """The inverse of `to_json`. Raises ValueError, TypeError or KeyError on anything else."""
        data = json.loads(text)
        spec = data["input"]
        return cls(
            **{
                **data,
                "path": Path(data["path"]),
                "input": InputSpec(**{**spec, "mean": tuple(spec["mean"]), "std": tuple(spec["std"])}),
                "labels": tuple(data["labels"]),
                "quantisation": tuple((scale, zero_point) for scale, zero_point in data["quantisation"]),
                "input_quantisation": tuple(data["input_quantisation"]),
                "custom_ops": tuple(data["custom_ops"]),
                "why": tuple(data["why"]),
                "files": tuple((name, inode, size, changed) for name, inode, size, changed in data["files"]),
            }
        )
