"""All files of a model: added under names that are found again, and looked at again when one of them changes."""

from __future__ import annotations

import json

import pytest

from backends.contract import ArtifactError
from backends.models import store
from backends.models.listing import listing
from tests.support import models

IMAGE = [("images", (1, 3, 64, 64), 1)]
OUTPUT = [("o", (1, 6, 84), 1)]
LABELS = "labels: [person, dog]\n"
HEADER = json.dumps({"imgsz": [64, 64], "names": {"0": "a"}, "task": "detect", "author": "Ultralytics"}).encode()
PLAN = len(HEADER).to_bytes(4, "little") + HEADER + b"ftrt" + bytes(range(1, 101))
TFLITE = models.tflite([("i", (1, 64, 64, 3), 3)], [("o", (1, 6, 84), 0)])


def far(tmp_path, weights="far.data"):
    """An ONNX model with its weights beside it."""
    path = tmp_path / "x.onnx"
    path.write_bytes(models.onnx(IMAGE, OUTPUT, {}, models.external(weights)))
    path.with_suffix(".yaml").write_text(LABELS)
    (tmp_path / weights).parent.mkdir(exist_ok=True)
    (tmp_path / weights).write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("name", "data", "sidecar", "as_"),
    [
        ("x.lite", TFLITE, LABELS + "family: yolo\nhead: {units: norm}\n", "model.tflite"),
        ("y.trt", PLAN, "", "model.engine"),
        ("y.plan", PLAN, "", "model.engine"),
        ("Z.ONNX", models.onnx(IMAGE, OUTPUT), LABELS, "model.onnx"),
    ],
)
def test_added_under_an_ending_that_is_found(folder, tmp_path, name, data, sidecar, as_):
    source = tmp_path / name
    source.write_bytes(data)
    if sidecar:
        source.with_suffix(".yaml").write_text(sidecar)
    (path,) = store.add(str(source), "gate")
    assert path == folder / "gate" / as_
    assert store.find("gate").path == path


def test_ir_in_capitals_is_two_files_too(folder, tmp_path):
    source = models.ir(tmp_path / "M.XML", [(*IMAGE[0][:2], "FP32")], [(*OUTPUT[0][:2], "FP32")])
    source.with_suffix(".yaml").write_text(LABELS)
    before = store.find(str(source)).sha256
    source.with_suffix(".bin").write_bytes(b"other weights")
    assert store.find(str(source)).sha256 != before
    store.add(str(source), "gate")
    assert (folder / "gate" / "model.bin").read_bytes() == b"other weights"
    assert store.find("gate").sha256 == store.find(str(source)).sha256


def test_weights_beside_a_model_come_along(folder, tmp_path):
    source = far(tmp_path)
    (path,) = store.add(str(source), "gate")
    assert sorted(file.name for file in path.parent.iterdir()) == ["far.data", "model.onnx", "model.yaml"]
    assert store.find("gate").sha256 == store.find(str(source)).sha256
    assert next(row for row in listing() if row["name"] == "gate")["size"] == source.stat().st_size + 7
    path.with_name("far.data").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="it is another file or damaged"):
        store.find("gate")


@pytest.mark.parametrize("weights", ["w/far.data", "model.yaml", "model.onnx"])
def test_weights_that_cannot_come_along(folder, tmp_path, weights):
    with pytest.raises(
        ArtifactError, match=r"x\.onnx: its weights in .* cannot lie in the model folder under that nam"
    ):
        store.add(str(far(tmp_path, weights)), "gate")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("weights", ["far.data", "w/far.data"])
def test_other_weights_are_seen(folder, tmp_path, weights):
    path = far(tmp_path, weights)
    (before,) = store.ladder(str(path))
    assert store.ladder(str(path))[0] is before
    (tmp_path / weights).write_bytes(b"other weights")
    assert store.ladder(str(path))[0].rev != before.rev


@pytest.mark.parametrize(
    "listed", ["labels/names.txt", "elsewhere/y.tflite", "elsewhere/y.yaml", "elsewhere/names.txt"]
)
def test_what_lies_elsewhere_is_seen(folder, tmp_path, listed):
    """Labels in a folder below, a twin in another, its sidecar, and the labels of that."""
    for name in ("labels", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "names.txt").write_text("person\ndog\n")
    main, twin = tmp_path / "x.onnx", tmp_path / "elsewhere" / "y.tflite"
    main.write_bytes(models.onnx(IMAGE, OUTPUT))
    main.with_suffix(".yaml").write_text("labels: labels/names.txt\ntwins: [elsewhere/y.tflite]\n")
    twin.write_bytes(TFLITE)
    twin.with_suffix(".yaml").write_text("labels: names.txt\nfamily: yolo\nhead: {units: norm}\n")
    before = store.ladder(str(main))
    assert store.ladder(str(main)) is before
    file = tmp_path / listed
    if file.suffix == ".tflite":
        file.write_bytes(models.tflite([("j", (1, 64, 64, 3), 3)], [("o", (1, 6, 84), 0)]))
        assert store.ladder(str(main)) != before
    else:
        text = file.read_text()
        file.write_text(text.replace("dog", "cat") if "dog" in text else "labels: [a, b]\nhead: {units: norm}\n")
        with pytest.raises(ArtifactError, match="is not a twin of"):
            store.ladder(str(main))
