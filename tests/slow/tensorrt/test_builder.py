"""Our builder's child with a real one: TensorRT-RTX, which builds without a GPU. It is not TensorRT for a Jetson.

It does not prove how long a Jetson takes, nor that the plan runs: RTX itself refuses to load it without a driver.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backends.contract import ArtifactError, EngineError
from backends.trt import plans
from backends.trt.child import run_child
from backends.trt.request import BuildRequest
from tests.slow.tensorrt import bindings
from tests.slow.tensorrt.models import HEIGHT, WIDTH

SHAPE = (1, 3, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [sys.executable, "-m", "tests.slow.tensorrt.models", str(folder)], check=True, timeout=120,
        env=bindings.environment(bindings.installed(*bindings.TOOLS)),
    )  # fmt: skip
    return folder


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = bindings.named_tensorrt(bindings.installed(*bindings.RTX), "tensorrt_rtx_bindings")
    for name, value in bindings.environment(folder, folder / "tensorrt_rtx_libs").items():
        monkeypatch.setenv(name, value)
    return folder


def built(model: Path, folder: Path, told: list[str] | None = None, **changes: Any) -> bytes | None:
    values: dict[str, Any] = {
        "model": plans.model_digest(model), "tensorrt": "1.7.1.116", "cuda": "13.0", "compute": "8.9", "device": "none",
        "precision": "f32", "shape": SHAPE, "workspace_mib": 256, **changes,
    }  # fmt: skip
    key = plans.PlanKey(**values)
    request = BuildRequest(model, plans.path_of(folder, model.stem, key), key)
    run_child(
        "backends.trt.build",
        request.to_json(),
        200,
        "building",
        lambda phase, _: told.append(phase) if told is not None else None,
    )
    return plans.read(request.plan, key)


@pytest.mark.parametrize("name", ["f32", "f16", "qdq", "dynamic"])
def test_real_builds(rtx: Path, models: Path, tmp_path: Path, name: str) -> None:
    told: list[str] = []
    plan = built(models / f"{name}.onnx", tmp_path, told)
    assert plan is not None
    assert plan[:4] == b"vtrt"
    # The builder's own phases: of those that come at once only the last is told, and the last of all always is.
    assert told[-1] not in {f"building: {ours}" for ours in ("start", "reading the model", "building")}


def test_an_unknown_operator_is_named(rtx: Path, models: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"unknown.onnx: TensorRT cannot read it: node 0 \(Nonsense\): .*Plugin not found"
    ):
        built(models / "unknown.onnx", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_model(rtx: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x08nonsense" * 9)
    with pytest.raises(ArtifactError, match=r"bad.onnx: TensorRT cannot read it: "):
        built(tmp_path / "bad.onnx", tmp_path)


def test_a_size_the_model_has_not(rtx: Path, models: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"its input is \(1, 3, 32, 48\), the sidecar or metadata says"):
        built(models / "f32.onnx", tmp_path, shape=(1, 3, 64, 64))


def test_half_precision_is_the_files(rtx: Path, models: Path, tmp_path: Path) -> None:
    """As in TensorRT 11, the builder has no flag for it."""
    assert built(models / "f16.onnx", tmp_path, precision="f16")
    with pytest.raises(ArtifactError, match="takes the precision from the model file, and this one is float32"):
        built(models / "f32.onnx", tmp_path, precision="f16")


@pytest.mark.parametrize("damage", ["whole", "truncated", "foreign"])
def test_a_plan_that_does_not_load_is_an_error_in_words(rtx: Path, models: Path, tmp_path: Path, damage: str) -> None:
    """Without a driver the whole plan fails too, but with CUDA's reason, not with one about its bytes."""
    plan = built(models / "f32.onnx", tmp_path)
    assert plan is not None
    data = {"whole": plan, "truncated": plan[: len(plan) // 2], "foreign": b"ftrt" + bytes(4000)}[damage]
    (tmp_path / "plan").write_bytes(data)
    code = (
        "import sys\nfrom pathlib import Path\nfrom backends.trt import api\n"
        "from backends.trt.trial import deserialised\nfrom backends.contract import EngineError\n"
        "try: deserialised(api.load(), Path(sys.argv[1]).read_bytes())\nexcept EngineError as e: print(e)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "plan")], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.returncode == 0, child.stderr[-500:]
    said = child.stdout.lower()
    assert "deserialize_cuda_engine failed: " in said
    assert {"whole": "cuda", "truncated": "", "foreign": "serialization"}[damage] in said


def test_a_build_is_given_up_in_time(rtx: Path, models: Path, tmp_path: Path) -> None:
    key = plans.PlanKey(plans.model_digest(models / "f32.onnx"), "x", "x", "x", "x", "f32", SHAPE, 256)
    request = BuildRequest(models / "f32.onnx", tmp_path / "x.plan", key)
    with pytest.raises(EngineError, match="took more than 0 s"):
        run_child("backends.trt.build", request.to_json(), 0.05, "building", lambda *_: None)
    assert list(tmp_path.iterdir()) == []
