"""The other side of gate.py, run by a Python that has av, numpy, opencv and scipy: Frigate's own motion detector.

    python frigate_motion.py CHECKOUT CLIP [CLIP ...]

Loads the detector's one module from a checkout of Frigate (the rest of Frigate would need its container) with the
defaults of its config, and prints one JSON line: by clip, the milliseconds of CPU per frame within a decode loop, as
it is and without its contrast step.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from statistics import fmean
from types import ModuleType, SimpleNamespace

import av
import cv2
import numpy as np

SETTLED = 20
"""Frames that do not count: it calibrates."""


def detector_class(checkout: Path) -> type:
    """ImprovedMotionDetector, with names in place of what its module imports but does not need for one camera."""
    names = {
        "frigate": {},
        "frigate.camera": {"PTZMetrics": object},
        "frigate.config": {},
        "frigate.config.config": {"RuntimeMotionConfig": object},
        "frigate.motion": {"MotionDetector": object},
        "frigate.util": {},
        "frigate.util.image": {"grab_cv2_contours": lambda found: found[-2]},
    }
    for name, members in names.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(members)
    path = checkout / "frigate" / "motion" / "improved_motion.py"
    spec = importlib.util.spec_from_file_location("improved_motion", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ImprovedMotionDetector


def cost(make: type, clip: str, *, contrast: bool) -> float:
    spans, detector = [], None
    with av.open(clip) as container:
        container.streams.video[0].thread_type = "SLICE"
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            y = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
            if detector is None:
                config = SimpleNamespace(
                    enabled=True,
                    threshold=30,
                    lightning_threshold=0.8,
                    skip_motion_threshold=None,
                    improve_contrast=contrast,
                    contour_area=10,
                    delta_alpha=0.2,
                    frame_alpha=0.01,
                    frame_height=100,
                    rasterized_mask=np.full(y.shape, 255, np.uint8),
                )
                detector = make(y.shape, config, 25)
            start = time.thread_time()
            detector.detect(y)
            spans.append(1e3 * (time.thread_time() - start))
    return fmean(spans[SETTLED:])


def main() -> None:
    cv2.setNumThreads(1)
    make, clips = detector_class(Path(sys.argv[1])), sys.argv[2:]
    print(json.dumps({clip: [cost(make, clip, contrast=contrast) for contrast in (True, False)] for clip in clips}))


if __name__ == "__main__":
    main()
