"""Head `yolo-split`: edges and class logits in tensors of their own, as on the Edge TPU."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from backends.contract import ArtifactError, Output
from backends.heads import make_head
from tests.support.heads import HEIGHT, KNOWN, WIDTH, artifact, check, decode, output, stored

STRIDES = (8, 16, 32)
SIZES = [(HEIGHT // s, WIDTH // s) for s in STRIDES]
# Of each known box: the level and the cell (x, y) that predicts it.
CELLS = [(1, (3, 7)), (0, (40, 8)), (2, (17, 8))]
EDGES, LOGITS = 0.125, 0.0625
"""The scales of the quantised tensors, both with zero point 0 and different ones."""


def made(classes=3, layout="NHWC", **head):
    plain = artifact("yolo-split", classes, **head)
    return dataclasses.replace(plain, input=dataclasses.replace(plain.input, layout=layout))


def level_tensors(classes=3, rows=KNOWN, cells=CELLS):
    """Of each stride the edges (h, w, 64) and the logits (h, w, classes).

    A distance of d cells is all weight on bin d, or half on each of two: both survive quantisation.
    """
    boxes = [np.zeros((h, w, 64), np.float32) for h, w in SIZES]
    scores = [np.full((h, w, classes), -6.0, np.float32) for h, w in SIZES]
    for row, (level, (x, y)) in zip(rows, cells, strict=True):
        stride = STRIDES[level]
        point = (np.array([x, y, x, y]) + 0.5) * stride
        distance = np.abs(point - row[:4]) / stride
        bins = np.full((4, 16), -15.0, np.float32)
        for side, d in enumerate(distance):
            low = int(d)
            bins[side, low] = 0.0
            bins[side, low + 1] = np.log(max((d - low) / (1 - d + low), 1e-9))
        boxes[level][y, x] = bins.clip(-15).ravel()
        scores[level][y, x, int(row[5])] = np.log(row[4] / (1 - row[4]))
    return boxes, scores


def concatenated(levels):
    return np.concatenate([level.reshape(-1, level.shape[-1]) for level in levels])[None]


def forms():
    boxes, scores = level_tensors()
    separate = [tensor[None] for pair in zip(scores, boxes, strict=True) for tensor in pair]
    first = [np.ascontiguousarray(tensor.transpose(0, 3, 1, 2)) for tensor in separate]
    together = [concatenated(scores), concatenated(boxes)]
    turned = [np.ascontiguousarray(tensor.transpose(0, 2, 1)) for tensor in together]
    return {
        "a pair a stride, channels last": (separate, "NHWC"),
        "a pair a stride, channels first": (first, "NCHW"),
        "shuffled": (separate[::-1], "NHWC"),
        "together, channels last": (together, "NHWC"),
        "together, channels first": (turned, "NCHW"),
        "with the highest logit of each cell": ([*together, together[0].max(axis=2, keepdims=True)], "NHWC"),
    }


FORMS = forms()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [None, np.int8, np.uint8])
def test_every_form(form, dtype):
    tensors, layout = FORMS[form]
    if dtype is None:
        check(decode(made(layout=layout), tensors), atol=0.05)
        return
    zero = 0 if dtype is np.int8 else 128
    kinds, quantised = [], []
    for index, tensor in enumerate(tensors):
        scale = EDGES if 64 in tensor.shape else LOGITS
        kinds.append(Output(f"out{index}", tensor.shape, np.dtype(dtype).name, scale, zero))
        quantised.append(stored(tensor, scale, zero, dtype))
    # One step of a logit is at most 1/64 of confidence; a 16th of a bin's logit moves an edge by at most stride / 64.
    check(decode(made(layout=layout), quantised, outputs=kinds), atol=1.0, confidence_atol=1 / 60)


def test_the_threshold_is_compared_as_the_logits_are_stored():
    """0.25 is a logit of -1.0986, of which the stored -17 (-1.0625) is above and -18 (-1.125) below."""
    boxes, scores = level_tensors()
    kinds = [output(t, n, s) for t, n, s in ((boxes[0][None], "b", EDGES), (scores[0][None], "s", LOGITS))]
    kinds = [dataclasses.replace(kind, dtype="int8") for kind in kinds]
    quantised = stored(np.full_like(scores[0], -6.0), LOGITS, 0)[None]
    quantised[0, 3, 5, 1], quantised[0, 3, 6, 2] = -17, -18
    found = decode(made(), [stored(boxes[0], EDGES, 0)[None], quantised], floor=0.25, outputs=kinds)
    assert found.class_id.tolist() == [1]
    np.testing.assert_allclose(found.confidence, 1 / (1 + np.exp(17 / 16)), atol=1e-6)


def test_as_many_classes_as_edges_must_be_said():
    boxes, scores = (concatenated(levels) for levels in level_tensors(64))
    kinds = [output(boxes, "one"), output(scores, "two")]
    with pytest.raises(ArtifactError, match=r"head: \{outputs: \{boxes: 0, scores: 1\}\}"):
        make_head(made(64), kinds)
    for outputs in ({"boxes": 0}, {"scores": "two"}, {"boxes": ["one"], "scores": [1]}):
        check(decode(made(64, outputs=outputs), [boxes, scores], names=["one", "two"]), atol=0.05)


def test_as_many_cells_as_edges_are_read_as_the_input_is_laid_out():
    plain = made(layout="NCHW")
    small = dataclasses.replace(plain, input=dataclasses.replace(plain.input, height=64, width=64))
    boxes = np.full((1, 64, 64), -20.0, np.float32)
    boxes[0, [1, 17, 33, 49], 9] = 0.0  # one cell to every side of the middle of cell (1, 1)
    scores = np.full((1, 3, 64), -9.0, np.float32)
    scores[0, 2, 9] = 3.0
    np.testing.assert_allclose(decode(small, [boxes, scores]).xyxy, [[4, 4, 20, 20]], atol=1e-3)


def test_one_object_from_two_cells_is_one_within_its_class():
    rows = KNOWN[[0, 0, 0]].copy()
    rows[:, 4], rows[:, 5] = [0.9, 0.8, 0.7], [2, 2, 1]
    (level, (x, y)), *_ = CELLS
    tensors = [concatenated(levels) for levels in level_tensors(3, rows, [(level, (x + i, y)) for i in range(3)])]
    check(decode(made(), tensors), rows[[0, 2]], atol=0.05)
    check(decode(made(class_agnostic=True), tensors), rows[[0]], atol=0.05)


def test_scores_after_sigmoid():
    boxes, scores = (concatenated(levels) for levels in level_tensors())
    confidence = (1 / (1 + np.exp(-scores))).astype(np.float32)
    check(decode(made(logits=False), [boxes, confidence]), atol=0.05)


@pytest.mark.parametrize(
    ("shapes", "head"),
    [
        ([(1, 4200, 64)], {}),
        ([(1, 4200, 64), (1, 4200, 4)], {}),
        ([(1, 4200, 64), (1, 2100, 3)], {}),
        ([(1, 40, 80, 64), (1, 20, 40, 3)], {}),
        ([(1, 4200, 64), (1, 4200, 64), (1, 4200, 3)], {}),
        ([(1, 4200, 64), (1, 4200, 3)], {"outputs": {"boxes": 1}}),
        ([(1, 4200, 64), (1, 4200, 3)], {"outputs": {"scores": [1, 0]}}),
        ([(1, 41, 80, 64), (1, 41, 80, 3)], {}),
        ([(1, 4200, 67)], {}),
    ],
)
def test_tensors_that_do_not_fit(shapes, head):
    outputs = [Output(f"out{i}", shape, "int8", 0.1) for i, shape in enumerate(shapes)]
    with pytest.raises(ArtifactError, match="pairs of outputs with 64 channels"):
        make_head(made(**head), outputs)
