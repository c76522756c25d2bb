"""What the TensorRT backend says of machines and options, over the doubles. Untested on hardware."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from backends.artifact import Artifact
from backends.contract import BackendUnavailable
from backends.registry.registered import Registered
from backends.tensorrt import Options, TensorRT
from backends.testing.conformance import BackendConformance
from backends.testing.driver import Driven
from tests.contract.backends.trt.driving import image
from tests.support.trt import HEIGHT, WIDTH, Scripted


def test_devices(gpu: Scripted, trt: ModuleType) -> None:
    gpu.device(count=2)
    one, two = TensorRT().probe()
    assert (one.id, two.id, one.name) == ("cuda:0", "cuda:1", "Double")
    assert one.details == {"tensorrt": trt.__version__, "cuda": "12.6", "compute": "8.7", "integrated": "yes"}


@pytest.mark.parametrize(("code", "count"), [(35, 1), (100, 1), (0, 0)])
def test_without_a_gpu_tensorrt_is_not_even_imported(
    gpu: Scripted, monkeypatch: pytest.MonkeyPatch, code: int, count: int
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    gpu.device(count=count)
    if code:
        gpu.fail("cudaGetDeviceCount", code)
    with pytest.raises(BackendUnavailable) as none:
        TensorRT().probe()
    assert "tensorrt" not in str(none.value)
    assert "driver" in none.value.hint


def test_without_tensorrt_the_hint_says_how_to_get_it(gpu: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendUnavailable, match="--system-site-packages"):
        TensorRT().probe()


def test_a_tensorrt_without_named_tensors_is_refused(gpu: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("tensorrt")
    old.__dict__.update(__version__="8.2.1", ICudaEngine=type("ICudaEngine", (), {"num_bindings": 0}))
    monkeypatch.setitem(sys.modules, "tensorrt", old)
    with pytest.raises(BackendUnavailable, match=r"TensorRT 8.2.1 has no named tensors \(TensorRT 8.5 or newer"):
        TensorRT().probe()


@pytest.mark.parametrize("kind", ["openvino", "tflite", "tensorflow", "edgetpu"])
def test_formats_it_does_not_read(artifact: Artifact, kind: Any) -> None:
    assert "tensorrt reads onnx" in (TensorRT().accepts(replace(artifact, format=kind)) or "")
    assert TensorRT().accepts(artifact) is None


@pytest.mark.parametrize("wrong", [{"io": "zero"}, {"precision": "int4"}, {"workspace_mib": -1}, {"build_seconds": 0}])
def test_options_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"option {next(iter(wrong))}"):
        Options(**wrong)


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_behind_the_real_worker(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    """Library found by the loader, engine built in a child of the worker, boxes over the protocol."""
    with Driven(Registered("tensorrt", "backends.tensorrt:TensorRT", ""), dict(os.environ)) as driven:
        refused = driven.load(replace(artifact, format="tflite"), {}, None, "refused")
        assert "tensorrt reads onnx" in refused["text"]
        ready = driven.load(artifact, {"io": "copy"}, "cuda:0")
        assert ready["info"]["precision"] == "f16"
        pictures = [image(51, 102, 204), image(102, 51, 255)]
        for rows, (x1, y1, score) in zip(driven.run(pictures, 10), ((0.2, 0.4, 0.8), (0.4, 0.2, 1.0)), strict=True):
            np.testing.assert_allclose(rows, [[x1 * WIDTH, y1 * HEIGHT, WIDTH, HEIGHT, score, 0]], rtol=1e-2)


class TestConformance(BackendConformance):
    """The contract, kept over the doubles: nothing of a real GPU is proven."""

    backend = "tensorrt"
    entry_point = "backends.tensorrt:TensorRT"
    runs = 100

    @pytest.fixture(autouse=True)
    def machine(self, gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
        self.made = artifact

    def artifact(self) -> Artifact:
        return self.made
