"""One artifact out of file, exporter's metadata, sidecar and overrides."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from backends.artifact import Artifact, InputSpec
from backends.contract import ArtifactError
from backends.models import exporter
from backends.models.resolve import open_artifact
from tests.support import models

DATA = Path(__file__).parents[5] / "shared" / "data" / "models"
IMAGE = [("images", (1, 3, 640, 640), 1)]
ULTRALYTICS = {
    "description": "Ultralytics YOLO11n model",
    "author": "Ultralytics",
    "license": "AGPL-3.0 License",
    "stride": "32",
    "task": "detect",
    "imgsz": "[640, 640]",
    "names": "{0: 'person', 1: 'it\\'s'}",
    "args": "{'nms': False, 'dynamic': False}",
    "end2end": "False",
}
LIBREYOLO = {
    "schema_version": "1.0",
    "libreyolo_version": "1.2",
    "model_family": "yolo9",
    "task": "detect",
    "names": '{"0": "person", "1": "dog"}',
    "imgsz_h": "320",
    "imgsz_w": "640",
}


def onnx(tmp_path, columns=(1, 6, 8400), metadata=None, inputs=IMAGE, sidecar="", more=()):
    path = tmp_path / "m.onnx"
    outputs = [("output0", columns, 1), *more]
    path.write_bytes(models.onnx(inputs, outputs, metadata))
    if sidecar:
        path.with_suffix(".yaml").write_text(sidecar)
    return path


def test_ultralytics_raw(tmp_path):
    path = onnx(tmp_path, metadata=ULTRALYTICS)
    artifact = open_artifact(path)
    assert artifact == dataclasses.replace(
        Artifact(
            name="m",
            path=path,
            format="onnx",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            family="yolo",
            input=InputSpec(640, 640, "NCHW", "float32", "RGB", "letterbox", 114, (0.0,) * 3, (255.0,) * 3, "images"),
            labels=("person", "it's"),
            licence="AGPL-3.0 License",
            head={"units": "px"},
            content=hashlib.sha256(path.read_bytes()).hexdigest(),
        ),
        why=artifact.why,
    )
    assert artifact.rev == artifact.sha256[:8]
    assert "family = yolo  (metadata of Ultralytics)" in artifact.why
    assert "input.resize = letterbox  (default of family yolo)" in artifact.why
    assert "labels = 2 of them  (metadata of Ultralytics)" in artifact.why


@pytest.mark.parametrize(
    ("changed", "columns", "family", "head"),
    [
        ({"end2end": "True"}, (1, 300, 6), "yolo-e2e", {"units": "px"}),
        ({"args": "{'nms': True}"}, (1, 300, 6), "yolo-e2e", {"units": "px"}),
        ({"task": "segment"}, (1, 38, 8400), "yolo", {"units": "px", "extra": 32}),
        ({"task": "pose", "end2end": "True"}, (1, 300, 57), "yolo-e2e", {"units": "px", "extra": 51}),
    ],
)
def test_ultralytics_variants(tmp_path, changed, columns, family, head):
    artifact = open_artifact(onnx(tmp_path, columns, {**ULTRALYTICS, **changed}))
    assert artifact.family == family
    assert artifact.head == head
    if "task" in changed:
        assert any("its boxes are published" in line for line in artifact.why)


def test_ultralytics_tflite_has_boxes_in_0_to_1(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", json.dumps({**ULTRALYTICS, "names": {0: "person", 1: "dog"}}))
    path = tmp_path / "m.tflite"
    data = models.tflite([("i", (1, 320, 320, 3), 9)], [("o", (1, 6, 2100), 9)], scale=(1 / 255, -128))
    path.write_bytes(data + buffer.getvalue())
    artifact = open_artifact(path)
    assert artifact.head == {"units": "norm"}
    assert artifact.labels == ("person", "dog")
    assert artifact.quantisation == ((pytest.approx(1 / 255), -128),)
    assert Artifact.from_json(artifact.to_json()) == artifact
    assert artifact.input == InputSpec(320, 320, "NHWC", "int8", "RGB", "letterbox", 114, name="i")


def test_size_of_an_open_input_comes_from_the_exporter(tmp_path):
    path = onnx(tmp_path, metadata=ULTRALYTICS, inputs=[("images", (1, 3, "height", "width"), 1)])
    assert (open_artifact(path).input.height, open_artifact(path).input.width) == (640, 640)


def test_libreyolo(tmp_path):
    inputs = [("images", (1, 3, 320, 640), 1)]
    artifact = open_artifact(onnx(tmp_path, (1, 6, 4200), LIBREYOLO, inputs))
    assert artifact.family == "yolo"
    assert artifact.head == {"box": "xyxy"}
    assert artifact.input.resize == "letterbox_topleft"
    assert artifact.labels == ("person", "dog")
    artifact = open_artifact(onnx(tmp_path, (1, 4200, 7), {**LIBREYOLO, "model_family": "yolox"}, inputs))
    assert (artifact.family, artifact.head, artifact.input.color) == ("yolox", {"decoded": True}, "BGR")
    nms = {**LIBREYOLO, "model_family": "yolox", "nms": "true"}
    artifact = open_artifact(onnx(tmp_path, (1, 300, 6), nms, inputs))
    assert (artifact.family, artifact.input.color, artifact.input.std) == ("yolo-e2e", "BGR", (1.0, 1.0, 1.0))


def test_openvino_model_info(tmp_path):
    path = models.ir(
        tmp_path / "m.xml",
        [("x.1", (1, 3, 640, 640), "FP32")],
        [("", (1, 6, 8400), "FP32")],
        {"model_type": "YOLO", "labels": "person traffic_light"},
    )
    artifact = open_artifact(path)
    assert artifact.labels == ("person", "traffic_light")
    both = path.read_bytes() + path.with_suffix(".bin").read_bytes()
    assert artifact.sha256 == hashlib.sha256(both).hexdigest()


def test_precedence(tmp_path):
    path = onnx(tmp_path, metadata=ULTRALYTICS, sidecar="licence: mine\nlabels: [a, b]\nhead: {iou: 0.5}\n")
    artifact = open_artifact(path, {"labels": ["c", "d"], "head": {"class_agnostic": True}})
    assert artifact.labels == ("c", "d")
    assert artifact.licence == "mine"
    assert artifact.head == {"units": "px", "iou": 0.5, "class_agnostic": True}
    assert "labels = 2 of them  (config: model.labels)" in artifact.why
    assert f"licence = mine  ({path.with_suffix('.yaml')}:1:1)" in artifact.why


def test_what_the_shapes_prove(tmp_path):
    artifact = open_artifact(onnx(tmp_path, sidecar="labels: [a, b]"))
    assert artifact.family == "yolo"
    assert "family = yolo  (output output0 (1, 6, 8400) float32 is 4 + 2 labels)" in artifact.why


def test_a_tensorflow_detector(tmp_path):
    path = tmp_path / "m.pb"
    names = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
    path.write_bytes(models.frozen_graph(names))
    path.with_suffix(".yaml").write_text("labels: [person]\ninput: {height: 300, width: 300}\n")
    artifact = open_artifact(path)
    assert (artifact.family, artifact.head) == ("ssd", {"label_offset": 1})
    assert artifact.input == InputSpec(300, 300, "NHWC", "uint8", resize="stretch", name="image_tensor")


def test_a_tflite_detector_takes_its_roles_from_the_signature(tmp_path):
    path = tmp_path / "m.tflite"
    outputs = [("o3", (1, 25, 4), 0), ("o1", (1, 25), 0), ("o2", (1, 25), 0), ("o0", (1,), 0)]
    data = models.tflite([("i", (1, 320, 320, 3), 0)], outputs, ["TFLite_Detection_PostProcess"], [3, 1, 2, 0])
    path.write_bytes(data)
    path.with_suffix(".yaml").write_text("labels: [person]")
    artifact = open_artifact(path)
    assert artifact.head == {"outputs": {"count": 3, "scores": 1, "classes": 2, "boxes": 0}}
    assert (artifact.input.mean, artifact.input.std) == ((127.5,) * 3, (127.5,) * 3)


REFUSED = [
    ("three meanings", {"columns": (1, 300, 6)}, r"several meanings.*\n  yolo-e2e .*\n  boxes .*\n  rtdetr "),
    ("six columns, one label", {"columns": (1, 300, 6), "sidecar": "labels: [a]"}, r"(?s)yolo-e2e .*yolox "),
    ("objectness", {"columns": (1, 8400, 7), "sidecar": "labels: [a, b]"}, r"(?s)yolox .*decoded: true.*yolov5"),
    ("nothing said", {},
     r"its family, labels; write into \S+/m\.yaml, for example:\n  family: yolo\n  labels: \[person, bicycle\]$"),
    ("open size", {"inputs": [("i", (1, 3, -1, -1), 1)], "sidecar": "labels: [a, b]"},
     r"says its input\.height, input\.width; .*\n  input: \{height: 640, width: 640\}$"),
    ("classifier shape", {"columns": (1, 1000)}, "one row of scores: a classifier gives no boxes"),
    ("obb", {"metadata": {**ULTRALYTICS, "task": "obb"}}, "task obb: it gives oriented boxes"),
    ("classify", {"metadata": {**ULTRALYTICS, "task": "classify"}}, "task classify: it gives one class"),
    ("classify by sidecar", {"sidecar": "task: classify"}, "task classify"),
    ("other libreyolo", {"metadata": {**LIBREYOLO, "model_family": "picodet"}},
     "LibreYOLO picodet: its head is not in"),
    ("unknown family", {"sidecar": "family: yollo\nlabels: [a]"},
     r"m\.yaml:1:1: family: no head 'yollo'; there are boxes, efficientdet-lite, .*, yolox; did you mean yolo\?"),
    ("labels do not fit", {"metadata": {**ULTRALYTICS, "names": "{0: 'a'}"}},
     r"with 1 labels needs one output \(1, 5, n\)"),
    ("segment columns in a detector", {"columns": (1, 38, 8400), "metadata": ULTRALYTICS},
     r"needs one output \(1, 6, n\)"),
    ("option of another head", {"metadata": ULTRALYTICS, "sidecar": "head: {decoded: true}"},
     r"m\.yaml:1:8: head\.decoded: no option of head yolo; it has box, units"),
    ("contradiction", {"metadata": ULTRALYTICS, "sidecar": "input: {height: 320}"},
     r"m\.yaml:1:9: input\.height: 320 contradicts the model's input images \(1, 3, 640, 640\) float32"),
    ("another file", {"metadata": ULTRALYTICS, "sidecar": f"sha256: {'0a' * 32}"},
     r"its sha256 is [0-9a-f]{64}, but \S+/m\.yaml:1:1 says 0a0a.*another file or damaged"),
    ("two inputs", {"inputs": [*IMAGE, ("state", (1, 8), 1)]}, "one input, this has 2: images .*, state "),
    ("a batch of 4", {"inputs": [("i", (4, 3, 64, 64), 1)]}, "not a single image"),
    ("gray", {"inputs": [("i", (1, 1, 64, 64), 1)]}, "no axis of 3 channels"),
    ("a huge input", {"inputs": [("i", (1, 3, 24000, 64), 1)], "metadata": ULTRALYTICS},
     r"m\.onnx: input\.height: 24000 is not within 8\.\.8192  \(input i \(1, 3, 24000, 64\)"),
    ("a tiny input", {"inputs": [("i", (1, 3, 64, 4), 1)], "metadata": ULTRALYTICS}, "input.width: 4 is not within"),
    ("a size that is none", {"inputs": [("i", (1, 3, -1, -1), 1)], "metadata": {**ULTRALYTICS, "imgsz": "[64, -5]"}},
     r"input\.width: -5 is not within 8\.\.8192  \(metadata of Ultralytics\)"),
    ("a truth for a size", {"inputs": [("i", (1, 3, -1, -1), 1)], "metadata": {**ULTRALYTICS, "imgsz": "[True, 64]"}},
     "input.height: True is not a whole number"),
    ("int64 pixels", {"inputs": [("i", (1, 3, 64, 64), 7)]}, "is int64; float16, float32, int8, uint8 can be fed"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(tmp_path, how, says):
    with pytest.raises(ArtifactError, match=says):
        open_artifact(onnx(tmp_path, **how))


@pytest.mark.parametrize("names", ["__import__('os')", "{0: " * 3000, "[", "{'a': 1}", "{0: ['a']}", "{0: f'a'}", ""])
def test_hostile_names_are_no_labels(tmp_path, names):
    with pytest.raises(ArtifactError, match="says its labels"):
        open_artifact(onnx(tmp_path, metadata={**ULTRALYTICS, "names": names}))


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep"), OSError(36, "File name too long")])
def test_what_no_reader_foresees_is_refused_too(tmp_path, monkeypatch, error):
    def fails(_path):
        raise error

    monkeypatch.setattr("backends.models.resolve.read_model", fails)
    with pytest.raises(ArtifactError, match=r"m\.onnx: cannot be read: (MemoryError|too deep|.*too long)"):
        open_artifact(onnx(tmp_path))


def test_an_artifact_travels_as_json(tmp_path):
    artifact = open_artifact(onnx(tmp_path, metadata=ULTRALYTICS, sidecar="head: {iou: 0.5}"))
    assert Artifact.from_json(artifact.to_json()) == artifact
    with pytest.raises((ValueError, TypeError, KeyError)):
        Artifact.from_json("{}")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "sidecar", "family", "size"),
    [
        ("yolox_nano.onnx", "family: yolox\nlabels: labels.txt\n", "yolox", (416, 416, "NCHW", "float32")),
        (
            "pedestrian_ssdlite_frozen_inference_graph.pb",
            "labels: [person]\ninput: {height: 300, width: 300}\n",
            "ssd",
            (300, 300, "NHWC", "uint8"),
        ),
        (
            "yolox_nano_mask3_only_int8_quantize.tflite",
            "family: yolox\nlabels: [a, b, c]\n",
            "yolox",
            (416, 416, "NCHW", "int8"),
        ),
    ],
)
def test_real_files(tmp_path, name, sidecar, family, size):
    path = tmp_path / name
    path.symlink_to(DATA / name)
    path.with_suffix(".yaml").write_text(sidecar)
    (tmp_path / "labels.txt").write_text("".join(f"label {i}\n" for i in range(80)))
    artifact = open_artifact(path)
    assert artifact.family == family
    spec = artifact.input
    assert (spec.height, spec.width, spec.layout, spec.dtype) == size


@pytest.mark.parametrize("error", [TypeError("unhashable type"), KeyError("x"), ValueError("no"), AttributeError("y")])
def test_a_mistake_of_ours_while_a_model_is_read_ends_no_daemon(tmp_path, monkeypatch, error):
    """A reload reads the models too, and expects ArtifactError only."""
    path = onnx(tmp_path, metadata=ULTRALYTICS)

    def wrong(_model):
        raise error

    monkeypatch.setattr(exporter, "facts", wrong)
    with pytest.raises(ArtifactError, match=f"{path}: cannot be read: {type(error).__name__}: "):
        open_artifact(path)
