"""Files made to cost much memory cost none: what is not needed is not read, and what is has a limit."""

from __future__ import annotations

import pytest

from backends.contract import ArtifactError
from backends.formats.sniff import read_model
from tests.support import models

END = {0: ("i", [1, 8, 8, 3]), 1: ("b", 3), 3: "end"}


def tflite(tensors, inputs=(0,), operators=()):
    graph = {0: tensors, 1: ("i", list(inputs)), 2: ("i", [1])}
    return models.flatbuffer({0: ("I", 3), 1: [{1: name} for name in operators], 2: [graph]})


def test_only_the_ends_of_a_graph_are_read(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite([END, END, {3: "n" * 20_000}]))
    assert [tensor.name for tensor in read_model(path).inputs] == ["end"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tflite([{3: "n" * 20_000}, END]), "a name of 20000 bytes; 16384 is the limit"),
        (tflite([END, END], [0] * 300), "a list of 300 items; 256 is the limit"),
        (tflite([END, END], [0], ["x"] * 2000), "a list of 2000 items; 1000 is the limit"),
        (tflite([END, END], [2]), "there is no tensor 2"),
        (tflite([END, END], [-1]), "there is no tensor -1"),
        (b"<net>" + b"<a>" * 1000, "elements nested more than 200 deep"),
    ],
)
def test_what_is_read_has_a_limit(tmp_path, data, says):
    path = tmp_path / "m"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=says):
        read_model(path)
