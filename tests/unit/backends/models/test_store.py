from __future__ import annotations

import errno
import hashlib
import importlib.util
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from backends.contract import ArtifactError, FetchError
from backends.models import catalog, store
from backends.models.listing import listing
from backends.models.place import placed
from backends.models.sidecar import check
from tests.support import models

ONNX = models.onnx([("images", (1, 3, 64, 64), 1)], [("o", (1, 6, 84), 1)])
DATA = Path(__file__).parents[5] / "shared" / "data" / "models"


def quiet(_phase, _done):
    pass


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"VEDETTE_MODELS": "/a", "CACHE_DIRECTORY": "/b"}, "/a"),
        ({"CACHE_DIRECTORY": "/b/vedette:/c"}, "/b/vedette/models"),
        ({"HOME": "/home/x"}, "/home/x/.cache/vedette/models"),
    ],
)
def test_the_folder(monkeypatch, environment, expected):
    for key in ("VEDETTE_MODELS", "CACHE_DIRECTORY"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert store.folder() == Path(expected)


def test_pull_and_find(folder, offered):
    entry = offered(ONNX)
    assert not store.installed("tiny")
    path = store.pull("tiny", quiet)
    assert path == folder / "tiny" / "model.onnx"
    assert sorted(p.name for p in folder.rglob("*")) == ["model.onnx", "model.yaml", "tiny"]
    assert store.installed("tiny")
    artifact = store.find("tiny")
    assert (artifact.name, artifact.sha256, artifact.licence) == ("tiny", entry.sha256, "MIT")
    assert artifact.labels == ("person", "dog")
    origin = f"origin.source = {entry.source}  ({path.with_suffix('.yaml')}:"
    assert any(line.startswith(origin) for line in artifact.why)
    assert store.find(str(path)) == artifact


def test_a_second_pull_downloads_nothing_unless_it_is_damaged(folder, offered):
    entry = offered(ONNX)
    path = store.pull("tiny", quiet)
    Path(entry.source.removeprefix("file://")).unlink()
    assert store.pull("tiny", quiet) == path
    path.write_bytes(ONNX[:-1])
    with pytest.raises(FetchError, match="cannot be read"):
        store.pull("tiny", quiet)
    offered(ONNX)
    store.pull("tiny", quiet)
    assert path.read_bytes() == ONNX
    assert sorted(p.name for p in folder.iterdir()) == ["tiny"]


def test_a_second_pull_brings_the_sidecar_up_to_date(folder, offered):
    offered(ONNX)
    sidecar = store.pull("tiny", quiet).with_suffix(".yaml")
    before = sidecar.stat()
    store.pull("tiny", quiet)
    assert sidecar.stat().st_ino == before.st_ino
    offered(ONNX, head={"iou": 0.25})
    store.pull("tiny", quiet)
    assert store.find("tiny").head == {"iou": 0.25}
    assert sorted(p.name for p in sidecar.parent.iterdir()) == ["model.onnx", "model.yaml"]


@pytest.mark.parametrize(
    ("data", "change", "says"),
    [
        (ONNX, {"sha256": "0" * 64}, "its sha256 is"),
        (b"<html>", {}, "web page"),
        (ONNX, {"family": "yolo", "labels": ["one"]}, r"models/tiny/model\.onnx: .*needs one output \(1, 5, n\)"),
    ],
)
def test_a_failed_pull_leaves_what_was_there_and_nothing_else(folder, offered, data, change, says):
    for before in ([], ["tiny"]):
        if before:
            offered(models.onnx([("images", (1, 3, 32, 32), 1)], [("o", (1, 6, 21), 1)]))
            store.pull("tiny", quiet)
        offered(data, **change)
        with pytest.raises((FetchError, ArtifactError), match=says):
            store.pull("tiny", quiet)
        assert sorted(p.name for p in folder.iterdir()) == before
    assert store.find("tiny").input.height == 32


def test_a_slow_format_is_converted_once(folder, offered, caplog):
    """With whatever convert.py does here: a graph of nothing cannot become IR, so it is kept, and says so."""
    data = models.frozen_graph(["detection_boxes", "detection_classes", "detection_scores", "num_detections"])
    entry = offered(data, ".pb", input={"height": 64, "width": 64}, head={"label_offset": 1})
    with caplog.at_level(logging.WARNING):
        path = store.pull("tiny", quiet)
    assert path.name == "model.pb"
    assert "model.pb is kept as it is, slow to load: not converted to OpenVINO IR: " in caplog.text
    assert store.find("tiny").sha256 == entry.sha256


def test_the_rev_of_a_converted_model_is_its_originals(folder, offered, monkeypatch):
    entry = offered(b"\x0aoriginal", ".pb")

    def converted(path, _progress):
        path.unlink()
        return models.ir(path.with_suffix(".xml"), [("x", (1, 3, 64, 64), "FP32")], [("o", (1, 6, 84), "FP32")])

    monkeypatch.setattr("backends.models.convertible.to_ir", converted)
    path = store.pull("tiny", quiet)
    assert path.name == "model.xml"
    assert store.find("tiny").sha256 == entry.sha256
    assert store.pull("tiny", quiet) == path
    path.with_suffix(".bin").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="it is another file or damaged"):
        store.find("tiny")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
