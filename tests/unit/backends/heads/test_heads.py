"""Each head on tensors made from known boxes."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import ArtifactError, Output
from backends.heads import families, make_head
from backends.heads.cells import around
from tests.support.heads import KNOWN, NORM, WIDTH, artifact, centres, check, decode

CELLS = 40 * 80 + 20 * 40 + 10 * 20


def yolo_tensor(rows=KNOWN, *, anchors=2100, classes=3, corners=False, norm=False, extra=0, transposed=False):
    tensor = np.zeros((1, 4 + classes + extra, anchors), np.float32)
    boxes = (rows[:, :4] if corners else centres(rows[:, :4])) / (NORM if norm else 1)
    at = np.arange(len(rows)) * 3 + 1
    tensor[0, :4, at] = boxes
    tensor[0, 4 + rows[:, 5].astype(int), at] = rows[:, 4]
    tensor[0, 4 + classes :] = 7.0  # masks or key points: larger than any score
    return np.ascontiguousarray(tensor.transpose(0, 2, 1)) if transposed else tensor


def yolox_tensor(rows=KNOWN, *, decoded=False):
    tensor = np.zeros((1, CELLS, 8), np.float32)
    strides = [(stride, y, x) for stride in (8, 16, 32) for y in range(320 // stride) for x in range(640 // stride)]
    for index, row in zip((5, 3300, 4100), rows, strict=True):
        stride, y, x = strides[index]
        cx, cy, w, h = centres(row[None, :4])[0]
        raw = [cx / stride - x, cy / stride - y, np.log(w / stride), np.log(h / stride)]
        tensor[0, index, :4] = [cx, cy, w, h] if decoded else raw
        tensor[0, index, 4] = 0.95
        tensor[0, index, 5 + int(row[5])] = row[4] / 0.95
    return tensor


def ssd_tensors(rows=KNOWN, *, n=10, offset=0, count=None):
    boxes, scores, classes = np.zeros((1, n, 4), np.float32), np.zeros((1, n), np.float32), np.ones((1, n), np.float32)
    k = len(rows)
    boxes[0, :k] = (rows[:, :4] / NORM)[:, [1, 0, 3, 2]]
    scores[0, :k], classes[0, :k] = rows[:, 4], rows[:, 5] + offset
    return {
        "boxes": boxes,
        "classes": classes,
        "scores": scores,
        "count": np.array([k if count is None else count], np.float32),
    }


@pytest.mark.parametrize("lead", [(), (1,)])
def test_boxes(lead):
    table = KNOWN.copy()
    table[:, :4] /= NORM
    padded = np.concatenate((table[::-1], np.zeros((4, 6), np.float32))).reshape((*lead, 7, 6))
    check(decode(artifact("boxes"), [padded]))


@pytest.mark.parametrize("family", ["boxes", "yolo-e2e"])
def test_rows_of_unknown_classes_are_left_out(family):
    table = np.zeros((1, 4, 6), np.float32)
    table[0, :, 4], table[0, :, 5] = 0.9, [-1, 0, 2, 3]
    assert decode(artifact(family), [table]).class_id.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("tensor", "options"),
    [
        ({}, {}),
        ({"anchors": 8400}, {"iou": 0.5}),
        ({"transposed": True}, {}),
        ({"transposed": True, "extra": 32}, {"extra": 32}),
        ({"corners": True}, {"box": "xyxy"}),
        ({"norm": True}, {"units": "norm"}),
        ({"extra": 32}, {"extra": 32}),
        ({}, {"class_agnostic": True}),
    ],
)
def test_yolo(tensor, options):
    check(decode(artifact("yolo", **options), [yolo_tensor(**tensor)]))


def test_yolo_beside_the_prototypes_of_a_segment_model():
    tensors = [yolo_tensor(extra=32), np.ones((1, 32, 80, 160), np.float32)]
    check(decode(artifact("yolo", extra=32), tensors))


def test_yolo_int8_is_gated_as_it_is_stored():
    scale, zero = 1 / 255, -128
    stored = np.round(yolo_tensor(norm=True) / scale + zero).clip(-128, 127).astype(np.int8)
    found = decode(artifact("yolo", units="norm"), [stored], scale=scale, zero_point=zero)
    # One step of the box is 1/255 of the side.
    check(found, atol=WIDTH / 255, confidence_atol=1 / 255)


@pytest.mark.parametrize(("dtype", "scaled"), [(np.int8, True), (np.float32, False)])
def test_quantisation_of_the_file_where_the_engine_says_nothing(dtype, scaled):
    """OpenVINO returns the stored integers of a TFLite file; it reports no scale."""
    scale, zero = 1 / 255, -128
    tensor = yolo_tensor(norm=True)
    stored = np.round(tensor / scale + zero).clip(-128, 127).astype(dtype) if scaled else tensor
    made = dataclasses.replace(artifact("yolo", units="norm"), quantisation=((scale, zero),))
    check(decode(made, [stored]), atol=WIDTH / 255, confidence_atol=1 / 255)


def test_what_the_engine_says_of_its_scale_comes_before_the_file():
    scale, zero = 1 / 255, -128
    stored = np.round(yolo_tensor(norm=True) / scale + zero).clip(-128, 127).astype(np.int8)
    made = dataclasses.replace(artifact("yolo", units="norm"), quantisation=((1 / 127, 0),))
    check(decode(made, [stored], scale=scale, zero_point=zero), atol=WIDTH / 255, confidence_atol=1 / 255)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_score_of_just_the_floor_counts(transposed):
    rows = KNOWN[:1].copy()
    rows[:, 4] = 0.25
    tensor = yolo_tensor(rows, transposed=transposed)
    assert len(decode(artifact("yolo"), [tensor], floor=0.25)) == 1
    assert len(decode(artifact("yolo"), [tensor], floor=0.2501)) == 0


def test_an_edge_that_is_quite_sure_lies_where_its_cell_says():
    """The exponential of 200 is no float32."""
    bins = np.zeros((1, 4, 8), np.float32)
    bins[0, range(4), [1, 2, 3, 4]] = 200
    points, strides = np.array([[10, 20]], np.float32), np.array([[8]], np.float32)
    assert around(points, strides, bins.reshape(1, 32)).tolist() == [[(10 - 1) * 8, (20 - 2) * 8, (10 + 3) * 8, 24 * 8]]


def test_yolo_suppresses_only_within_a_class():
    rows = KNOWN[[0, 0, 0]].copy()
    rows[:, 4], rows[:, 5] = [0.9, 0.8, 0.7], [2, 2, 1]
    tensor = yolo_tensor(rows)
    check(decode(artifact("yolo"), [tensor]), rows[[0, 2]])
    check(decode(artifact("yolo", class_agnostic=True), [tensor]), rows[[0]])


def test_yolo_everything_above_the_floor_is_capped():
    rng = np.random.default_rng(0)
    tensor = rng.random((1, 7, 8400), dtype=np.float32)
    tensor[0, :4] *= 300
    tensor[0, 2:4] = 4
    found = decode(artifact("yolo"), [tensor], floor=0.0)
    assert len(found) == 300
    assert (np.diff(found.confidence) <= 0).all()
    assert found.confidence[0] == tensor[0, 4:].max()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_never_come_out(broken):
    tensor = yolo_tensor()
    tensor[0, 0, 4] = broken
    check(decode(artifact("yolo"), [tensor]), KNOWN[[0, 2]])


@pytest.mark.parametrize("decoded", [False, True])
def test_yolox(decoded):
    check(decode(artifact("yolox", decoded=decoded), [yolox_tensor(decoded=decoded)]))


@pytest.mark.parametrize("rows", [3549, -1])
def test_yolox_makes_no_cells_for_what_does_not_fit(rows):
    huge = artifact("yolox", decoded=rows < 0)
    huge = dataclasses.replace(huge, input=dataclasses.replace(huge.input, height=10**8, width=10**8))
    with pytest.raises(ArtifactError) if rows > 0 else contextlib.nullcontext():
        make_head(huge, [Output("out0", (1, rows, 8), "float32")])


def test_yolox_quantised():
    tensor = yolox_tensor(decoded=True)
    scale = 640 / 65535
    stored = np.round(tensor / scale).astype(np.uint16)
    check(decode(artifact("yolox", decoded=True), [stored], scale=scale), atol=0.1, confidence_atol=0.01)


@pytest.mark.parametrize(("units", "extra"), [("px", 0), ("norm", 0), ("px", 51)])
def test_yolo_e2e(units, extra):
    table = np.zeros((1, 300, 6 + extra), np.float32)
    table[0, :3, :6] = KNOWN
    if units == "norm":
        table[0, :3, :4] /= NORM
    table[..., 6:] = 3
    check(decode(artifact("yolo-e2e", units=units, extra=extra), [table]))


ORDERS = [
    ("boxes", "classes", "scores", "count"),
    ("scores", "boxes", "count", "classes"),
    ("count", "scores", "classes", "boxes"),
]


@pytest.mark.parametrize("order", ORDERS, ids=["tf1", "tf2", "signature"])
@pytest.mark.parametrize("offset", [0, 1])
def test_ssd_by_order(order, offset):
    tensors = ssd_tensors(offset=offset)
    check(decode(artifact("ssd", label_offset=offset), [tensors[role] for role in order]))


NAMES = {
    "boxes": "detection_boxes:0",
    "classes": "detection_classes:0",
    "scores": "detection_scores:0",
    "count": "num_detections:0",
}
POSTPROCESS = {
    "boxes": "TFLite_Detection_PostProcess",
    "classes": "TFLite_Detection_PostProcess:1",
    "scores": "TFLite_Detection_PostProcess:2",
    "count": "TFLite_Detection_PostProcess:3",
}


@pytest.mark.parametrize("names", [NAMES, POSTPROCESS])
def test_ssd_by_name_in_an_order_nobody_knows(names):
    order = ["classes", "count", "boxes", "scores"]
    tensors = ssd_tensors()
    check(decode(artifact("ssd"), [tensors[r] for r in order], names=[names[r] for r in order]))


@pytest.mark.parametrize("given", ["a", "a:0"])
@pytest.mark.parametrize("kept", ["a", "a:0"])
def test_roles_by_name_with_and_without_the_number_of_tensorflow(given, kept):
    order = ["classes", "count", "boxes", "scores"]
    tensors = ssd_tensors()
    made = artifact("ssd", outputs={"scores": given, "classes": 0})
    check(decode(made, [tensors[r] for r in order], names=["b:0", "c:0", "d:0", kept]))


def test_roles_by_a_name_of_several_are_refused():
    outputs = [Output(f"a:{i}", (1, 10), "float32") for i in range(2)]
    with pytest.raises(ArtifactError, match=r"head\.outputs\.scores is 'a'; the model's outputs are 0: a:0, 1: a:1"):
        make_head(artifact("ssd", outputs={"scores": "a"}), outputs)


def test_ssd_by_name_among_raw_outputs():
    tensors = {**ssd_tensors(), "raw": np.ones((1, 1917, 4), np.float32), "raw2": np.ones((1, 1917, 3), np.float32)}
    names = [NAMES.get(role, f"{role}_detection_boxes") for role in tensors]
    check(decode(artifact("ssd"), list(tensors.values()), names=names))


@pytest.mark.parametrize("stated", [{"scores": 0, "classes": 3}, {"scores": "out0", "classes": "out3", "boxes": 1}])
def test_ssd_by_the_sidecar(stated):
    tensors = ssd_tensors()
    order = ["scores", "boxes", "count", "classes"]
    check(decode(artifact("ssd", outputs=stated), [tensors[r] for r in order]))


@pytest.mark.parametrize(("count", "rows"), [(2, 2), (3, 3), (float("nan"), 3), (-1, 3), (99, 3)])
def test_ssd_count_bounds_the_rows_where_it_is_one(count, rows):
    found = decode(artifact("ssd"), list(ssd_tensors(count=count).values()))
    check(found, KNOWN[:rows])


def test_ssd_classes_without_label_are_left_out():
    tensors = ssd_tensors()
    tensors["classes"][0, :3] = [2, 17, np.nan]
    assert decode(artifact("ssd"), list(tensors.values())).class_id.tolist() == [2]


@pytest.mark.parametrize(
    ("family", "tensors"),
    [
        ("boxes", [np.zeros((0, 6), np.float32)]),
        ("boxes", [np.zeros((5, 6), np.float32)]),
        ("yolo", [np.zeros((1, 7, 2100), np.float32)]),
        ("yolo", [np.zeros((1, 7, 0), np.float32)]),  # the graph itself leaves out what is not sure
        ("yolo", [np.zeros((1, 0, 7), np.float16)]),
        ("yolov5", [np.zeros((1, 0, 8), np.float32)]),
        ("yolo-e2e", [np.zeros((1, 0, 6), np.float32)]),
        ("yolox", [np.zeros((1, CELLS, 8), np.float32)]),
        ("yolo-e2e", [np.zeros((1, 300, 6), np.float32)]),
        ("ssd", list(ssd_tensors(count=0).values())),
    ],
)
def test_nothing_there_is_an_empty_answer(family, tensors):
    assert len(decode(artifact(family), tensors)) == 0


@pytest.mark.parametrize(
    ("family", "classes", "shapes", "says"),
    [
        (
            "yolo",
            80,
            [(1, 116, 8400)],
            r"needs one output \(1, 84, n\) or \(1, n, 84\); the model has out0 \(1, 116, 8400\)",
        ),
        ("yolo", 80, [(1, 8400, 85)], r"\(1, n, 84\)"),
        ("yolo", 80, [(1, 84, 8400), (1, 84, 2100)], r"needs one output"),
        ("yolox", 80, [(1, 3549, 85)], r"\(1, 4200, 85\)"),
        ("yolo-e2e", 80, [(1, 84, 8400)], r"\(1, n, 6\)"),
        ("boxes", 80, [(2, 10, 6)], r"\(n, 6\)"),
        ("ssd", 80, [(1, 10, 4), (1, 10), (1, 10)], r"head: \{outputs"),
        ("ssd", 80, [(1, 10), (1, 10), (1, 10, 4), (1,)], r"head: \{outputs"),
        ("ssd", 80, [(1, 10, 4), (1, 10), (1, 20), (1,)], r"count"),
    ],
)
def test_tensors_that_do_not_fit(family, classes, shapes, says):
    outputs = [Output(f"out{i}", shape, "float32") for i, shape in enumerate(shapes)]
    with pytest.raises(ArtifactError, match=says):
        make_head(artifact(family, classes), outputs)


def test_an_output_that_is_not_there():
    outputs = [Output(f"out{i}", t.shape, "float32") for i, t in enumerate(ssd_tensors().values())]
    with pytest.raises(ArtifactError, match=r"head\.outputs\.scores is 'nope'.*0: out0, 1: out1"):
        make_head(artifact("ssd", outputs={"scores": "nope"}), outputs)


def test_an_unknown_family_names_those_there_are():
    with pytest.raises(ArtifactError, match="no head 'yolov4'; there are: boxes, efficientdet-lite, nanodet, "):
        make_head(artifact("yolov4"), [])


def test_a_stranger_brings_a_head(tmp_path, monkeypatch):
    info = tmp_path / "stranger-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[vedette.heads]\nodd = stranger_head:Odd\nbad = no_such_module:X\n")
    (tmp_path / "stranger_head.py").write_text(
        "class Odd:\n    def __init__(self, artifact, outputs):\n        self.name = artifact.name\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert {"odd", "bad"} <= set(families())
    assert make_head(artifact("odd"), []).name == "m"
    with pytest.raises(ArtifactError, match=r"head 'bad' \(no_such_module:X\) cannot be imported"):
        make_head(artifact("bad"), [])


boxes_apart = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(10, 70), st.integers(10, 70), st.integers(0, 2)),
    max_size=20,
    unique_by=lambda t: t[:2],
)


@given(boxes_apart)
@settings(max_examples=60, deadline=None)
def test_encoded_boxes_come_back(cells):
    """Any set of boxes, one to a cell of 80x80 so that they never overlap, through every family."""
    rows = np.array(
        [[x * 80, y * 80, x * 80 + w, y * 80 + h, 0.95 - 0.03 * i, c] for i, (x, y, w, h, c) in enumerate(cells)],
        np.float32,
    ).reshape(-1, 6)
    check(decode(artifact("yolo"), [yolo_tensor(rows)]), rows)
    check(decode(artifact("yolo", units="norm"), [yolo_tensor(rows, norm=True)]), rows)
    check(decode(artifact("ssd"), list(ssd_tensors(rows, n=20).values())), rows)
    check(decode(artifact("yolo-e2e"), [rows[None]]), rows)
    normalised = rows.copy()
    normalised[:, :4] /= NORM
    check(decode(artifact("boxes"), [normalised]), rows)
