"""Metadata of an exporter settles what the shape (1, 300, 6) leaves open, and which boxes of which task come out."""

from __future__ import annotations

import pytest

from backends.contract import ArtifactError
from backends.models.resolve import open_artifact
from tests.support import models

ULTRALYTICS = {
    "author": "Ultralytics",
    "task": "detect",
    "imgsz": "[640, 640]",
    "names": "{0: 'person', 1: 'dog', 2: 'cat'}",
    "args": "{'nms': False}",
    "end2end": "False",
}
LIBREYOLO = {"schema_version": "1.0", "libreyolo_version": "1.2", "names": '{"0": "a", "1": "b", "2": "c"}'}
FOUR = '{"0": "a", "1": "b", "2": "c", "3": "d"}'
COCO = "{" + ", ".join(f'"{number}": "label {number}"' for number in range(80)) + "}"


def opened(tmp_path, outputs, metadata):
    path = tmp_path / "m.onnx"
    io = [(f"o{i}", shape, 1) for i, shape in enumerate(outputs)]
    path.write_bytes(models.onnx([("images", (1, 3, 640, 640), 1)], io, metadata))
    return open_artifact(path)


@pytest.mark.parametrize(
    ("shape", "metadata", "family", "resize"),
    [
        ((1, 300, 6), {"end2end": "True"}, "yolo-e2e", "letterbox"),
        ((1, 300, 6), {"args": "{'nms': True}"}, "yolo-e2e", "letterbox"),
        ((1, 300, 6), {"head": "RTDETRDecoder"}, "rtdetr", "stretch"),
        ((1, 300, 7), {"head": "RTDETRDecoder"}, "rtdetr", "stretch"),
        ((1, 300, 6), {"description": "Ultralytics rtdetr-l model"}, "rtdetr", "stretch"),
        ((1, 7, 8400), {}, "yolo", "letterbox"),
    ],
)
def test_ultralytics(tmp_path, shape, metadata, family, resize):
    artifact = opened(tmp_path, [shape], {**ULTRALYTICS, **metadata})
    assert (artifact.family, artifact.input.resize, artifact.input.std) == (family, resize, (255.0,) * 3)
    assert f"family = {family}  (metadata of Ultralytics)" in artifact.why


def test_an_embedded_nms_is_not_a_raw_head(tmp_path):
    with pytest.raises(ArtifactError, match=r"family 'yolo' with 3 labels needs one output \(1, 7, n\)"):
        opened(tmp_path, [(1, 300, 6)], ULTRALYTICS)


@pytest.mark.parametrize("name", ["rtdetr", "rtdetrv2", "rtdetrv4", "dfine", "deim"])
def test_transformers_of_libreyolo(tmp_path, name):
    artifact = opened(tmp_path, [(1, 300, 3), (1, 300, 4)], {**LIBREYOLO, "model_family": name})
    assert (artifact.family, artifact.input.resize, artifact.input.std) == ("rtdetr", "stretch", (255.0,) * 3)


@pytest.mark.parametrize(
    ("columns", "names", "head"), [(3, None, {"label_offset": 0}), (5, FOUR, {"label_offset": 0}), (91, COCO, {})]
)
def test_rfdetr_of_libreyolo(tmp_path, columns, names, head):
    metadata = {**LIBREYOLO, "model_family": "rfdetr", **({"names": names} if names else {})}
    artifact = opened(tmp_path, [(1, 300, 4), (1, 300, columns)], metadata)
    assert (artifact.family, artifact.head) == ("rfdetr", head)
    assert artifact.input.mean == (123.675, 116.28, 103.53)


def test_the_original_yolov5(tmp_path):
    artifact = opened(tmp_path, [(1, 25200, 7)], {"stride": "32", "names": "['person', 'dog']"})
    assert (artifact.family, artifact.labels) == ("yolov5", ("person", "dog"))


@pytest.mark.parametrize(
    ("task", "outputs", "metadata", "extra", "says"),
    [
        ("segment", [(1, 39, 8400), (1, 32, 160, 160)], {}, 32, "its masks not"),
        ("pose", [(1, 58, 8400)], {}, 51, "its key points not"),
        ("segment", [(1, 8400, 39), (1, 160, 160, 32)], {}, 32, "its masks not"),
        ("pose", [(1, 34000, 58)], {}, 51, "its key points not"),
        ("pose", [(1, -1, 58)], {}, 51, "its key points not"),
        ("segment", [(1, 300, 38), (1, 32, 160, 160)], {"end2end": "True"}, 32, "its masks not"),
    ],
)
def test_boxes_of_other_tasks_are_published_and_it_says_so(tmp_path, task, outputs, metadata, extra, says):
    artifact = opened(tmp_path, outputs, {**ULTRALYTICS, **metadata, "task": task})
    assert artifact.head["extra"] == extra
    assert any(line.startswith(f"task {task}: its boxes are published, {says}") for line in artifact.why)


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [([(1, 6, 8400), (1, 32, 160, 160)], {}), ([(1, 300, 5), (1, 32, 160, 160)], {"end2end": "True"})],
)
def test_more_labels_than_columns_are_no_scores_of_masks(tmp_path, outputs, metadata):
    with pytest.raises(ArtifactError, match=r"with 3 labels needs one output \(1, (7, n|n, 6)\)"):
        opened(tmp_path, outputs, {**ULTRALYTICS, **metadata, "task": "segment"})


@pytest.mark.parametrize("task", ["obb", "classify"])
@pytest.mark.parametrize("metadata", [{}, {"head": "RTDETRDecoder"}, {"end2end": "True"}])
def test_tasks_without_boxes_are_refused(tmp_path, task, metadata):
    with pytest.raises(ArtifactError, match=f"made for task {task}: it gives"):
        opened(tmp_path, [(1, 300, 7)], {**ULTRALYTICS, **metadata, "task": task})
