from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.contract import ArtifactError
from backends.formats.modelfile import Tensor
from backends.formats.sniff import read_model
from tests.support import models
from tests.support.examples import examples

DATA = Path(__file__).parents[5] / "shared" / "data" / "models"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
DETECTION = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
IMAGE = ("images", (1, 3, 640, 640), 1)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def with_zip(model: bytes, name: str, content: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return model + buffer.getvalue()


def test_onnx(tmp_path):
    data = models.onnx([("images", ("batch", 3, 320, -1), 1)], [("output0", (1, 84, 2100), 10)], {"task": "detect"})
    model = read_model(written(tmp_path / "m.onnx", data))
    assert model.format == "onnx"
    assert model.inputs == (Tensor("images", (-1, 3, 320, -1), "float32"),)
    assert model.outputs == (Tensor("output0", (1, 84, 2100), "float16"),)
    assert model.metadata == {"task": "detect"}
    assert model.notes == ("ONNX opset 17, written by a test",)


def test_frozen_graph(tmp_path):
    model = read_model(written(tmp_path / "m.pb", models.frozen_graph(["x", *DETECTION[::-1]])))
    assert model.format == "tensorflow"
    assert model.inputs == (Tensor("image_tensor", (-1, -1, -1, 3), "uint8"),)
    assert [tensor.name for tensor in model.outputs] == DETECTION


def test_openvino(tmp_path):
    path = models.ir(
        tmp_path / "m.xml",
        [("x.1", (1, 3, 320, "1..640"), "FP32")],
        [("detection_boxes:0", (1, 10, 4), "f16")],
        {"labels": "a b"},
    )
    (tmp_path / "metadata.yaml").write_text("author: Ultralytics\nnames: {0: a, 1: b}\nimgsz: [320, 320]\n")
    for given_path in (path, tmp_path):
        model = read_model(given_path)
        assert model.inputs == (Tensor("x.1", (1, 3, 320, -1), "float32"),)
        assert model.outputs == (Tensor("detection_boxes:0", (1, 10, 4), "float16"),)
        assert model.metadata == {
            "model_info.labels": "a b",
            "author": "Ultralytics",
            "names": "{0: 'a', 1: 'b'}",
            "imgsz": "[320, 320]",
        }


def test_tflite(tmp_path):
    data = models.tflite(
        [("image", (1, 320, 320, 3), 3)],
        [(f"StatefulPartitionedCall:{i}", (1, 10), 0) for i in (3, 1, 0, 2)],
        ["TFLite_Detection_PostProcess"],
        signature=[2, 1, 3, 0],
        scale=(0.5, 7),
    )
    model = read_model(written(tmp_path / "m.tflite", with_zip(data, "metadata.json", json.dumps({"stride": 32}))))
    assert model.inputs == (Tensor("image", (1, 320, 320, 3), "uint8", 0.5, 7),)
    assert model.outputs[1] == Tensor("StatefulPartitionedCall:1", (1, 10), "float32", 0.5, 7)
    assert model.roles == {"count": 2, "scores": 1, "classes": 3, "boxes": 0}
    assert model.operators == ("TFLite_Detection_PostProcess",)
    assert model.metadata == {"stride": "32"}


@needs_data
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("yolox_nano.onnx", ["images (1, 3, 416, 416) float32"], ["output (1, 3549, 85) float32"]),
        (
            "pedestrian_ssdlite_frozen_inference_graph.pb",
            ["image_tensor (?, ?, ?, 3) uint8"],
            [f"{name} (1, ?{', 4' if 'boxes' in name else ''}) float32" for name in DETECTION[:3]]
            + ["num_detections (1) float32"],
        ),
        (
            "mobilenet_v1_0.25_128_quant.tflite",
            ["input (1, 128, 128, 3) uint8"],
            ["MobilenetV1/Predictions/Reshape_1 (1, 1001) uint8"],
        ),
        (
            "yolox_nano_mask3_only_int8_quantize.tflite",
            ["serving_default_images:0 (1, 3, 416, 416) int8"],
            ["PartitionedCall:0 (1, 3549, 8) int8"],
        ),
    ],
)
def test_real_files(name, inputs, outputs):
    model = read_model(DATA / name)
    assert [str(tensor) for tensor in model.inputs] == inputs
    assert [str(tensor) for tensor in model.outputs] == outputs


@needs_data
@pytest.mark.data
def test_a_real_edge_tpu_file_is_known_by_its_content(tmp_path):
    paths = list(DATA.glob("*_edgetpu.tflite"))
    assert paths
    for path in paths:
        renamed = tmp_path / "plain.tflite"
        renamed.unlink(missing_ok=True)
        renamed.symlink_to(path)
        model = read_model(renamed)
        assert model.format == "edgetpu"
        assert "edgetpu-custom-op" in model.operators


