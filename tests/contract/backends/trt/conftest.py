"""A machine of doubles: libcudart (C, through the real ctypes) and the module tensorrt."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backends import tensorrt as backend_module
from backends.artifact import Artifact
from backends.trt import api, cuda, plans
from backends.trt.build import build
from backends.trt.request import BuildRequest
from tests.support import trt as doubles
from tests.support.trt import Scripted


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Once: a second library of that name would not be the one which the loader gives the double of TensorRT."""
    return doubles.compile_cudart(tmp_path_factory.mktemp("cudart"))


@pytest.fixture
def gpu(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(cuda, "_candidates", lambda: iter([str(compiled)]))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(compiled.parent))
    scripted = Scripted(compiled)
    before = scripted.live
    yield scripted
    scripted.library.double_reset()
    assert scripted.live == before, "memory or a stream of the GPU was not given back"


@pytest.fixture(params=["10.3.0", "11.4.0"])
def trt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The double, in this process and in children."""
    monkeypatch.setenv("TRT_DOUBLE", json.dumps({"version": request.param}))
    monkeypatch.setenv("PYTHONPATH", str(doubles.DOUBLE))
    monkeypatch.syspath_prepend(str(doubles.DOUBLE))
    sys.modules.pop("tensorrt", None)
    yield importlib.import_module("tensorrt")
    sys.modules.pop("tensorrt", None)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return doubles.artifact(tmp_path)


@pytest.fixture(autouse=True)
def build_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds run in this process, except in tests with "child" in their name."""
    real = backend_module.run_child

    def here(module: str, text: str, seconds: float, what: str, progress: Any) -> None:
        if module != "backends.trt.build":
            real(module, text, seconds, what, progress)
            return
        asked = BuildRequest.from_json(text)
        progress(what, 0.0)
        plans.write(asked.plan, asked.key, build(api.load(), asked, lambda _: None))

    if "child" not in request.node.name:
        monkeypatch.setattr(backend_module, "run_child", here)
