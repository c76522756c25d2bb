"""The other side of heads.py, run by the Python that has ultralytics: its post-processing of one raw output tensor.

Prints one JSON line, p50 in ms with one thread or as many as Ultralytics sets, whichever is faster here: `nms` is
non_max_suppression alone, from the tensor to boxes in pixels of the input; `postprocess` is what `predict` does after
the network, with the boxes scaled to the frame.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from types import SimpleNamespace

from ultralytics_predict import stand_in_for_torchvision


def p50(call, times: int) -> float:
    spans = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spans.append(1e3 * (time.perf_counter() - start))
    return statistics.median(spans[times // 10 :])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tensor", required=True)
    parser.add_argument("--times", type=int, default=250)
    parser.add_argument("--floor", type=float, required=True)
    parser.add_argument("--iou", type=float, required=True)
    options = parser.parse_args()
    stand_in_for_torchvision()
    import numpy as np
    import torch
    from ultralytics.models.yolo.detect import DetectionPredictor
    from ultralytics.utils import NUM_THREADS
    from ultralytics.utils.nms import non_max_suppression

    tensor = torch.from_numpy(np.load(options.tensor))
    predictor = DetectionPredictor(overrides={"conf": options.floor, "iou": options.iou, "verbose": False})
    predictor.model = SimpleNamespace(names={number: str(number) for number in range(80)}, end2end=False)
    predictor.batch = (["frame.jpg"],)
    image, frame = torch.zeros(1, 3, 640, 640), [np.zeros((720, 1280, 3), np.uint8)]
    calls = {
        "nms": lambda: non_max_suppression(tensor, options.floor, options.iou, max_det=300)[0],
        "postprocess": lambda: predictor.postprocess(tensor, image, frame)[0],
    }
    found = {}
    with torch.inference_mode():
        for threads in {1, NUM_THREADS}:
            torch.set_num_threads(threads)
            for name, call in calls.items():
                found[name] = min(p50(call, options.times), found.get(name, float("inf")))
        print(json.dumps({**found, "boxes": [len(call()) for call in calls.values()]}))


if __name__ == "__main__":
    main()
