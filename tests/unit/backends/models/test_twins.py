"""The same model in several files: which are found, what they take over, what is refused."""

from __future__ import annotations

import dataclasses
import json

import pytest

from backends.artifact import Artifact
from backends.contract import ArtifactError
from backends.models import twins
from backends.models.resolve import open_artifact
from tests.support import models

LABELS = "labels: [person, dog]\n"
IMAGE = [("images", (1, 3, 64, 64), 1)]
ONNX = models.onnx(IMAGE, [("output0", (1, 6, 84), 1)])
POSTPROCESS = "TFLite_Detection_PostProcess"
EDGETPU = "edgetpu-custom-op"
FLOAT, UINT8, INT8 = 0, 3, 9
SSD_TAIL = [(f"tail:{i}", shape, FLOAT) for i, shape in enumerate([(1, 10, 4), (1, 10), (1, 10), (1,)])]


def tflite(columns=(1, 6, 84), kind=INT8, scale=(1 / 255, -128), custom=(), outputs=None):
    return models.tflite([("i", (1, 32, 32, 3), kind)], outputs or [("o", columns, kind)], custom, scale=scale)


def engine(names=("person", "dog")):
    header = {"author": "Ultralytics", "task": "detect", "imgsz": [96, 96], "names": dict(enumerate(names))}
    content = json.dumps(header).encode()
    return len(content).to_bytes(4, "little") + content + b"ftrt" + b"\1" * 96


