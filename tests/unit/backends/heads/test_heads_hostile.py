"""Whatever numbers a model returns in tensors of the right shape, a head answers with boxes that are boxes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import Output
from backends.heads import BUILTIN, make_head
from tests.support.heads import artifact

SIZE = 64
CELLS = 64 + 16 + 4
SHAPES = {
    "boxes": [(40, 6)],
    "efficientdet-lite": [(1, 10, 4), (1, 10), (1, 10), (1,)],
    "nanodet": [(1, CELLS + 1, 35)],
    "rfdetr": [(1, 20, 4), (1, 20, 3)],
    "rtdetr": [(1, 20, 3), (1, 20, 4)],
    "rtdetr of ultralytics": [(1, 20, 6)],
    "rtdetr of before": [(1, 20, 7)],
    "ssd": [(1, 10), (1, 10, 4), (1,), (1, 10)],
    "yolo": [(1, 7, 90)],
    "yolo transposed": [(1, 90, 7)],
    "yolo-e2e": [(1, 30, 6)],
    "yolo-split": [(1, CELLS, 64), (1, CELLS, 3)],
    "yolo-split by stride": [(1, 3, 8, 8), (1, 64, 8, 8), (1, 3, 4, 4), (1, 64, 4, 4)],
    "yolov5": [(1, 90, 8)],
    "yolox": [(1, CELLS, 8)],
}
QUANTISED = ["rfdetr", "rtdetr", "yolo", "yolo transposed", "yolo-split", "yolo-split by stride", "yolov5", "yolox"]
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 3.4e38, -3.4e38, 1e-38, 0.5, 300.0]


def test_every_family_is_here():
    assert {name.split()[0] for name in SHAPES} == BUILTIN.keys()


def head(name, outputs):
    family = name.split()[0]
    made = artifact(family, units="norm") if family in {"yolo", "yolov5"} else artifact(family)
    made = dataclasses.replace(made, input=dataclasses.replace(made.input, height=SIZE, width=SIZE))
    return make_head(made, outputs)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "boxes"])
def test_a_batch_whose_size_is_open_is_one_of_one(name):
    tensors = [np.zeros(shape, np.float32) for shape in SHAPES[name]]
    outputs = [Output(f"o{i}", (-1, *tensor.shape[1:]), "float32") for i, tensor in enumerate(tensors)]
    assert_sound(head(name, outputs).decode(tensors, 0.25), 0.25)


def assert_sound(found, floor):
    assert len(found) <= 300
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, :2] <= found.xyxy[:, 2:]).all()
    assert np.isfinite(found.confidence).all()
    assert (np.diff(found.confidence) <= 0).all()
    assert ((found.confidence >= floor - 1e-6) & (found.confidence <= 1)).all()
    assert ((found.class_id >= 0) & (found.class_id < 3)).all()


@pytest.mark.parametrize("name", SHAPES)
@given(seed=st.integers(0, 2**32), odd=st.floats(0, 1), floor=st.sampled_from([0.0, 0.01, 0.25, 0.9, 1.0]))
@settings(max_examples=25, deadline=None)
def test_floats(name, seed, odd, floor):
    rng = np.random.default_rng(seed)
    tensors = []
    for shape in SHAPES[name]:
        tensor = rng.normal(0.5, 10.0 ** rng.integers(-1, 3), shape)
        strange = rng.random(shape) < odd
        tensor[strange] = rng.choice(ODD, strange.sum())
        tensors.append(tensor.astype(np.float32))
    outputs = [Output(f"o{i}", tensor.shape, "float32") for i, tensor in enumerate(tensors)]
    assert_sound(head(name, outputs).decode(tensors, floor), floor)


@pytest.mark.parametrize("name", QUANTISED)
@given(
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(["int8", "uint8"]),
    scale=st.sampled_from([1 / 127, 1 / 255, 1e-6, 1e-38]),
    zero_point=st.integers(-128, 255),
    floor=st.sampled_from([0.0, 0.25, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_integers(name, seed, dtype, scale, zero_point, floor):
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    tensors = [rng.integers(limits.min, limits.max + 1, shape, dtype) for shape in SHAPES[name]]
    outputs = [Output(f"o{i}", tensor.shape, dtype, scale, zero_point) for i, tensor in enumerate(tensors)]
    assert_sound(head(name, outputs).decode(tensors, floor), floor)
