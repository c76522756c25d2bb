"""TensorRT and CUDA as installed from PyPI, on a machine without an NVIDIA driver: a reason, and never a signal."""

from __future__ import annotations

import ctypes.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from backends.registry import probe
from backends.registry.registered import Registered
from backends.testing.driver import Driven
from backends.trt.cuda import _candidates
from tests.slow.tensorrt import bindings
from tests.support import trt as doubles

BACKEND = Registered("tensorrt", "backends.tensorrt:TensorRT", "")
pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("cuda") is not None or Path("/proc/driver/nvidia").exists(),
    reason="there is a driver here",
)


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real runtime and the real libcudart, found as in a virtual environment: by sys.path."""
    folder = bindings.named_tensorrt(bindings.installed(*bindings.LEAN), "tensorrt_lean_bindings")
    monkeypatch.setenv("PYTHONPATH", bindings.environment(folder)["PYTHONPATH"])
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return folder


def test_the_runtime_of_the_wheel_is_found(lean: Path) -> None:
    assert list(_candidates([str(lean)]))[-1].endswith("libcudart.so.13")


def test_probing_says_why(lean: Path) -> None:
    report = probe(BACKEND)
    assert report.status == "unavailable"
    assert "cudaGetDeviceCount: cudaErrorInsufficientDriver (35): CUDA driver version is insufficient" in report.reason
    assert "driver" in report.hint


def test_a_worker_that_is_to_load_says_why_and_lives(lean: Path, tmp_path: Path) -> None:
    with Driven(BACKEND, {}) as driven:
        for _ in range(2):
            answer = driven.load(doubles.artifact(tmp_path), {}, None, "unavailable")
            assert "cudaErrorInsufficientDriver (35)" in answer["reason"]


def test_asked_first_it_is_what_saves_us(lean: Path) -> None:
    """The trap itself: the runtime can be made without a driver, and ends the process when it is used."""
    code = (
        "import tensorrt as trt\nclass L(trt.ILogger):\n"
        "    def __init__(self): trt.ILogger.__init__(self)\n    def log(self, s, m): pass\n"
        "r = trt.Runtime(L())\nprint(r is not None, flush=True)\nr.deserialize_cuda_engine(b'x' * 200)\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert child.stdout.strip() == "True"
    assert child.returncode == -11


def test_a_trial_without_a_driver_is_an_answer(lean: Path, tmp_path: Path) -> None:
    request = json.dumps({"path": str(tmp_path / "x"), "offset": 0, "sha256": "", "device": 0})
    child = subprocess.run(
        [sys.executable, "-m", "backends.trt.trial", "1"],
        input=request,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 1
    assert "cudaErrorInsufficientDriver" in json.loads(child.stdout)["error"]
