"""Run by the Python that has Ultralytics: weights made from its own YAML, nothing downloaded.

    python networks.py FOLDER

plain.pt, segment.pt, pose.pt, obb.pt, classify.pt: as the YAML gives them, random. bright.pt: trained here for a minute
or two to find bright rectangles on a dark, noisy ground, so that it really sees something; bright/: pictures of those.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np

SIZE = 96
NAMES = {"plain": "yolo11n.yaml", "segment": "yolo11n-seg.yaml", "pose": "yolo11n-pose.yaml", "obb": "yolo11n-obb.yaml"}


def pictures(folder: Path, count: int, seed: int) -> None:
    """Each with its label file, as YOLO has them."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for number in range(count):
        picture = random.integers(0, 70, (SIZE, SIZE, 3)).astype(np.uint8)
        lines = []
        for x, y, width, height in _rectangles(random):
            picture[y : y + height, x : x + width] = random.integers(180, 255)
            centre = (x + width / 2) / SIZE, (y + height / 2) / SIZE
            lines.append(f"0 {centre[0]} {centre[1]} {width / SIZE} {height / SIZE}")
        cv2.imwrite(str(folder / "images" / f"{number:03}.png"), picture)
        (folder / "labels" / f"{number:03}.txt").write_text("\n".join(lines))


def _rectangles(random: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """A large one anywhere, or one or two small ones in corners of their own.

    Of all sizes: an anchor that never learned makes boxes beyond the picture, and spoils the scale of the INT8 output.
    """
    if random.random() < 0.5:
        width, height = random.integers(40, 88, 2).tolist()
        return [(int(random.integers(0, SIZE - width)), int(random.integers(0, SIZE - height)), width, height)]
    corners = random.permutation(4)[: random.integers(1, 3)].tolist()
    return [
        (corner % 2 * SIZE // 2 + 4, corner // 2 * SIZE // 2 + 4, *random.integers(18, 40, 2).tolist())
        for corner in corners
    ]


def main(folder: Path) -> None:
    os.chdir(folder)
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=str(folder))
    sys.modules["openvino_telemetry"] = None
    from ultralytics.utils import SETTINGS

    SETTINGS.update(sync=False)
    sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
    from ultralytics_predict import stand_in_for_torchvision

    stand_in_for_torchvision()
    from ultralytics import YOLO

    for name, yaml in (*NAMES.items(), ("classify", "yolo11n-cls.yaml")):
        YOLO(yaml).save(f"{name}.pt")
    pictures(folder / "train", 240, 0)
    pictures(folder / "bright", 40, 1)
    data = folder / "bright.yaml"
    data.write_text(f"path: {folder}\ntrain: train/images\nval: bright/images\nnames: {{0: bright}}\n")
    model = YOLO("yolo11n.yaml")
    model.train(
        data=str(data), epochs=25, imgsz=SIZE, batch=16, workers=0, device="cpu",
        val=False, plots=False, amp=False, mosaic=0, scale=0, translate=0, hsv_v=0, fliplr=0, erasing=0,
        auto_augment=None, optimizer="AdamW", lr0=0.002, warmup_epochs=1,
        project=str(folder / "runs"), name="bright", exist_ok=True,
    )  # fmt: skip
    (folder / "runs/bright/weights/last.pt").rename(folder / "bright.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
