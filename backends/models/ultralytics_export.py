"""Exports YOLO weights with Ultralytics, in a process and usually an interpreter of its own.

    OTHER_PYTHON backends/bridge.py backends.models.ultralytics_export < REQUEST.json

Ultralytics is AGPL-3.0: nothing of this project imports it in process, and nothing imports this module. Weights are
pickles, which may run any code: another reason for a process that is asked once and then gone. Here is only what
Ultralytics alone can do; what its files are worth is found out by whoever asked.

The request: weights (a copy in the working folder, where all that is made goes), target, imgsz (or null), data (a
dataset's YAML, or null). The answer, one JSON line: {task, version, imgsz, files: {role: path}}, or {refused: why} or
{missing: [packages]}. Steps and what libraries print go to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.child import die_with_parent, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIBC = ctypes.CDLL(None)
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
_BEAT_SECONDS = 4.0
_TESTED = (8, 4, 190)
_BASE = {"ultralytics": "ultralytics>=8.4.190", "torch": "torch", "onnx": "onnx", "onnxslim": "onnxslim"}
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "onnx": _BASE,
    "openvino-int8": {**_BASE, "openvino": "openvino", "nncf": "nncf"},
    "tflite-int8": {
        **_BASE,
        "onnxruntime": "onnxruntime",
        "tensorflow": "tensorflow<=2.19",
        "tf_keras": "tf_keras<=2.19",
        "onnx2tf": "onnx2tf>=1.26.3,<1.29",
        "sng4onnx": "sng4onnx>=1.0.1",
        "onnx_graphsurgeon": "onnx_graphsurgeon>=0.3.26",
        "ai_edge_litert": "ai-edge-litert>=1.2",
    },
}
"""By target, the modules its exporter imports, and what pip calls them. It would install them itself unless told not
to, or fail in the middle."""
_TASKS = ("detect", "segment", "pose")
_SAMPLE = "calibration_image_sample_data_20x128x128x3_float32.npy"


class Refused(Exception):
    """The weights cannot become what was asked for; the text says why."""


def export(request: Mapping[str, Any]) -> dict[str, Any]:
    if missing := [name for module, name in _NEEDS[request["target"]].items() if not _there(module)]:
        return {"missing": missing}
    step = _Steps()
    step("import torch and ultralytics", 0.05)
    # Its pick of usage statistics is made when it is imported: so it is told before.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    from ultralytics.utils import SETTINGS, USER_CONFIG_DIR

    SETTINGS.update(sync=False)
    (USER_CONFIG_DIR / "Arial.ttf").touch()  # it fetches a font for plots that nobody draws
    from ultralytics import YOLO, __version__

    if request["target"] != "onnx" and _numbers(__version__) < _TESTED:  # it was told otherwise to quantise
        raise Refused(f"Ultralytics {__version__} is too old to quantise; update it to {_dotted(_TESTED)} or newer")
    step("load the weights", 0.15)
    try:
        model = YOLO(request["weights"])
        task, stride = model.task, max(32, int(max(model.model.stride)))
    except Exception as error:
        raise Refused(f"Ultralytics {__version__} cannot load them: {_first_line(error)}") from error
    if task not in _TASKS:
        what = {"obb": "oriented boxes", "classify": "one class for the whole picture"}.get(task, "no boxes")
        raise Refused(f"made for task {task}: it gives {what}; detect, segment and pose are possible")
    size = request["imgsz"] or _trained_at(model)
    if size % stride:
        raise Refused(f"--imgsz {size} is not a multiple of {stride}, this network's stride")
    common = {"imgsz": size, "device": "cpu", "batch": 1, "verbose": False}
    step("export to ONNX", 0.2)
    files = {"onnx": _moved(model.export(format="onnx", **common), "reference.onnx")}
    if request["target"] == "openvino-int8":
        step("quantise with nncf for OpenVINO", 0.4)
        folder = model.export(format="openvino", quantize=8, data=request["data"], **common)
        files["xml"] = str(next(Path(folder).glob("*.xml")).absolute())
    elif request["target"] == "tflite-int8":
        step("quantise with TensorFlow for TFLite", 0.4)
        files["tflite"] = _tflite(model, request["data"], common)
    step("exported", 1.0)
    return {"task": task, "version": __version__, "imgsz": size, "files": files}


def _tflite(model: Any, data: str, common: Mapping[str, Any]) -> str:
    """The full-integer file that the Edge TPU's compiler takes; it is not compiled here."""
    from ultralytics.engine.exporter import Exporter

    _own_sample(Path(data).parent)
    kept: list[str] = []

    def stop(_: object, tflite_model: Path, **__: object) -> str:
        kept.append(str(Path(tflite_model).absolute()))
        return kept[0]

    Exporter.export_edgetpu = stop  # else it downloads the compiler, or looks for it and fails
    model.export(format="edgetpu", quantize=8, data=data, **common)
    return kept[0]


def _own_sample(folder: Path) -> None:
    """What onnx2tf tries its graph on; it would be downloaded. Real pictures do, and the user's own are here."""
    import numpy as np
    from PIL import Image

    paths = sorted((folder / "images").iterdir())
    pictures = [np.asarray(Image.open(path).convert("RGB").resize((128, 128)), np.float32) / 255 for path in paths[:20]]
    np.save(_SAMPLE, np.stack([pictures[number % len(pictures)] for number in range(20)]))


def _trained_at(model: Any) -> int:
    args = getattr(model.model, "args", None)
    size = args.get("imgsz") if isinstance(args, dict) else getattr(args, "imgsz", None)
    return size if isinstance(size, int) and size >= 32 else 640


def _moved(path: str, name: str) -> str:
    """The exporter of another format would write over it."""
    return str(Path(path).rename(name).absolute())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _without_network() -> None:
    """What the switches of so many libraries forget, the kernel refuses; where it lets us ask for that."""
    uid, gid = os.getuid(), os.getgid()
    if _LIBC.unshare(_NEW_NETWORK) == 0 or _LIBC.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        return  # as root, and where users may not have namespaces of their own
    own = Path("/proc/self")
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with contextlib.suppress(OSError):  # files then seem to be nobody's, and are ours all the same
            (own / file).write_text(text)


class _Steps:
    """Says the step at hand, and again while it lasts: an exporter may be silent for minutes."""

    def __init__(self) -> None:
        self._now = ("", 0.0)
        self._since = time.monotonic()
        threading.Thread(target=self._beat, daemon=True).start()

    def __call__(self, phase: str, done: float) -> None:
        self._now, self._since = (phase, done), time.monotonic()
        tell(phase, done)

    def _beat(self) -> None:
        while True:
            time.sleep(_BEAT_SECONDS)
            phase, done = self._now
            tell(f"{phase}, {time.monotonic() - self._since:.0f} s", done)


def main(run: Callable[[Mapping[str, Any]], dict[str, Any]] = export) -> int:
    die_with_parent()
    _without_network()
    request = json.load(sys.stdin)
    answers = os.dup(1)
    os.dup2(2, 1)  # libraries print where the answer belongs
    os.chdir(Path(request["weights"]).parent)
    try:
        answer = run(request)
    except Refused as error:
        answer = {"refused": str(error)}
    os.write(answers, (json.dumps(answer) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