@needs_data
@pytest.mark.data
def test_a_name_makes_no_edge_tpu_file(tmp_path):
    renamed = tmp_path / "m_edgetpu.tflite"
    renamed.symlink_to(DATA / "mobilenet_v1_0.25_128_quant.tflite")
    model = read_model(renamed)
    assert (model.format, model.operators) == ("tflite", ())
    assert model.inputs[0].scale == 1 / 128
    assert model.inputs[0].zero_point == 128


HEADER = {
    "description": "Ultralytics YOLO11n model",
    "author": "Ultralytics",
    "version": "8.4.190",
    "task": "detect",
    "batch": 1,
    "imgsz": [320, 640],
    "names": {0: "person", 1: "dog"},
    "args": {"dynamic": False, "nms": False},
}
PLAN = b"ftrt" + bytes(range(1, 97))


def engine(header=HEADER, plan=PLAN, length=None, text=None):
    content = text if text is not None else json.dumps(header).encode()
    return (len(content) if length is None else length).to_bytes(4, "little", signed=True) + content + plan


@pytest.mark.parametrize(
    ("changed", "tensor"),
    [
        ({}, "images (1, 3, 320, 640) float32"),
        ({"imgsz": 416}, "images (1, 3, 416, 416) float32"),
        ({"args": {"half": True}}, "images (1, 3, 320, 640) float16"),
        ({"args": {"quantize": 16, "dynamic": True}}, "images (?, 3, 320, 640) float16"),
        ({"batch": 4, "channels": 1}, "images (4, 1, 320, 640) float32"),
    ],
)
def test_engine_of_ultralytics(tmp_path, changed, tensor):
    data = engine({**HEADER, **changed})
    model = read_model(written(tmp_path / "any.bin", data))
    assert model.format == "tensorrt"
    assert [str(found) for found in model.inputs] == [tensor]
    assert model.outputs == ()
    assert model.metadata["names"] == "{'0': 'person', '1': 'dog'}"
    at = data.index(b"ftrt")
    assert model.notes[0] == f"TensorRT plan at byte {at}, behind a header of Ultralytics 8.4.190"


def torch_zip() -> bytes:
    return with_zip(b"", "model/data.pkl", "pickle")


