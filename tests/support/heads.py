"""Known boxes, and the way from tensors made of them back to boxes, for the tests of heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.artifact import Artifact, InputSpec
from backends.contract import Output
from backends.heads import make_head

HEIGHT, WIDTH = 320, 640
# x1, y1, x2, y2 in pixels, confidence, class: far apart, so that no NMS touches them.
KNOWN = np.array([[10, 20, 110, 220, 0.9, 2], [300, 40, 340, 90, 0.7, 0], [500, 200, 620, 310, 0.5, 1]], np.float32)
NORM = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)


def artifact(family, classes=3, **head):
    spec = InputSpec(HEIGHT, WIDTH, "NCHW", "float32")
    labels = tuple(f"label {i}" for i in range(classes))
    return Artifact("m", Path("m.onnx"), "onnx", "0" * 64, family, spec, labels, head=head)


def output(tensor, name="out", scale=0.0, zero_point=0):
    return Output(name, tensor.shape, str(tensor.dtype), scale, zero_point)


def decode(made, tensors, floor=0.25, names=None, outputs=None, **quantisation):
    """What the head makes of the tensors, and proof that it left them alone. quantisation: of every tensor."""
    names = names or [f"out{i}" for i in range(len(tensors))]
    outputs = outputs or [output(t, n, **quantisation) for t, n in zip(tensors, names, strict=True)]
    head = make_head(made, outputs)
    before = [t.copy() for t in tensors]
    found = head.decode(tensors, floor)
    for tensor, copy in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(tensor, copy)
    assert found.xyxy.dtype == np.float32
    assert found.confidence.dtype == np.float32
    assert found.class_id.dtype == np.int32
    return found


def check(found, expected=KNOWN, atol=1e-3, confidence_atol=1e-5):
    np.testing.assert_allclose(found.xyxy, expected[:, :4], atol=atol)
    np.testing.assert_allclose(found.confidence, expected[:, 4], atol=confidence_atol)
    assert found.class_id.tolist() == expected[:, 5].astype(int).tolist()


def centres(boxes):
    return np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1)


def stored(tensor, scale, zero_point, dtype=np.int8):
    """The tensor quantised, as a converter does it."""
    limits = np.iinfo(dtype)
    return np.round(tensor / scale + zero_point).clip(limits.min, limits.max).astype(dtype)
