"""What OpenVINO calls the outputs of a model, by which heads and sidecars tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from backends.artifact import Artifact, InputSpec
from backends.openvino import OpenVINO, Options

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
