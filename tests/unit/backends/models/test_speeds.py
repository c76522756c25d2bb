"""What was measured is found again for the same model on the same machine, and a foreign record costs nothing."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from backends.artifact import Artifact, InputSpec
from backends.models import speeds
from backends.models.speeds import Speed

FAST = Speed("litert", "cpu", "2.3", "x.tflite", "", "int8", 90.0, 11.0)
SLOW = Speed("openvino", "cpu", "2026", "x.onnx", "latency", "f32", 30.0, 33.0)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    spec = InputSpec(64, 64, "NCHW", "float32")
    return Artifact("x", tmp_path / "x.onnx", "onnx", "0a" * 32, "boxes", spec, ("thing",))


def record(artifact: Artifact) -> Path:
    return artifact.path.parent / "cache" / "speeds.json"


def test_kept_and_found(artifact: Artifact) -> None:
    assert speeds.measured(artifact) == {}
    assert speeds.keep(artifact, [FAST, SLOW])
    assert speeds.measured(artifact) == {"litert": FAST, "openvino": SLOW}
    assert speeds.measured(replace(artifact, sha256="0b" * 32)) == {}


def test_a_second_measuring_replaces_the_first_on_that_device_only(artifact: Artifact) -> None:
    speeds.keep(artifact, [FAST, replace(FAST, device="npu", fps=50.0), SLOW])
    speeds.keep(artifact, [replace(FAST, fps=20.0)])
    assert speeds.measured(artifact)["litert"].fps == 50.0
    assert sorted(row["fps"] for row in json.loads(record(artifact).read_text()) if row["backend"] == "litert") == [
        20.0,
        50.0,
    ]
    assert speeds.measured(artifact)["openvino"] == SLOW
    assert [path.name for path in record(artifact).parent.iterdir()] == ["speeds.json"]


def test_another_machine_measures_anew(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds.keep(artifact, [FAST])
    monkeypatch.setattr(speeds, "_machine", lambda: "aarch64 x4 a board")
    assert speeds.measured(artifact) == {}
    speeds.keep(artifact, [SLOW])
    assert len(json.loads(record(artifact).read_text())) == 2


def test_the_record_stays_small(artifact: Artifact) -> None:
    for number in range(70):
        speeds.keep(artifact, [replace(FAST, device=f"usb:{number}", fps=1.0 + number)])
    assert len(json.loads(record(artifact).read_text())) == 64
    assert speeds.measured(artifact)["litert"].device == "usb:69"


@pytest.mark.parametrize(
    "damaged", ["", "{}", "[1, null]", "[" * 100_000, '[{"machine": 1}]', '{"a"', "\xff", "fps: true", "fps: fast"]
)
def test_a_record_of_somebody_else_counts_as_none(artifact: Artifact, damaged: str) -> None:
    speeds.keep(artifact, [FAST])
    if damaged.startswith("fps: "):
        (row,) = json.loads(record(artifact).read_text())
        damaged = json.dumps([{**row, "fps": True if "true" in damaged else "fast"}])
    record(artifact).write_text(damaged, "latin-1")
    assert speeds.measured(artifact) == {}
    assert speeds.keep(artifact, [SLOW])
    assert speeds.measured(artifact) == {"openvino": SLOW}


def test_a_folder_that_takes_no_file(artifact: Artifact) -> None:
    """A file where the folder should be: permissions would not stop root."""
    record(artifact).parent.write_text("")
    assert not speeds.keep(artifact, [FAST])
    assert speeds.measured(artifact) == {}
    assert os.listdir(artifact.path.parent) == ["cache"]  # noqa: PTH208 - names only
