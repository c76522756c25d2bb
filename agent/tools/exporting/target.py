"""What an export is for: the file it makes, what it needs, and what is left to do elsewhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Name = Literal["jetson", "coral", "cpu"]
CORAL_SIZE = 320
"""About 8 MB of an Edge TPU hold a network's weights and what it works on."""
_LEAST, _MOST = 32, 2048


class Unfit(Exception):
    """What was asked for does not go together; the text says why, and what does."""


@dataclass(frozen=True, slots=True)
class Target:
    """kind: as `backends.models.ultralytics_export` calls it. role: of the file that is wanted, among those it makes.

    suffix: of the file's name after that of the weights. imgsz: where nobody named one, None for what it was trained
    at. quantised: to INT8, which needs pictures, and has to be compared with the network it came from.
    """

    name: Name
    kind: str
    role: str
    suffix: str
    imgsz: int | None
    quantised: bool


def target(name: Name, *, int8: bool, data: Path | None, imgsz: int | None) -> Target:
    """Raises Unfit."""
    if imgsz is not None and not _LEAST <= imgsz <= _MOST:
        raise Unfit(f"--imgsz {imgsz} is not within {_LEAST}..{_MOST}")
    if imgsz is not None and imgsz % _LEAST:
        raise Unfit(
            f"--imgsz {imgsz} is not a multiple of {_LEAST}, the coarsest stride of a YOLO; "
            f"use {imgsz // _LEAST * _LEAST}"
        )
    if name == "jetson" and int8:
        raise Unfit(
            "--int8 is not for a Jetson: its engine is built there, in FP16, and Ultralytics' own INT8 engine finds "
            "half of what FP16 finds (mAP 0.32, not 0.61)"
        )
    quantised = int8 or name == "coral"
    if quantised and data is None:
        why = "a Coral computes in INT8 only" if name == "coral" else "--int8 was asked for"
        raise Unfit(f"{why}: name a folder of pictures like those of your cameras, to calibrate on: --data DIR")
    if name == "coral":
        return Target(name, "tflite-int8", "tflite", ".tflite", imgsz or CORAL_SIZE, quantised)
    if int8:
        return Target(name, "openvino-int8", "xml", "_int8.xml", imgsz, quantised)
    return Target(name, "onnx", "onnx", ".onnx", imgsz, quantised)


def left_to_do(wanted: Target, file: Path) -> tuple[str, ...]:
    """One line each, in order."""
    compiled = f"{file.stem}_edgetpu.tflite"
    if wanted.name == "coral":
        return (
            f"compile it for the Edge TPU: edgetpu_compiler -s {file.name}",
            "  (Google's compiler: x86-64 only, and not in Debian; -s tells how many operators run on the chip)",
            f"copy {compiled}, {compiled}.yaml, {file.name} and {file.name}.yaml to the device, beside each other",
            f"there: vedette models add {compiled}    # {file.name} comes along, for when the chip is away",
        )
    if wanted.name == "jetson":
        return (
            f"copy {file.name} and {file.name}.yaml to the Jetson, beside each other",
            f"there: vedette models add {file.name}",
            f"there: vedette models bench {file.stem}    # builds its engine, which takes minutes",
            "  (in FP16 where the GPU is fast at it; vedette run would build it too, while the CPU serves)",
        )
    return (f"vedette models add {file}", f"or name the file in the config: model: {file}")
