"""From the file of a chip to its artifact: Ultralytics engines, Edge TPU files, and what other engines say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.artifact import Artifact, InputSpec
from backends.contract import ArtifactError
from backends.models.resolve import open_artifact
from backends.openvino import OpenVINO
from tests.support import models
from tests.support.examples import examples

DATA = Path(__file__).parents[5] / "shared" / "data" / "models"
HEADER = {
    "description": "Ultralytics YOLO11n model trained on coco8",
    "author": "Ultralytics",
    "license": "AGPL-3.0",
    "version": "8.4.190",
    "task": "detect",
    "batch": 1,
    "imgsz": [320, 640],
    "names": {0: "person", 1: "dog"},
    "args": {"dynamic": False, "nms": False},
    "end2end": False,
}
POSTPROCESS = "TFLite_Detection_PostProcess"


def engine(path: Path, **changed: object) -> Path:
    content = json.dumps({**HEADER, **changed}).encode()
    path.write_bytes(len(content).to_bytes(4, "little") + content + b"ftrt" + b"\1" * 96)
    return path


def test_an_engine_of_ultralytics(tmp_path: Path) -> None:
    artifact = open_artifact(engine(tmp_path / "m.engine"))
    assert (artifact.format, artifact.family, artifact.labels) == ("tensorrt", "yolo", ("person", "dog"))
    assert artifact.input == InputSpec(320, 640, "NCHW", "float32", std=(255.0,) * 3, name="images")
    assert artifact.head == {"units": "px"}
    assert artifact.licence == "AGPL-3.0"
    assert "labels = 2 of them  (metadata of Ultralytics)" in artifact.why
    assert Artifact.from_json(artifact.to_json()) == artifact


@pytest.mark.parametrize(
    ("changed", "family", "dtype"),
    [
        ({"end2end": True}, "yolo-e2e", "float32"),
        ({"args": {"nms": True, "half": True}}, "yolo-e2e", "float16"),
        ({"args": {"dynamic": True, "quantize": 16}}, "yolo", "float16"),
    ],
)
def test_variants_of_the_export(tmp_path: Path, changed: dict[str, object], family: str, dtype: str) -> None:
    artifact = open_artifact(engine(tmp_path / "m.engine", **changed))
    assert (artifact.family, artifact.input.dtype, artifact.input.width) == (family, dtype, 640)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"task": "classify"}, "made for task classify"),
        ({"batch": 4}, r"images \(4, 3, 320, 640\) float32 is not a single image"),
        (
            {"author": "me", "description": "mine"},
            "neither the file .outputs: not known. nor a sidecar says its family",
        ),
    ],
)
def test_engines_refused(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    with pytest.raises(ArtifactError, match=says):
        open_artifact(engine(tmp_path / "m.engine", **changed))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just("nms"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*HEADER, "channels", "head", "model_family"]), VALUES, min_size=1))
@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_header_says_only_artifact_errors_come_out(tmp_path: Path, changed: dict[str, object]) -> None:
    path = engine(tmp_path / "m.engine", **changed)
    try:
        artifact = open_artifact(path)
    except ArtifactError as error:
        assert str(path) in str(error)  # noqa: PT017 - both ways out are right
    else:
        assert Artifact.from_json(artifact.to_json()) == artifact


def test_no_other_engine_takes_the_files_of_a_chip(tmp_path: Path) -> None:
    refusal = OpenVINO().accepts(open_artifact(engine(tmp_path / "m.engine")))
    assert refusal is not None
    assert "m.engine is tensorrt" in refusal
    path = tmp_path / "m.tflite"
    path.with_suffix(".yaml").write_text("labels: [person]\n")
    tail = [(f"t:{i}", shape, 0) for i, shape in enumerate([(1, 10, 4), (1, 10), (1, 10), (1,)])]
    for custom, says in (
        ([POSTPROCESS], "litert runs it"),
        ([POSTPROCESS, "edgetpu-custom-op"], "m.tflite is edgetpu"),
    ):
        path.write_bytes(models.tflite([("i", (1, 64, 64, 3), 3)], tail, custom, scale=(1 / 128, 128)))
        artifact = open_artifact(path)
        assert artifact.custom_ops == tuple(sorted(custom))
        assert artifact.input_quantisation == (1 / 128, 128)
        refusal = OpenVINO().accepts(artifact)
        assert refusal is not None
        assert says in refusal
        assert "\n" not in refusal
    path.write_bytes(models.tflite([("i", (1, 64, 64, 3), 9)], [("o", (1, 5, 84), 9)], scale=(1 / 255, -128)))
    assert OpenVINO().accepts(open_artifact(path)) is None


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", ["ssd_mobilenet_v2_coco_quant_postprocess_segment_1_of_2_edgetpu", "traffic_model"])
def test_openvino_really_cannot_load_that_operator(name: str) -> None:
    """The reason for the refusal: when this fails, OpenVINO has learnt it, and `accepts` may let it."""
    openvino = pytest.importorskip("openvino")
    with pytest.raises(RuntimeError, match=f"No translator found for ({POSTPROCESS}|edgetpu-custom-op)"):
        openvino.Core().read_model(DATA / f"{name}.tflite")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mobilenet_v1_0.25_128_quant_edgetpu.tflite", "one row of scores: a classifier gives no boxes"),
        (
            "ssd_mobilenet_v2_coco_quant_postprocess_segment_1_of_2_edgetpu.tflite",
            "a detector has one input, this has 3",
        ),
        ("traffic_model.tflite", "a detector has one input, this has 3"),
    ],
)
def test_real_files_that_are_no_detectors(name: str, says: str) -> None:
    with pytest.raises(ArtifactError, match=says):
        open_artifact(DATA / name)