REFUSED = [
    ("m.pt", torch_zip(), "pickle.*never loaded; YOLO weights .*: vedette models export m.pt --for"),
    ("renamed.onnx", torch_zip(), "pickle"),
    ("old.pt", b"\x80\x02\x8a\nl\xfc\x9c", "pickle"),
    ("text.pt", b"hello", "PyTorch checkpoint, which is never loaded"),
    ("plain.engine", b"ftrt\0\0", "TensorRT plan without an exporter's header.*use the .onnx"),
    ("renamed.onnx", b"ftrt\0\0", "TensorRT plan without"),
    ("short.engine", b"\x20\0", "not a TensorRT engine that can be read"),
    ("foreign.engine", models.onnx([IMAGE], [IMAGE]), "not a TensorRT engine that can be read: .*use the .onnx"),
    ("negative.engine", engine(length=-5), "not a TensorRT engine that can be read"),
    ("huge.bin", engine(length=1 << 30), "not a TensorRT engine that can be read"),
    ("beyond.bin", engine(length=5000), r"the plan begins at byte 5004, of \d+$"),
    ("no-plan.bin", engine(plan=b""), "the plan begins at byte"),
    ("zeros.bin", engine(plan=bytes(200)), "only zeros"),
    ("cut.bin", engine(length=30), "header of 30 bytes is not JSON"),
    ("deep.bin", engine(text=b'{"a":' + b"[" * 100_000), "is not JSON"),
    ("other.bin", engine({"a": 1}), "not of an Ultralytics export"),
    ("batch.bin", engine({**HEADER, "batch": "x" * 500}), "batch 'x{40}' in its header is not a number in 1..1024"),
    ("side.bin", engine({**HEADER, "imgsz": [320, 1e9]}), "imgsz .* is not a height and width"),
    ("flat.bin", engine({**HEADER, "imgsz": [320]}), "imgsz .* is not a height and width"),
    ("k.h5", b"\x89HDF\r\n", "Keras"),
    ("lfs.onnx", b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ("page.onnx", b"<!DOCTYPE html><html>", "web page"),
    ("page.tflite", b"\n<html><body>", "web page"),
    ("empty.onnx", b"", "is empty"),
    ("noise.onnx", b"\xff\xff\xff\xff", "not a known model file"),
    ("noise.xml", b"hello", "not an OpenVINO IR"),
    ("saved_model.pb", models.number(1, 1) + models.message(2, "x"), "no ONNX graph"),
    ("weights.pb", models.message(1, models.message(1, "a"), models.message(2, "Const")), "no placeholder in 1 nodes"),
    ("bomb.xml", b'<?xml version="1.0"?><!DOCTYPE n [<!ENTITY a "aa">]><net>&a;</net>', "DOCTYPE"),
    ("other.xml", b"<?xml version='1.0'?><project/>", "no input or no output"),
]


@pytest.mark.parametrize(("name", "data", "says"), REFUSED, ids=[f"{name} {says[:12]}" for name, _, says in REFUSED])
def test_refused(tmp_path, name, data, says):
    with pytest.raises(ArtifactError, match=rf"(?s){name}: .*{says}"):
        read_model(written(tmp_path / name, data))


def test_places_without_a_model(tmp_path):
    with pytest.raises(ArtifactError, match=r"missing\.onnx: cannot be read: No such file"):
        read_model(tmp_path / "missing.onnx")
    with pytest.raises(ArtifactError, match=r"folder with 0 \.xml files"):
        read_model(tmp_path)
    with pytest.raises(ArtifactError, match="is not a model file, but a device"):
        read_model(Path("/dev/null"))


def test_ir_without_weights(tmp_path):
    path = models.ir(tmp_path / "m.xml", [(*IMAGE[:2], "FP32")], [("o", (1, 84, 10), "FP32")])
    path.with_suffix(".bin").unlink()
    with pytest.raises(ArtifactError, match=r"its weights are missing: put m\.bin beside it"):
        read_model(path)


def test_ir_whose_weights_are_cut_off(tmp_path):
    path = models.ir(tmp_path / "m.xml", [(*IMAGE[:2], "FP32")], [("o", (1, 84, 10), "FP32")])
    path.with_suffix(".bin").write_bytes(b"weight")
    with pytest.raises(ArtifactError, match=r"weights are cut off: m\.bin has 6 bytes, of 7; copy both files again"):
        read_model(path)


def whole(tmp_path: Path) -> dict[str, bytes]:
    xml = models.ir(tmp_path / "whole.xml", [("x", (1, 3, 8, 8), "FP32")], [("o", (1, 84, 10), "FP32")])
    return {
        "m.onnx": models.onnx([IMAGE], [("output0", (1, 84, 8400), 1)], {"names": "{0: 'a'}"}),
        "m.pb": models.frozen_graph(DETECTION),
        "m.tflite": models.tflite([("i", (1, 8, 8, 3), 3)], [("o", (1, 10), 0)], ["op"], [0], (0.5, 1)),
        "m.xml": xml.read_bytes(),
        "m.engine": engine(),
    }


@pytest.mark.parametrize("name", ["m.onnx", "m.pb", "m.tflite", "m.xml", "m.engine"])
def test_any_truncation_is_an_artifact_error_or_a_smaller_model(tmp_path, name):
    data = whole(tmp_path)[name]
    (tmp_path / "m.bin").write_bytes(b"weights")
    for length in range(len(data)):
        path = written(tmp_path / name, data[:length])
        try:
            read_model(path)
        except ArtifactError as error:
            assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", ["m.onnx", "m.pb", "m.tflite", "m.xml", "m.engine"])
@given(st.data())
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_artifact_errors_come_out_of_damaged_files(tmp_path, name, data):
    content = bytearray(whole(tmp_path)[name])
    (tmp_path / "m.bin").write_bytes(b"weights")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
        content = content or bytearray(b"\0")
    with contextlib.suppress(ArtifactError):
        read_model(written(tmp_path / name, bytes(content)))


@given(
    st.sampled_from([b"\x08\x08", b"\x0a", b"\x10\0\0\0TFL3", b"<?xml?>", b"<net>", b'\x20\0\0\0{"']),
    st.binary(max_size=400),
)
@settings(max_examples=examples(160), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_artifact_errors_come_out_of_noise(tmp_path, magic, noise):
    for name in ("n.onnx", "n.pb", "n.tflite", "n.xml", "n.engine"):
        with contextlib.suppress(ArtifactError):
            read_model(written(tmp_path / name, magic + noise))


def test_a_file_of_endless_tiny_parts_costs_little(tmp_path, monkeypatch):
    monkeypatch.setattr("backends.formats.window.MAX_READS", 1000)
    with pytest.raises(ArtifactError, match="too many parts"):
        read_model(written(tmp_path / "m.onnx", models.number(1, 8) * 2000))


def test_a_huge_claim_is_not_believed(tmp_path):
    claim = models.varint(7 << 3 | 2) + models.varint(1 << 40)
    with pytest.raises(ArtifactError, match="reaches beyond byte"):
        read_model(written(tmp_path / "m.onnx", models.number(1, 8) + claim))


@pytest.mark.parametrize(
    "text",
    ["title: x\nversion: &v 3\nsame: *v\n", "- a", "model_family: x\nschema_version: 2\n", "a: [", "#" * 2**20 + "\n"],
)
def test_a_metadata_yaml_of_somebody_else_is_none_of_the_models(tmp_path, text):
    path = models.ir(tmp_path / "m.xml", [("x", (1, 3, 64, 96), "FP32")], [("boxes", (1, 1, 6), "FP32")])
    (tmp_path / "metadata.yaml").write_text(text)
    assert read_model(path).metadata == {}
