"""Quantised outputs that cannot mean what their head reads: refused with the reason and the way out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backends.contract import ArtifactError, Output
from backends.heads import make_head
from tests.support.heads import artifact


def head(family, shape, scale, zero_point=0, dtype="int8", classes=3, **options):
    return make_head(artifact(family, classes, **options), [Output("out", shape, dtype, scale, zero_point)])


ROWS = {
    "yolo": (1, 7, 2100),
    "yolov5": (1, 12600, 8),
    "yolox": (1, 4200, 8),
    "nanodet": (1, 4250, 35),
    "yolo-e2e": (1, 300, 6),
    "boxes": (1, 100, 6),
    "rtdetr": (1, 300, 6),
}


@pytest.mark.parametrize("family", ROWS)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_boxes_in_pixels_beside_scores(family, dtype):
    """The field symptom: boxes up to 320 and scores up to 1 with one scale, of which two scores survive."""
    options = {"decoded": True} if family == "yolox" else {}
    with pytest.raises(ArtifactError, match=r"in steps of 1\.25, which leaves 1 value.*in 0\.\.1.*yolo-split"):
        head(family, ROWS[family], 320 / 256, -128, dtype, **options)


@pytest.mark.parametrize(("scale", "usable"), [(1 / 255, True), (1 / 127, True), (1 / 126, False)])
def test_the_limit(scale, usable):
    if usable:
        head("yolo", ROWS["yolo"], scale, units="norm")
    else:
        with pytest.raises(ArtifactError, match=r"value\(s\) of confidence"):
            head("yolo", ROWS["yolo"], scale, units="norm")


def test_sixteen_bits_have_room_for_both():
    head("yolo", ROWS["yolo"], 640 / 32767, dtype="int16")


def test_small_numbers_of_a_network_may_be_coarser():
    head("yolox", ROWS["yolox"], 0.0233, -25)
    with pytest.raises(ArtifactError, match=r"in steps of 0\.1"):
        head("yolox", ROWS["yolox"], 0.1)


@pytest.mark.parametrize("family", ["yolo", "yolov5", "yolo-e2e"])
def test_too_small_for_pixels(family):
    with pytest.raises(ArtifactError, match=r"reaches 1 at most, .*`head: \{units: norm\}` into m\.yaml"):
        head(family, ROWS[family], 1 / 256)
    head(family, ROWS[family], 1 / 127, units="norm", classes=2 if family == "yolo-e2e" else 3)


@pytest.mark.parametrize("family", ["yolo-e2e", "boxes", "rtdetr"])
def test_too_small_for_the_class(family):
    options = {"units": "norm"} if family == "yolo-e2e" else {}
    with pytest.raises(ArtifactError, match="reaches 1 at most: too little for 80 classes"):
        head(family, ROWS[family], 1 / 127, classes=80, **options)


@pytest.mark.parametrize("family", ["yolo", "boxes"])
def test_a_scale_nobody_knows(family):
    with pytest.raises(ArtifactError, match="neither the file nor the engine says its scale"):
        head(family, ROWS[family], 0.0)


PARTS = {
    "ssd": {"detection_boxes": (1, 10, 4), "detection_classes": (1, 10), "detection_scores": (1, 10)},
    "rtdetr": {"boxes": (1, 300, 4), "logits": (1, 300, 3)},
    "rfdetr": {"dets": (1, 300, 4), "labels": (1, 300, 3)},
    "yolo-split": {"edges": (1, 4200, 64), "logits": (1, 4200, 3)},
}


@pytest.mark.parametrize(("family", "name"), [(f, name) for f in PARTS for name in PARTS[f] if "classes" not in name])
def test_a_scale_nobody_knows_of_one_of_several(family, name):
    """Its integers would be taken for logits: three hundred objects that are there for certain."""
    outputs = [Output(one, shape, "uint8", 0.1) for one, shape in PARTS[family].items()]
    make_head(artifact(family), outputs)
    unknown = [replace(output, scale=0.0) if output.name == name else output for output in outputs]
    with pytest.raises(ArtifactError, match=f"output {name} .* neither the file nor the engine says its scale"):
        make_head(artifact(family), unknown)


def test_numbers_of_classes_need_no_scale():
    outputs = [Output(one, shape, "uint8", 0.1) for one, shape in PARTS["ssd"].items()]
    make_head(
        artifact("ssd"), [replace(output, scale=0.0) if "classes" in output.name else output for output in outputs]
    )


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -0.1])
def test_a_scale_that_is_none(scale):
    with pytest.raises(ArtifactError, match="the file is damaged"):
        head("yolo", ROWS["yolo"], scale)
