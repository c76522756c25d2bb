"""What OpenVINO calls the outputs of a model, by which heads and sidecars tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from backends.artifact import Artifact, InputSpec
from backends.formats.sniff import read_model
from backends.openvino import OpenVINO, Options, _names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "found"),
    [(("Identity:0", "Identity_1:0"), ("Identity", "Identity_1")), (("Call:0", "Call:1"), ("Call:0", "Call:1"))],
)
def test_names_stay_apart(tmp_path: Path, written: tuple[str, str], found: tuple[str, str]) -> None:
    import openvino as ov
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, 64, 96], np.float32, name="image")
    model = ov.Model([ops.result(ops.relu(image)), ops.result(ops.sigmoid(image))], [image], "two")
    for port, name in zip(model.outputs, written, strict=True):
        port.get_tensor().set_names({name})
    ov.save_model(model, tmp_path / "m.xml")
    spec = InputSpec(64, 96, "NCHW", "float32")
    artifact = Artifact("m", tmp_path / "m.xml", "openvino", "0" * 64, "boxes", spec, ("a",))
    backend = OpenVINO()
    engine = backend.load(artifact, backend.probe()[0], Options(mode="latency"), lambda _phase, _done: None)
    assert tuple(output.name for output in engine.info.outputs) == found
    engine.close()


def test_a_tensor_of_several_names_has_the_same_one_in_the_file_and_in_the_engine(tmp_path: Path) -> None:
    """Else what a sidecar calls an output would be refused by one of the two. Of equally short ones it is the first."""
    import openvino as ov
    from openvino import opset13 as ops

    several = ({"a/long/name", "boxes"}, {"logit", "score", "sums!"}, {"a", "detection_scores:0"})
    image = ops.parameter([1, 3, 64, 96], np.float32, name="image")
    made = [ops.result(make(image)) for make in (ops.relu, ops.sigmoid, ops.tanh)]
    model = ov.Model(made, [image], "three")
    for port, names in zip(model.outputs, several, strict=True):
        port.get_tensor().set_names(names)
    ov.save_model(model, tmp_path / "m.xml")
    found = tuple(output.name for output in read_model(tmp_path / "m.xml").outputs)
    assert found == ("boxes", "logit", "detection_scores:0")
    assert tuple(_names(model.outputs)) == (*found[:2], "detection_scores")


def test_a_tensor_that_the_runtime_merges_with_an_output_does_not_rename_it(tmp_path: Path) -> None:
    """As the one before the last conversion to float16 of a model in half precision: we ask for float32."""
    import openvino as ov
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, 64, 96], np.float32, name="image")
    found = ops.relu(image)
    found.output(0).get_tensor().set_names({"o"})
    half = ops.convert(found, "f16")
    half.output(0).get_tensor().set_names({"output0"})
    ov.save_model(ov.Model([ops.result(half)], [image], "half"), tmp_path / "m.xml")
    spec = InputSpec(64, 96, "NCHW", "float32")
    artifact = Artifact("m", tmp_path / "m.xml", "openvino", "0" * 64, "boxes", spec, ("a",))
    backend = OpenVINO()
    engine = backend.load(artifact, backend.probe()[0], Options(mode="latency"), lambda _phase, _done: None)
    assert [(output.name, output.dtype) for output in engine.info.outputs] == [("output0", "float32")]
    engine.close()