def lay(folder, **files):
    """Writes the files; x__onnx=... is x.onnx."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def found(folder, main="x.onnx"):
    return twins.twins(open_artifact(folder / main))


def test_files_of_the_same_name_are_found(tmp_path):
    folder = lay(
        tmp_path, x__onnx=ONNX, x__yaml=LABELS, x__tflite=tflite(), x_edgetpu__tflite=tflite(custom=[EDGETPU]),
        x__engine=engine(), y__onnx=ONNX, x2__onnx=ONNX, x__txt="notes", x__pt=b"pickle",
    )  # fmt: skip
    models.ir(folder / "x.xml", [("x", (1, 3, 64, 64), "FP32")], [("o", (1, 6, 84), "FP32")])
    (folder / "x.pb").mkdir()
    names = ["x.xml", "x.engine", "x.tflite", "x_edgetpu.tflite"]
    assert [twin.path.name for twin in found(folder)] == names
    assert [twin.format for twin in found(folder)] == ["openvino", "tensorrt", "tflite", "edgetpu"]
    others = twins.files(folder / "x_edgetpu.tflite")
    assert [path.name for path in others] == ["x.xml", "x.onnx", "x.engine", "x.tflite"]
    assert twins.files(folder / "y.onnx") == ()


def test_a_twin_takes_over_what_it_leaves_open(tmp_path):
    folder = lay(
        tmp_path,
        x__onnx=ONNX,
        x__yaml=LABELS + "licence: MIT\nhead: {iou: 0.3, box: xyxy}\ninput: {color: BGR, pad: 0, std: 200}\n",
        x_edgetpu__tflite=tflite(custom=[EDGETPU]),
    )
    main = open_artifact(folder / "x.onnx")
    (twin,) = twins.twins(main)
    assert (twin.name, twin.labels, twin.family, twin.licence) == ("x", main.labels, "yolo", "MIT")
    assert twin.head == {"iou": 0.3, "box": "xyxy", "units": "norm"}
    assert twin.input == dataclasses.replace(
        main.input, height=32, width=32, layout="NHWC", dtype="int8", std=(1.0,) * 3, name="i"
    )
    assert twin.input_quantisation == (pytest.approx(1 / 255), -128)
    assert twin.custom_ops == (EDGETPU,)
    assert "labels = 2 of them  (as x.onnx, whose twin this is)" in twin.why
    assert Artifact.from_json(twin.to_json()) == twin


def test_facts_of_its_own_come_first(tmp_path):
    folder = lay(
        tmp_path, x__onnx=ONNX, x__yaml=LABELS + "licence: MIT\nhead: {iou: 0.3}\n",
        x__tflite=tflite(kind=FLOAT, scale=None), x_edgetpu__tflite=tflite(custom=[EDGETPU]),
    )  # fmt: skip
    (folder / "x.tflite.yaml").write_text("head: {units: px, iou: 0.6}\n")
    (folder / "x_edgetpu.yaml").write_text("licence: other\n")
    plain, compiled = found(folder)
    assert (plain.head, plain.licence) == ({"iou": 0.6, "units": "px"}, "MIT")
    assert (compiled.head, compiled.licence) == ({"iou": 0.3, "units": "norm"}, "other")


def test_the_sidecar_of_the_main_model_is_not_its_twins(tmp_path):
    """x.yaml holds the sha256 and the layout of x.onnx; x.tflite has others."""
    sha = open_artifact(lay(tmp_path, x__onnx=ONNX, x__yaml=LABELS) / "x.onnx").sha256
    sidecar = LABELS + f"sha256: {sha}\ninput: {{layout: NCHW, height: 64, name: images}}\n"
    (twin,) = found(lay(tmp_path, x__yaml=sidecar, x__tflite=tflite()))
    assert (twin.input.layout, twin.input.height, twin.input.name) == ("NHWC", 32, "i")
    assert twin.sha256 != sha


def test_a_twin_with_another_tail_has_another_head(tmp_path):
    graph = models.frozen_graph(["detection_boxes", "detection_classes", "detection_scores", "num_detections"])
    folder = lay(
        tmp_path, x__pb=graph, x__yaml=LABELS + "input: {height: 64, width: 64}\nhead: {label_offset: 1}\n",
        x__tflite=tflite(kind=UINT8, scale=None, custom=[POSTPROCESS], outputs=SSD_TAIL),
    )  # fmt: skip
    (twin,) = found(folder, "x.pb")
    assert (twin.family, twin.head, twin.input.height) == ("ssd", {}, 32)
    yolo = lay(
        tmp_path, z__onnx=ONNX, z__yaml=LABELS + "head: {iou: 0.3}\n", z__tflite=(folder / "x.tflite").read_bytes()
    )
    (twin,) = found(yolo, "z.onnx")
    assert (twin.family, twin.head, twin.labels) == ("ssd", {}, ("person", "dog"))


def test_what_the_shapes_leave_open_the_main_model_settles(tmp_path):
    rows = models.onnx(IMAGE, [("output0", (1, 300, 6), 1)])
    folder = lay(tmp_path, x__onnx=rows, x__yaml=LABELS + "family: yolo-e2e\n")
    models.ir(folder / "x.xml", [("x", (1, 3, 64, 64), "FP32")], [("o", (1, 300, 6), "FP32")])
    (twin,) = found(folder)
    assert twin.family == "yolo-e2e"
    lay(tmp_path, x__yaml=LABELS + "family: boxes\n")
    assert found(folder)[0].family == "boxes"


@pytest.mark.parametrize(
    ("named", "expected", "why"),
    [
        ("[]", [], "none"),
        ("[sub/q.tflite]", ["q.tflite"], "q.tflite"),
        ("[x.onnx, x.xml, x.xml]", ["x.xml"], "x.onnx, x.xml, x.xml"),
    ],
)
def test_the_sidecar_names_them(tmp_path, named, expected, why):
    folder = lay(tmp_path, x__onnx=ONNX, x__yaml=f"{LABELS}twins: {named}\n", x__tflite=b"no model at all")
    models.ir(folder / "x.xml", [("x", (1, 3, 64, 64), "FP32")], [("o", (1, 6, 84), "FP32")])
    (folder / "sub").mkdir()
    (folder / "sub" / "q.tflite").write_bytes(tflite())
    main = open_artifact(folder / "x.onnx")
    assert [twin.path.name for twin in twins.twins(main)] == expected
    assert f"twins = {why}  ({tmp_path / 'x.yaml'}:2:1)" in main.why


OTHERS = [
    ("x__engine", engine(["person", "cat"]), r"x\.engine: is not a twin of .*x\.onnx: label 1 is 'cat' here and 'dog'"),
    ("x__engine", engine(["person"]), r"its labels are 1, not 2: label 1, 'dog', is there only"),
    ("x__engine", engine(["person", "dog", "cat"]), r"its labels are 3, not 2: label 2, 'cat', is here only"),
    ("x__tflite", b"no model", r"(?s)x\.tflite: .*not a known model file.*x\.tflite counts as a twin of .*x\.onnx; if"),
    ("x__tflite", tflite()[:-30], r"(?s)x\.tflite: damaged or truncated.*counts as a twin"),
    ("x__tflite", tflite((1, 84, 84)), r"(?s)x\.tflite: family 'yolo' with 2 labels needs.*counts as a twin"),
    ("x__tflite", tflite(kind=FLOAT, scale=None), r"(?s)x\.tflite: nothing says wheth.*x\.tflite\.yaml:.*units: norm"),
    ("x__engine", b"ftrt" + bytes(100), r"(?s)TensorRT plan without.*list the right ones as `twins: .* in .*x\.yaml"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "says"), OTHERS)
def test_refused(tmp_path, name, data, says):
    folder = lay(tmp_path, x__onnx=ONNX, x__yaml=LABELS, **{name: data})
    with pytest.raises(ArtifactError, match=says):
        found(folder)


def test_a_named_twin_that_is_not_there(tmp_path):
    folder = lay(tmp_path, x__onnx=ONNX, x__yaml=LABELS + "twins: [gone.tflite]\n")
    with pytest.raises(ArtifactError, match=r"x\.yaml:2:1: twins: .*gone\.tflite: no such file"):
        found(folder)


def test_a_named_twin_that_cannot_be_a_file(tmp_path):
    folder = lay(tmp_path, x__onnx=ONNX, x__yaml=LABELS + f"twins: [{'g' * 300}.tflite]\n")
    with pytest.raises(ArtifactError, match=r"x\.yaml:2:1: twins: .*gg\.tflite: File name too long"):
        found(folder)
