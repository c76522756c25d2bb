"""Heads of YOLOv5, NanoDet and the transformers, on tensors made from known boxes."""

from __future__ import annotations

import numpy as np
import pytest

from backends.contract import ArtifactError, Output
from backends.heads import make_head
from tests.support.heads import HEIGHT, KNOWN, NORM, WIDTH, artifact, centres, check, decode, output, stored


def logit(confidence):
    return np.log(confidence / (1 - confidence))


def yolov5_tensor(rows=KNOWN, *, n=12600, norm=False, extra=0):
    tensor = np.zeros((1, n, 8 + extra), np.float32)
    at = np.arange(len(rows)) * 7 + 2
    tensor[0, at, :4] = centres(rows[:, :4]) / (NORM if norm else 1)
    tensor[0, at, 4] = 0.96
    tensor[0, at, 5 + rows[:, 5].astype(int)] = rows[:, 4] / 0.96
    tensor[0, 1, 4:8] = [0.9, 0.2, 0.1, 0.2]  # sure of an object, of no class
    tensor[0, 5, 4:8] = [0.2, 0.9, 0.9, 0.9]  # sure of a class, of no object
    tensor[0, :, 8:] = 7.0
    return tensor


@pytest.mark.parametrize(("options", "tensor"), [({}, {}), ({"units": "norm"}, {"norm": True}), ({"extra": 32},) * 2])
def test_yolov5(options, tensor):
    check(decode(artifact("yolov5", **options), [yolov5_tensor(**tensor)]))


def test_yolov5_quantised():
    tensor = yolov5_tensor(norm=True)
    found = decode(artifact("yolov5", units="norm"), [stored(tensor, 1 / 255, 0, np.uint8)], scale=1 / 255)
    check(found, atol=WIDTH / 255, confidence_atol=2 / 255)


def test_yolov5_suppresses_within_a_class():
    rows = KNOWN[[0, 0, 0]].copy()
    rows[:, 4], rows[:, 5] = [0.9, 0.8, 0.7], [2, 2, 1]
    check(decode(artifact("yolov5"), [yolov5_tensor(rows)]), rows[[0, 2]])


def edges(rows, cell, stride, bins, offset):
    """(len(rows), 4, bins) logits whose expectation is the distance of each edge from the cell's point, in strides."""
    point = (np.array(cell) + offset) * stride
    distance = np.concatenate((point - rows[:, :2], rows[:, 2:4] - point), axis=1) / stride
    low = np.floor(distance).astype(int)
    part = distance - low
    logits = np.full((len(rows), 4, bins), -30.0, np.float32)
    for row, side in np.ndindex(distance.shape):
        logits[row, side, low[row, side]] = np.log(1 - part[row, side] + 1e-9)
        logits[row, side, low[row, side] + 1] = np.log(part[row, side] + 1e-9)
    return logits.reshape(len(rows), -1)


NANODET = KNOWN.copy()
NANODET[1, :4] = [300, 40, 343, 90]


