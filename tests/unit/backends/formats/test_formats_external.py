"""The files of weights that an ONNX model names, wherever in it."""

from __future__ import annotations

import pytest

from backends.contract import ArtifactError
from backends.formats.digest import digest
from backends.formats.sniff import read_model
from backends.models.resolve import files_of
from tests.support import models
from tests.support.models import external, message

IO = [("i", (1, 3, 64, 64), 1)]


def written(tmp_path, *more):
    path = tmp_path / "m.onnx"
    path.write_bytes(models.onnx(IO, IO, {}, *more))
    return path


def node(*attribute):
    return message(1, message(4, "Constant"), message(5, message(1, "value"), *attribute))


@pytest.mark.parametrize(
    "more",
    [
        external("w.data"),
        message(15, external("w.data", 1)),
        node(external("w.data")),
        node(external("w.data", 10)),
        node(message(6, external("w.data"))),
        node(message(11, node(external("w.data")))),
        external("w.data") + external("w.data"),
    ],
)
def test_found_wherever_they_are_named(tmp_path, more):
    path = written(tmp_path, more)
    (tmp_path / "w.data").write_bytes(b"weights")
    assert files_of(path) == (path, tmp_path / "w.data")
    one = digest(*files_of(path))
    (tmp_path / "w.data").write_bytes(b"others")
    assert digest(*files_of(path)) != one


def test_those_that_are_cut_off(tmp_path):
    path = written(tmp_path, external("w.data", length=3), external("w.data", offset=3, length=4), external("w.data"))
    (tmp_path / "w.data").write_bytes(b"weights")
    assert read_model(path).weights == ("w.data",)
    (tmp_path / "w.data").write_bytes(b"weight")
    with pytest.raises(ArtifactError, match=r"m\.onnx: its weights are cut off: w\.data has 6 bytes, of 7; copy both"):
        read_model(path)


def test_those_of_a_function(tmp_path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes() + message(25, message(7, message(5, external("w.data")))))
    (tmp_path / "w.data").write_bytes(b"weights")
    assert read_model(path).weights == ("w.data",)


def test_below_the_model_and_in_order(tmp_path):
    (tmp_path / "w").mkdir()
    for name in ("b", "a"):
        (tmp_path / "w" / name).write_bytes(b"")
    assert read_model(written(tmp_path, external("w/b"), external("w/a"))).weights == ("w/b", "w/a")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/etc/hostname", "its weights lie in '/etc/hostname', which is not beside or below it; export it again"),
        ("../m.onnx", "not beside or below"),
        ("w/../../x", "not beside or below"),
        ("", "not beside or below"),
        ("w\0", "not beside or below"),
        ("w" * 300, "not beside or below"),
        ("gone.data", r"its weights are missing: put gone\.data beside it"),
        (".", "its weights are missing"),
    ],
)
def test_refused(tmp_path, name, says):
    with pytest.raises(ArtifactError, match=says):
        read_model(written(tmp_path, external(name)))


def test_graphs_in_graphs_have_an_end(tmp_path):
    graph = external("w.data")
    for _ in range(20):
        graph = node(message(6, graph))
    with pytest.raises(ArtifactError, match="graphs nested more than 16 deep"):
        read_model(written(tmp_path, graph))
