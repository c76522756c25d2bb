"""What the shapes of a file's outputs prove, and the refusals where they have several meanings."""

from __future__ import annotations

import pytest

from backends.contract import ArtifactError
from backends.models.resolve import open_artifact
from tests.support import models

IMAGE = [("images", (1, 3, 640, 640), 1)]
FLOAT, INT8, UINT8 = 1, 9, 3


def onnx(tmp_path, outputs, labels=3, sidecar="", metadata=None):
    path = tmp_path / "m.onnx"
    path.write_bytes(models.onnx(IMAGE, [(name, shape, FLOAT) for name, shape in outputs], metadata))
    names = f"labels: [{', '.join('abcdefgh'[:labels])}]\n" if labels else ""
    path.with_suffix(".yaml").write_text(names + sidecar)
    return path


@pytest.mark.parametrize(
    ("outputs", "family"),
    [
        ([("o", (1, 7, 8400))], "yolo"),
        ([("o", (1, 25200, 8))], "yolov5"),
        ([("o", (1, 3 * (6400 + 1600 + 400 + 100), 8))], "yolov5"),
        ([("o", (1, 8400, 35))], "nanodet"),
        ([("o", (1, 8500, 35))], "nanodet"),
        ([("dets", (1, 300, 4)), ("labels", (1, 300, 3))], "rfdetr"),
        ([("dets", (1, 300, 4)), ("labels", (1, 300, 3)), ("masks", (1, 300, 108, 108))], "rfdetr"),
        ([("a", (1, 64, 8400)), ("b", (1, 3, 8400))], "yolo-split"),
        ([(f"{c}{s}", (1, c, 640 // s, 640 // s)) for s in (8, 16, 32) for c in (3, 64)], "yolo-split"),
        ([("a", (1, 8400, 64)), ("b", (1, 8400, 3)), ("c", (1, 8400, 1))], "yolo-split"),
    ],
)
def test_proven(tmp_path, outputs, family):
    artifact = open_artifact(onnx(tmp_path, outputs))
    assert artifact.family == family
    assert any(line.startswith(f"family = {family}  (output") or "labels" in line for line in artifact.why)


TRANSFORMERS = [("pred_logits", (1, 300, 3)), ("pred_boxes", (1, 300, 4))]


@pytest.mark.parametrize(
    ("outputs", "labels", "lines"),
    [
        ([("o", (1, 300, 6))], 3, ["yolo-e2e ", "boxes ", "rtdetr "]),
        ([("o", (1, 300, 6))], 1, ["yolo-e2e ", "boxes ", "rtdetr ", "yolox ", "yolox ", "yolov5 "]),
        ([("o", (1, 300, 6))], 2, ["yolo-e2e ", "boxes ", "rtdetr ", "yolo "]),
        ([("o", (1, 300, 6))], 0, ["yolo-e2e ", "boxes ", "rtdetr "]),
        ([("o", (1, 8400, 8))], 3, ["yolox ", "yolox ", "yolov5 "]),
        ([("o", (1, 8400, 7))], 3, ["yolo ", "rtdetr "]),
        (TRANSFORMERS, 3, ["rtdetr ", "rfdetr "]),
    ],
)
def test_several_meanings(tmp_path, outputs, labels, lines):
    with pytest.raises(ArtifactError) as caught:
        open_artifact(onnx(tmp_path, outputs, labels))
    first, *rest = str(caught.value).splitlines()
    assert "several meanings; write the right one as `family:` into" in first
    assert [line.strip().split(" ")[0] + " " for line in rest] == lines


@pytest.mark.parametrize("family", ["yolo-e2e", "boxes", "rtdetr"])
def test_a_line_in_the_sidecar_settles_it(tmp_path, family):
    artifact = open_artifact(onnx(tmp_path, [("o", (1, 300, 6))], sidecar=f"family: {family}\n"))
    assert artifact.family == family
    assert artifact.input.resize == ("letterbox" if family == "yolo-e2e" else "stretch")


@pytest.mark.parametrize("family", ["rtdetr", "rfdetr"])
def test_the_input_of_a_transformer(tmp_path, family):
    spec = open_artifact(onnx(tmp_path, TRANSFORMERS, sidecar=f"family: {family}\n")).input
    assert (spec.resize, spec.color) == ("stretch", "RGB")
    mean, std = ((0.0,) * 3, (255.0,) * 3)
    if family == "rfdetr":
        mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    assert (spec.mean, spec.std) == (mean, std)


def tflite(tmp_path, outputs, scale, sidecar, dtype=INT8, operators=(), signature=()):
    path = tmp_path / "m.tflite"
    io = [(f"o{i}", shape, dtype) for i, shape in enumerate(outputs)]
    image = [("i", (1, 320, 320, 3), UINT8)]
    path.write_bytes(models.tflite(image, io, operators, signature, scale=scale))
    path.with_suffix(".yaml").write_text(sidecar)
    return path


def test_an_efficientdet_lite(tmp_path):
    path = tflite(
        tmp_path,
        [(1, 25, 4), (1, 25), (1, 25), (1,)],
        None,
        "family: efficientdet-lite\nlabels: [person]\n",
        FLOAT,
        ["TFLite_Detection_PostProcess"],
        [3, 1, 2, 0],
    )
    artifact = open_artifact(path)
    assert artifact.family == "efficientdet-lite"
    assert artifact.head == {"outputs": {"count": 3, "scores": 1, "classes": 2, "boxes": 0}}
    spec = artifact.input
    assert (spec.layout, spec.dtype, spec.resize, spec.mean, spec.std) == (
        "NHWC", "uint8", "stretch", (0.0,) * 3, (1.0,) * 3,
    )  # fmt: skip


@pytest.mark.parametrize(("shape", "family"), [((1, 7, 2100), "yolo"), ((1, 6300, 8), "yolov5")])
def test_boxes_in_pixels_beside_scores_are_refused_when_the_file_is_opened(tmp_path, shape, family):
    with pytest.raises(ArtifactError, match=r"in steps of 1\.25, .*Export it with boxes in 0\.\.1"):
        open_artifact(tflite(tmp_path, [shape], (1.25, -128), "labels: [a, b, c]\n"))
    artifact = open_artifact(tflite(tmp_path, [shape], (1 / 255, -128), "labels: [a, b, c]\n"))
    assert (artifact.family, artifact.head) == (family, {"units": "norm"})


def test_a_split_yolo_for_the_edge_tpu(tmp_path):
    artifact = open_artifact(tflite(tmp_path, [(1, 2100, 3), (1, 2100, 64)], (0.1, 3), "labels: [a, b, c]\n"))
    assert (artifact.family, artifact.input.resize) == ("yolo-split", "letterbox")
    stated = "labels: [a, b, c]\nfamily: yolo-split\nhead: {outputs: {boxes: [1], scores: [o0]}, iou: 0.5}\n"
    artifact = open_artifact(tflite(tmp_path, [(1, 2100, 3), (1, 2100, 64)], (0.1, 3), stated))
    assert artifact.head == {"outputs": {"boxes": [1], "scores": ["o0"]}, "iou": 0.5}


@pytest.mark.parametrize(
    ("wrong", "says"), [("[]", r"\[\] is neither"), ("[true]", "True is neither"), ("{}", "neither")]
)
def test_outputs_that_are_no_outputs(tmp_path, wrong, says):
    sidecar = f"labels: [a, b, c]\nfamily: yolo-split\nhead: {{outputs: {{boxes: {wrong}}}}}\n"
    with pytest.raises(ArtifactError, match=f"head.outputs: boxes: .*{says}"):
        open_artifact(tflite(tmp_path, [(1, 2100, 3), (1, 2100, 64)], (0.1, 3), sidecar))
