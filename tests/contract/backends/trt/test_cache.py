"""What is built, kept, built again and tried, over the doubles. Untested on hardware."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from backends import tensorrt as backend_module
from backends.artifact import Artifact
from backends.contract import ArtifactError, BackendUnavailable, EngineError
from backends.tensorrt import TensorRT
from backends.trt import child, cuda, memory, plans
from backends.trt.request import BuildRequest
from tests.contract.backends.trt.driving import image, load, script
from tests.support import trt as doubles
from tests.support.trt import HEIGHT, WIDTH, Scripted, network


def test_an_engine_is_built_once_in_a_child(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    told: list[str] = []
    load(artifact, told).close()
    assert any(phase.startswith("building the engine") for phase in told)
    again: list[str] = []
    load(artifact, again).close()
    assert not any("building" in phase for phase in again)
    assert trt.native[0] == trt.native[1]


def change_model(artifact: Artifact, **_: Any) -> None:
    artifact.path.write_text(artifact.path.read_text() + " ")


CHANGES: dict[str, Any] = {
    "model": change_model,
    "precision": {"precision": "f32"},
    "workspace_mib": {"workspace_mib": 100},
    "tensorrt": "version",
    "cuda": "version",
    "compute": "gpu",
    "device": "gpu",
    "shape": "shape",
    "schema": "schema",
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_changing_any_field_of_the_key_builds_again(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    artifact = doubles.artifact(tmp_path, network((-1, 3, -1, -1)))
    load(artifact, io="copy").close()
    options = {"io": "copy"}
    if field == "model":
        change_model(artifact)
    elif field in {"precision", "workspace_mib"}:
        options |= CHANGES[field]
    elif field == "tensorrt":
        monkeypatch.setattr(trt, "__version__", "10.3.1")
    elif field == "cuda":
        monkeypatch.setattr(cuda.Cuda, "version", lambda _: "12.8")
    elif field in {"compute", "device"}:
        real, other = cuda.Cuda.gpu, {"compute": {"compute": "8.9"}, "device": {"name": "Other"}}[field]
        monkeypatch.setattr(cuda.Cuda, "gpu", lambda self, index: replace(real(self, index), **other))
    elif field == "shape":
        artifact = replace(artifact, input=replace(artifact.input, height=32))
    else:
        monkeypatch.setattr(backend_module.plans.PlanKey.__init__, "__defaults__", (plans.SCHEMA + 1,))
    told: list[str] = []
    load(artifact, told, **options).close()
    assert any("building" in phase for phase in told), field


def test_the_fields_above_are_all_there_are() -> None:
    assert set(CHANGES) == set(plans.PlanKey.__dataclass_fields__)


@pytest.mark.parametrize("damage", ["truncate", "foreign", "empty", "no record", "other record"])
def test_a_damaged_plan_is_built_again_and_never_reaches_native_code(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, damage: str
) -> None:
    load(artifact).close()
    (plan,) = artifact.path.parent.glob("cache/tensorrt/*.plan")
    good = plan.read_bytes()
    record = plan.with_suffix(".json")
    if damage == "no record":
        record.unlink()
    elif damage == "other record":
        record.write_text(record.read_text().replace("Double", "Triple"))
    else:
        plan.write_bytes({"truncate": good[:-1], "foreign": b"ftrt" + b"\x07" * 400, "empty": b""}[damage])
    trt.native.clear()
    told: list[str] = []
    load(artifact, told).close()
    assert any("building" in phase for phase in told)
    assert trt.native == [good]


def test_a_plan_that_tensorrt_says_does_not_fit_is_built_again_once(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(artifact).close()
    real, said = trt.Runtime.deserialize_cuda_engine, []

    def refuse_once(self: Any, plan: bytes) -> Any:
        if said:
            return real(self, plan)
        said.append(plan)
        trt._loggers[0].log(trt.ILogger.Severity.ERROR, "Version tag does not match, expecting library version 10")
        return None

    monkeypatch.setattr(trt.Runtime, "deserialize_cuda_engine", refuse_once)
    told: list[str] = []
    load(artifact, told).close()
    assert any("building" in phase for phase in told)


def test_a_kept_plan_that_fails_for_another_reason_is_not_built_again(
    gpu: Scripted, trt: ModuleType, artifact: Artifact
) -> None:
    load(artifact).close()
    trt.script["fail"] = {"Runtime.deserialize_cuda_engine": None}
    told: list[str] = []
    with pytest.raises(EngineError, match=r"the reason of Runtime\.deserialize_cuda_engine"):
        load(artifact, told)
    assert not any("building" in phase for phase in told)


# The child that builds


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("hang", r"building the engine took more than 1 s; allow more with the option build_seconds"),
        ("kill", r"was killed, most likely because memory ran out; .*swapon"),
        ("segv", r"building the engine was ended by SIGSEGV"),
    ],
)
def test_a_child_that_does_not_end_well(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch, end: str, message: str
) -> None:
    script(trt, monkeypatch, Builder_build_serialized_network=end)
    seconds = 1 if end == "hang" else 20
    with pytest.raises(EngineError, match=message):
        load(artifact, build_seconds=seconds)
    assert list(artifact.path.parent.glob("cache/tensorrt/*.plan")) == []
    script(trt, monkeypatch)
    with pytest.raises(
        BackendUnavailable, match=f"could not be built: .*{message}.*after a day, or once .*failed is rem"
    ):
        load(artifact, build_seconds=seconds)
    load(artifact, build_seconds=100).close()
    assert not list(artifact.path.parent.glob("cache/tensorrt/*.failed"))


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_after_a_day_another_child_builds(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(trt, monkeypatch, Builder_build_serialized_network="segv")
    with pytest.raises(EngineError):
        load(artifact, build_seconds=5)
    script(trt, monkeypatch)
    (record,) = artifact.path.parent.glob("cache/tensorrt/*.failed")
    os.utime(record, (time.time() - 25 * 3600,) * 2)
    load(artifact, build_seconds=5).close()


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_too_little_memory_is_said_before_anything_is_built(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_meminfo", lambda _: {"MemTotal": 3900, "MemAvailable": 300})
    monkeypatch.setattr(memory, "_disk_swap", lambda _: 0)
    with pytest.raises(
        BackendUnavailable, match=r"takes about 956 MiB, of which 300 are free \(stop the desktop.*swapon"
    ):
        load(artifact)
    assert "Builder" not in trt.calls


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_a_full_disk_is_said_before_anything_is_built(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(artifact.path.parent)
    with monkeypatch.context() as full:
        full.setattr(plans.shutil, "disk_usage", lambda _: usage._replace(free=0))
        with pytest.raises(BackendUnavailable, match=r"cache/tensorrt needs about \d+ MiB .* 0 are free \(make room"):
            load(artifact)
    assert "Builder" not in trt.calls


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_a_child_that_cannot_keep_what_it_built_is_no_failure_of_the_build(
    gpu: Scripted, trt: ModuleType, artifact: Artifact
) -> None:
    load(artifact).close()
    (plan,) = artifact.path.parent.glob("cache/tensorrt/*.plan")
    plan.unlink()
    plan.mkdir()  # as a full disk would, it takes no file
    with pytest.raises(EngineError, match=r"building the engine: .*Is a directory") as raised:
        load(artifact)
    assert raised.value.retriable
    plan.rmdir()
    load(artifact).close()


# An engine of Ultralytics


def ultralytics(folder: Path, model: object) -> Artifact:
    header = json.dumps({"names": {"0": "thing"}, "imgsz": [HEIGHT, WIDTH]}).encode()
    path = folder / "model.engine"
    path.write_bytes(len(header).to_bytes(4, "little") + header + b"ftrt" + json.dumps(model).encode())
    return replace(doubles.artifact(folder), path=path, format="tensorrt")


def test_an_exported_engine_runs_without_its_header(gpu: Scripted, trt: ModuleType, tmp_path: Path) -> None:
    artifact = ultralytics(tmp_path, network())
    told: list[str] = []
    engine = load(artifact, told, io="copy")
    assert any("trying the engine" in phase for phase in told)
    assert trt.native[-1].startswith(b"ftrt{")
    np.testing.assert_allclose(engine.run(image(51, 0, 0))[0][0, 0, 0], 0.2, rtol=1e-3)
    engine.close()
    again: list[str] = []
    load(artifact, again, io="copy").close()
    assert again == ["buffers"]  # tried once


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_a_foreign_engine_that_kills_does_so_in_a_child(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = ultralytics(tmp_path, network())
    script(trt, monkeypatch, Runtime_deserialize_cuda_engine="segv")
    trt.script["fail"] = {}
    with pytest.raises(
        ArtifactError, match=r"model.engine: trying the engine was ended by SIGSEGV: it is damaged, or was"
    ):
        load(artifact)
    assert trt.native == []


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_while_the_child_builds_progress_is_told(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than `open_seconds`, however silent the builder is: else the worker would be killed."""
    monkeypatch.setattr(child, "_TICK", 0.1)
    assert TensorRT.open_seconds > 10 * 2.0
    script(trt, monkeypatch, Builder_build_serialized_network="hang")
    told: list[str] = []
    with pytest.raises(EngineError, match="took more than 1 s"):
        load(artifact, told, build_seconds=1)
    assert sum(phase.startswith("building the engine: ") for phase in told) >= 3


def children(parent: int) -> list[str]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{parent}\n" in status.read_text():
                found.append(status.parent.name)
    return found


@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_a_child_goes_first_and_with_its_parent(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel ends it, and not the daemon, when memory runs out; and when its worker is killed."""
    script(trt, monkeypatch, Builder_build_serialized_network="hang")
    key = plans.PlanKey(plans.model_digest(artifact.path), "", "", "", "", "f32", (1, 3, HEIGHT, WIDTH), 256)
    asked = BuildRequest(artifact.path, tmp_path / "x.plan", key).to_json()
    code = (
        "import sys\nfrom backends.trt.child import run_child\n"
        "run_child('backends.trt.build', sys.argv[1], 60, 'it', lambda phase, _: print(phase, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, asked], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        while parent.stdout.readline().strip() != "it: building":
            assert parent.poll() is None
        (pid,) = children(parent.pid)
        assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "900"
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)