def test_a_real_frozen_graph_becomes_ir(folder, offered):
    data = (DATA / "pedestrian_ssdlite_frozen_inference_graph.pb").read_bytes()
    real = catalog.model("person")
    assert hashlib.sha256(data).hexdigest() == real.sha256
    offered(data, ".pb", **{key: real.sidecar[key] for key in ("family", "input", "head", "labels")})
    path = store.pull("tiny", quiet)
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.bin", "model.xml", "model.yaml"]
    artifact = store.find("tiny")
    assert (artifact.format, artifact.rev, artifact.family) == ("openvino", "7a23982e", "ssd")
    assert artifact.input.dtype == "uint8"


def test_a_folder_called_like_a_model_is_not_that_model(folder, offered, tmp_path, monkeypatch):
    offered(ONNX)
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match="get it with: vedette models pull tiny"):
        store.find("tiny")


def test_the_service_names_the_way_into_its_own_folder(folder, offered, tmp_path, monkeypatch):
    offered(ONNX)
    monkeypatch.delenv("VEDETTE_MODELS")
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))
    with pytest.raises(ArtifactError, match=rf"sudo VEDETTE_MODELS={tmp_path}/models vedette models pull tiny$"):
        store.find("tiny")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x" * 300 + ".onnx", r"xx\.onnx: cannot be looked for: File name too long$"),
        ("~no-such-user/m.onnx", "home dir"),
    ],
)
def test_a_path_that_cannot_be_one(folder, name, says):
    for look in (store.find, store.ladder):
        with pytest.raises(ArtifactError, match=says):
            look(name)


def test_missing_models_name_the_way_to_them(folder, offered, tmp_path):
    offered(ONNX)
    with pytest.raises(ArtifactError, match=rf"'tiny' is not in {folder}; get it with: vedette models pull tiny$"):
        store.find("tiny")
    with pytest.raises(ArtifactError, match=r"no model 'tinny'.*not in the catalog \(tiny\); did you mean tiny\?"):
        store.find("tinny")
    with pytest.raises(ArtifactError, match="no such file"):
        store.find(str(tmp_path / "x.onnx"))
    with pytest.raises(ArtifactError, match=r"no model 'tinny' in the catalog; there are tiny; did you mean tiny\?"):
        store.pull("tinny", quiet)
    with pytest.raises(ArtifactError, match="no clip 'bike' in the catalog; there are bikes; did you mean bikes"):
        store.clip("bike", quiet)
    assert not folder.exists()


def test_listing_says_what_is_wrong(folder, offered):
    offered(ONNX)
    assert listing() == [
        {
            "name": "tiny",
            "installed": False,
            "size": len(ONNX),
            "licence": "MIT",
            "description": "a tiny one",
            "source": catalog.models()["tiny"].source,
        }
    ]
    store.pull("tiny", quiet).write_bytes(b"")
    (folder / "clips").mkdir()
    (row,) = listing()
    assert row["installed"]
    assert "is empty" in row["problem"]


def test_a_model_whose_folder_may_not_be_looked_into_hides_no_other(folder, offered, tmp_path, monkeypatch):
    offered(ONNX)
    (folder / "locked").mkdir(parents=True)
    stat = Path.stat

    def refused(path, **given):  # as for a user who is not root; the tests may run as root
        if path.parent == folder / "locked":
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **given)

    monkeypatch.setattr(Path, "stat", refused)
    locked, tiny = listing()
    assert locked["installed"]
    assert locked["problem"] == "locked: cannot be looked for: Permission denied"
    assert not tiny["installed"]
    with pytest.raises(ArtifactError, match=r"no model 'other'.*\(locked, tiny\)"):
        store.find("other")


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, offered):
    offered(ONNX)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(ArtifactError, match="cannot be made: Not a directory; name another folder with VEDETTE_MODELS"):
        store.pull("tiny", quiet)


def test_a_killed_pull_is_swept_up_later(tmp_path):
    old, new = tmp_path / ".build-old", tmp_path / ".build-new"
    for left in (old, new):
        left.mkdir()
        (left / "model.onnx").write_text("half")
    os.utime(old, (time.time() - 90000,) * 2)
    with placed(tmp_path, "tiny"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == [".build-new", "tiny"]


def test_the_catalog_is_complete():
    text = Path(catalog.__file__).with_name("catalog.yaml").read_text()
    assert {"person", "coco-ssd", "yolox-nano"} <= set(catalog.models())
    for entry in [*catalog.models().values(), catalog.clip("bikes")]:
        assert entry.source.startswith(("https://", "pypi:"))
        assert len(entry.sha256) == 64
        assert entry.size > 100_000
        assert entry.licence
        facts = check(entry.sidecar, lambda key: key, Path())
        if "family" in facts:
            assert facts["labels"].value
    assert yaml.safe_load(text)["models"].keys() == catalog.models().keys()
    coco = {
        name: check(catalog.model(name).sidecar, str, Path())["labels"].value for name in ("coco-ssd", "yolox-nano")
    }
    assert len(coco["coco-ssd"]) == 90
    assert coco["yolox-nano"] == tuple(label for label in coco["coco-ssd"] if not label.startswith("class_"))


def test_finding_loads_nothing_that_only_pulling_needs(folder):
    """Beside what NumPy loads, whose `platform` is with Python 3.10 one of the things."""
    code = "import sys, numpy; known = {*sys.modules}; import backends.models.store; print("
    code += "{'ssl', 'subprocess', 'urllib.request', 'cv2'} & {*sys.modules} - known)"
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True, timeout=60
    )
    assert done.stdout == "set()\n"