def nanodet_tensor(strides, offset):
    n = [-(-HEIGHT // s) * -(-WIDTH // s) for s in strides]
    tensor = np.zeros((1, sum(n), 3 + 32), np.float32)
    tensor[0, :, 3:] = 5.0
    # Each box from a cell near its middle, of a stride where 7 bins reach its edges.
    for row, level, cell in zip(NANODET, (2, 1, 2), ((2, 3), (20, 4), (17, 7)), strict=True):
        at = sum(n[:level]) + cell[1] * -(-WIDTH // strides[level]) + cell[0]
        tensor[0, at, int(row[5])] = row[4]
        tensor[0, at, 3:] = edges(row[None], cell, strides[level], 8, offset)[0]
    return tensor


@pytest.mark.parametrize(("strides", "offset"), [((8, 16, 32), 0.5), ((8, 16, 32, 64), 0.0)], ids=["v1", "plus"])
def test_nanodet(strides, offset):
    check(decode(artifact("nanodet"), [nanodet_tensor(strides, offset)]), NANODET, atol=1e-2)


def test_nanodet_of_another_input_is_refused():
    with pytest.raises(ArtifactError, match=r"\(1, 4200 or 4250, 35\); the model has out0 \(1, 3598, 35\)"):
        make_head(artifact("nanodet"), [Output("out0", (1, 3598, 35), "float32")])


def detr_tensors(rows=KNOWN, *, columns=3, queries=300, of=None):
    boxes, logits = np.full((1, queries, 4), 0.5, np.float32), np.full((1, queries, columns), -8.0, np.float32)
    at = np.arange(len(rows)) * 11 + 3
    boxes[0, at] = centres(rows[:, :4]) / NORM
    classes = rows[:, 5].astype(int) if of is None else np.array(of)
    logits[0, at, classes] = logit(rows[:, 4])
    return boxes, logits


def rtdetr_rows(rows=KNOWN):
    table = np.zeros((1, 300, 6), np.float32)
    table[0, : len(rows)] = rows
    table[0, : len(rows), :4] = centres(rows[:, :4]) / NORM
    return table


def test_rtdetr_of_ultralytics():
    check(decode(artifact("rtdetr"), [rtdetr_rows()]))
    before = np.zeros((1, 300, 7), np.float32)
    before[0, :3, :4] = centres(KNOWN[:, :4]) / NORM
    before[0, np.arange(3), 4 + KNOWN[:, 5].astype(int)] = KNOWN[:, 4]
    check(decode(artifact("rtdetr"), [before]))


def test_a_row_of_scores_gives_its_best_class_once():
    table = np.zeros((1, 300, 7), np.float32)
    table[0, 7] = [0.5, 0.5, 0.2, 0.2, 0.3, 0.8, 0.6]
    found = decode(artifact("rtdetr"), [table])
    assert found.class_id.tolist() == [1]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("names", [None, ("pred_boxes", "pred_logits")])
def test_rtdetr_of_libreyolo(turned, names):
    step = -1 if turned else 1
    tensors = detr_tensors()[::step]
    check(decode(artifact("rtdetr"), tensors, names=names and names[::step]))


def test_rtdetr_gives_two_classes_of_one_query():
    boxes, logits = detr_tensors(KNOWN[:1])
    logits[0, 3, 0] = logit(0.6)
    found = decode(artifact("rtdetr"), [logits, boxes])
    assert found.class_id.tolist() == [2, 0]
    np.testing.assert_allclose(found.xyxy, KNOWN[[0, 0], :4], atol=1e-3)


def test_rtdetr_quantised_each_tensor_by_its_own_scale():
    boxes, logits = detr_tensors()
    kinds = [Output("a", logits.shape, "int8", 0.0625, 0), Output("b", boxes.shape, "uint8", 1 / 255, 0)]
    tensors = [stored(logits, 0.0625, 0), stored(boxes, 1 / 255, 0, np.uint8)]
    check(decode(artifact("rtdetr"), tensors, outputs=kinds), atol=WIDTH / 255, confidence_atol=0.01)


def test_four_classes_look_like_boxes():
    boxes, logits = detr_tensors(columns=4)
    kinds = [output(boxes, "x"), output(logits, "y")]
    with pytest.raises(ArtifactError, match=r"told apart by head: \{outputs: \{boxes: 0, scores: 1\}\}"):
        make_head(artifact("rtdetr", 4), kinds)
    for outputs in ({"boxes": 0}, {"scores": "y"}, {"boxes": "x", "scores": 1}):
        check(decode(artifact("rtdetr", 4, outputs=outputs), [boxes, logits], names=["x", "y"]))
    for wrong, says in ((0, ".*, which is boxes already"), ("x", ".*, which is boxes already"), ([], "a list of 0")):
        with pytest.raises(ArtifactError, match=rf"m\.onnx: head\.outputs\.scores is {says}"):
            decode(artifact("rtdetr", 4, outputs={"boxes": 0, "scores": wrong}), [boxes, logits], names=["x", "y"])
    for several in ("rtdetr", "ssd"):
        with pytest.raises(
            ArtifactError, match=rf"head\.outputs\.boxes is a list of 2; family '{several}' has one output"
        ):
            make_head(artifact(several, 4, outputs={"boxes": [0, 1]}), kinds)
    check(decode(artifact("rtdetr", 4), [boxes, logits], names=["pred_boxes", "pred_logits"]))


def test_two_labels_and_six_columns_must_be_said():
    known = KNOWN[1:]
    scores = np.zeros((1, 300, 6), np.float32)
    scores[0, :2, :4] = centres(known[:, :4]) / NORM
    scores[0, np.arange(2), 4 + known[:, 5].astype(int)] = known[:, 4]
    with pytest.raises(ArtifactError, match=r"(?s)head: \{rows: class\} .*head: \{rows: scores\} "):
        make_head(artifact("rtdetr", 2), [output(scores)])
    check(decode(artifact("rtdetr", 2, rows="scores"), [scores]), known)
    check(decode(artifact("rtdetr", 2, rows="class"), [rtdetr_rows(known)]), known)
    with pytest.raises(ArtifactError, match=r"head\.rows is class, which needs 6 columns; the output has 7"):
        make_head(artifact("rtdetr", 3, rows="class"), [Output("o", (1, 300, 7), "float32")])


COCO_IDS = [3, 1, 90]  # car, person, toothbrush: 2, 0 and 79 of the 80


@pytest.mark.parametrize("masks", [False, True])
def test_rfdetr_numbers_of_coco(masks):
    boxes, logits = detr_tensors(columns=91, of=COCO_IDS)
    logits[0, 200, [0, 12, 83]] = 5.0  # holes in the numbers: never a detection
    expected = KNOWN.copy()
    expected[:, 5] = [2, 0, 79]
    more = [np.ones((1, 300, 97, 97), np.float32)] if masks else []
    names = ["dets", "labels", "masks"][: 2 + masks]
    check(decode(artifact("rfdetr", 80), [boxes, logits, *more], names=names), expected)


@pytest.mark.parametrize(
    ("number", "label"),
    [
        (1, 0),
        (11, 10),
        (13, 11),
        (25, 23),
        (27, 24),
        (28, 25),
        (31, 26),
        (44, 39),
        (46, 40),
        (65, 59),
        (67, 60),
        (70, 61),
        (72, 62),
        (82, 72),
        (84, 73),
        (90, 79),
    ],
)
def test_rfdetr_numbers_around_the_holes(number, label):
    """Numbers of COCO's categories and their places among the 80: 13 is the stop sign, 84 the book."""
    boxes, logits = detr_tensors(KNOWN[:1], columns=91, of=[number])
    assert decode(artifact("rfdetr", 80), [boxes, logits], names=["dets", "labels"]).class_id.tolist() == [label]


@pytest.mark.parametrize(
    ("columns", "options", "of"), [(3, {}, 0), (4, {"label_offset": 0}, 0), (4, {"label_offset": 1}, 1)]
)
def test_rfdetr_of_ones_own(columns, options, of):
    boxes, logits = detr_tensors(columns=columns, of=KNOWN[:, 5].astype(int) + of)
    check(decode(artifact("rfdetr", **options), [boxes, logits], names=["dets", "labels"]))


@pytest.mark.parametrize(
    ("columns", "options", "says"),
    [
        (4, {}, r"(?s)4 columns for 3 labels.*head: \{label_offset: 0\}.*head: \{label_offset: 1\}"),
        (4, {"label_offset": 2}, "need 5 columns; the logits have 4"),
        (10**15, {}, r"needs logits \(1, n, 3\) or one column more"),
        (91, {}, r"needs logits \(1, n, 3\) or one column more"),
        (2, {}, r"needs logits \(1, n, 3\)"),
    ],
)
def test_rfdetr_that_does_not_fit(columns, options, says):
    outputs = [Output("dets", (1, 300, 4), "float32"), Output("labels", (1, 300, columns), "float32")]
    with pytest.raises(ArtifactError, match=says):
        make_head(artifact("rfdetr", **options), outputs)


def test_efficientdet_lite_in_the_order_of_its_signature():
    boxes, scores, classes = (
        np.zeros((1, 25, 4), np.float32),
        np.zeros((1, 25), np.float32),
        np.zeros((1, 25), np.float32),
    )
    boxes[0, :3] = (KNOWN[:, :4] / NORM)[:, [1, 0, 3, 2]]
    scores[0, :3], classes[0, :3] = KNOWN[:, 4], KNOWN[:, 5]
    check(decode(artifact("efficientdet-lite"), [np.array([25.0], np.float32), scores, classes, boxes]))


@pytest.mark.parametrize(
    ("family", "classes", "shapes", "says"),
    [
        ("yolov5", 3, [(1, 12600, 9)], r"one output \(1, n, 8\)"),
        ("nanodet", 3, [(1, -1, 35)], r"\(1, 4200 or 4250, 35\)"),
        ("rtdetr", 3, [(1, 300, 8)], r"one output \(1, n, 6\) or \(1, n, 7\)"),
        ("rtdetr", 3, [(1, 300, 4), (1, 300, 5)], r"logits \(1, n, 3\)"),
        ("rtdetr", 3, [(1, 300, 4), (1, 200, 3)], r"boxes \(1, n, 4\) and logits"),
        ("rfdetr", 3, [(1, 300, 4)], r"boxes \(1, n, 4\) and logits"),
    ],
)
def test_tensors_that_do_not_fit(family, classes, shapes, says):
    outputs = [Output(f"out{i}", shape, "float32") for i, shape in enumerate(shapes)]
    with pytest.raises(ArtifactError, match=says):
        make_head(artifact(family, classes), outputs)
