"""What `models add` keeps of a file and its twins, and what it refuses."""

from __future__ import annotations

import os

import pytest

from backends.contract import ArtifactError
from backends.models import store
from backends.models.listing import listing
from backends.testing.model import boxes_model
from tests.support import models

ONNX = models.onnx([("images", (1, 3, 64, 64), 1)], [("o", (1, 6, 84), 1)])


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_add_keeps_all_that_is_known(folder, tmp_path, kind):
    source = tmp_path / "mine.onnx"
    if kind == "onnx":
        source.write_bytes(ONNX)
    else:
        source = models.ir(tmp_path / "mine.xml", [("x", (1, 3, 64, 64), "FP32")], [("o", (1, 6, 84), "FP32")])
    (tmp_path / "names.txt").write_text("person\ndog\n")
    source.with_suffix(".yaml").write_text("labels: names.txt\nlicence: mine\nhead: {iou: 0.5}\n")
    before = store.find(str(source))
    (path,) = store.add(str(source), "gate")
    after = store.find("gate")
    assert path == folder / "gate" / f"model{source.suffix}"
    assert after.name == "gate"
    for same in ("sha256", "family", "input", "labels", "licence", "head", "precision"):
        assert getattr(after, same) == getattr(before, same)
    assert store.add(str(source))[0].parent.name == "mine"
    rows = {row["name"]: row for row in listing()}
    assert rows["gate"] == {
        "name": "gate",
        "installed": True,
        "size": sum(p.stat().st_size for p in path.parent.iterdir() if p.suffix != ".yaml"),
        "licence": "mine",
        "description": None,
        "source": None,
        "path": str(path),
        "rev": after.rev,
    }


EDGETPU = models.tflite(
    [("image", (1, 64, 64, 3), 3)], [("o", (1, 6, 84), 9)], ["edgetpu-custom-op"], scale=(1 / 255, -128)
)


@pytest.fixture
def pair(tmp_path):
    """x.onnx with its sidecar, and beside it x_edgetpu.tflite, which says nothing of its labels."""
    path = tmp_path / "x.onnx"
    path.write_bytes(ONNX)
    path.with_suffix(".yaml").write_text("labels: [person, dog]\nlicence: mine\nhead: {iou: 0.5}\n")
    path.with_name("x_edgetpu.tflite").write_bytes(EDGETPU)
    return path


@pytest.mark.parametrize("main", ["x.onnx", "x_edgetpu.tflite"])
def test_add_takes_the_twins_along(folder, pair, main):
    pair.with_name("x_edgetpu.yaml").write_text("labels: [person, dog]\n")
    before = store.ladder(str(pair.with_name(main)))
    paths = store.add(str(pair.with_name(main)), "gate")
    names = ["model.onnx", "model_edgetpu.tflite"]
    assert [path.name for path in paths] == (names if main == "x.onnx" else names[::-1])
    assert store.find("gate").path == paths[0]
    after = store.ladder("gate")
    assert [artifact.path for artifact in after] == list(paths)
    for same in ("sha256", "format", "family", "input", "labels", "licence", "head", "quantisation"):
        assert [getattr(artifact, same) for artifact in after] == [getattr(artifact, same) for artifact in before]
    assert {artifact.name for artifact in after} == {"gate"}


def test_add_with_a_twin_from_elsewhere(folder, pair, tmp_path):
    other = tmp_path / "elsewhere" / "quantised.tflite"
    other.parent.mkdir()
    other.write_bytes(EDGETPU)
    pair.with_name("x_edgetpu.tflite").unlink()
    main, twin = store.add(str(pair), "gate", [str(other)])
    assert sorted(path.name for path in main.parent.iterdir()) == [
        "model.onnx", "model.yaml", "model_edgetpu.tflite", "model_edgetpu.tflite.yaml",
    ]  # fmt: skip
    assert store.ladder("gate")[1].path == twin
    twin.write_bytes(EDGETPU + b"x")
    assert store.find("gate").path == main
    with pytest.raises(
        ArtifactError, match=r"(?s)model_edgetpu.tflite: its sha256 is.*counts as a twin of .*model.onnx"
    ):
        store.ladder("gate")


def test_add_refuses_twins(folder, pair, tmp_path):
    second = tmp_path / "second.tflite"
    second.write_bytes(EDGETPU)
    with pytest.raises(ArtifactError, match=r"x_edgetpu\.tflite: .*second\.tflite is for the same engines already"):
        store.add(str(pair), "gate", [str(second)])
    second.write_bytes(EDGETPU[:-40])
    with pytest.raises(ArtifactError, match=r"(?s)second\.tflite: damaged.*counts as a twin of .*x\.onnx"):
        store.add(str(pair), "gate", [str(second)])
    pair.with_name("x_edgetpu.yaml").write_text("labels: [person, cat]\n")
    with pytest.raises(ArtifactError, match=r"x_edgetpu\.tflite: is not a twin of .*x\.onnx: label 1 is 'cat' here"):
        store.add(str(pair), "gate")
    assert not folder.exists()


def test_add_refuses(folder, tmp_path, offered):
    offered(ONNX)
    source = tmp_path / "mine.onnx"
    source.write_bytes(ONNX)
    with pytest.raises(ArtifactError, match="neither the file"):
        store.add(str(source), "gate")
    source.with_suffix(".yaml").write_text("labels: [a, b]\n")
    with pytest.raises(ArtifactError, match="'tiny' is a model of the catalog"):
        store.add(str(source), "tiny")
    for name in ("clips", "../up", "a/b", ""):
        with pytest.raises(ArtifactError, match="is not a model name") if name else pytest.raises(StopIteration):
            store.add(str(source), name)
            raise StopIteration
    with pytest.raises(ArtifactError, match="No such file"):
        store.add(str(tmp_path / "missing.onnx"))


def test_add_takes_a_file_whose_name_is_not_utf_8(folder, tmp_path):
    made = boxes_model(tmp_path).path
    for path in (made, made.with_suffix(".yaml")):
        path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9" + path.suffix.encode()))
    store.add(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.onnx"), "gate")
    assert store.find("gate").labels == ("thing",)
