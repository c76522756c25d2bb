"""The other side of ultralytics_ratio.py, run by the Python that has ultralytics: `predict(stream=True)` over a clip.

Prints one JSON line: fps over the given seconds, after a warm-up, and the precision OpenVINO really used. Where
torchvision cannot be imported (its wheel wants CUDA), a stub stands in whose nms is Ultralytics' own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import types

os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")


def stand_in_for_torchvision() -> None:
    try:
        import torchvision  # noqa: F401
    except Exception:  # noqa: BLE001 - a CUDA build fails in several ways on a machine without one
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        stub, ops = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
        stub.__version__, stub.ops = "0.28.0", ops
        sys.modules.update({"torchvision": stub, "torchvision.ops": ops})
        from ultralytics.utils.nms import TorchNMS

        ops.nms = TorchNMS.nms


def in_precision(precision: str, used: list[str]) -> None:
    """OpenVINO takes bf16 by itself where the CPU has it, and Ultralytics leaves that so; f32 must be asked for."""
    import openvino

    plain = openvino.Core.compile_model

    def compile_model(self, model, device_name=None, config=None, **rest):
        hint = {"INFERENCE_PRECISION_HINT": precision} if precision != "default" else {}
        compiled = plain(self, model, device_name, {**(config or {}), **hint}, **rest)
        used.append(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        return compiled

    openvino.Core.compile_model = compile_model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", required=True)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--precision", choices=["default", "f32", "bf16"], default="default")
    options = parser.parse_args()
    stand_in_for_torchvision()
    used: list[str] = []
    in_precision(options.precision, used)
    from ultralytics import YOLO

    model = YOLO(options.model, task="detect")

    def frames():
        while True:
            yield from model.predict(source=options.clip, stream=True, verbose=False, imgsz=options.size)

    results = frames()
    for _ in range(40):
        next(results)
    count, boxes, start = 0, 0, time.monotonic()
    while time.monotonic() - start < options.seconds:
        boxes += len(next(results).boxes)
        count += 1
    fps = count / (time.monotonic() - start)
    print(json.dumps({"fps": round(fps, 2), "boxes": round(boxes / count, 2), "precision": used[-1] if used else None}))


if __name__ == "__main__":
    main()
