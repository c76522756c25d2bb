"""Imports go only the way the design says, heavy libraries come in through named doors, and `--help` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "agent.config": set(),
    "agent.capture": {"agent.config"},
    "agent.perception": {"backends"},
    "agent.dispatch": {"agent.capture", "agent.perception", "backends"},
    "agent.publish": {"agent.config"},
    "agent.runtime": {
        "agent.config",
        "agent.capture",
        "agent.perception",
        "agent.dispatch",
        "agent.publish",
        "backends",
    },
    "agent.tools": {
        "agent.config",
        "agent.capture",
        "agent.perception",
        "agent.dispatch",
        "agent.publish",
        "agent.runtime",
        "backends",
    },
    "agent.cli": {"agent.runtime", "agent.tools", "agent.config", "backends"},
    "agent.backoff": set(),
    "agent.boot": set(),
    "agent.atomic": set(),
    "agent.histogram": set(),
    "backends": set(),
}
FREE = {"agent.backoff", "agent.wakeup", "agent.boot", "agent.histogram", "agent.atomic", "agent"}
"""Shared words that belong to no room."""
DOORS = {
    "av": {f"agent/capture/{name}.py" for name in ("pyav", "stream", "ffmpeg_options")},
    "cv2": {
        "agent/publish/jpeg.py",
        "agent/dispatch/privacy.py",
        "agent/dispatch/scaler.py",
        "agent/capture/motion.py",
        "agent/capture/backdrop.py",
        "agent/capture/grid.py",
    },
    "paho": {f"agent/publish/{name}.py" for name in ("client", "callbacks", "link", "properties")},
    "openvino": {"backends/openvino.py", "backends/models/convert.py", "backends/bare_loop.py"},
    "ai_edge_litert": {"backends/tflite/runtimes.py"},
    "tflite_runtime": {"backends/tflite/runtimes.py"},
    "pycoral": {"backends/tflite/runtimes.py"},
    "tensorrt": {"backends/trt/api.py"},
    "systemd": {"agent/runtime/log.py"},
    "prometheus_client": {"agent/runtime/metrics/collector.py", "agent/runtime/metrics/server.py"},
    "lap": {"agent/perception/association.py"},
    "amqtt": {"agent/tools/amqtt_broker.py"},
    "picamera2": {"agent/capture/picamera_child.py"},
    "ultralytics": {"backends/models/ultralytics_export.py"},
    "torch": set(),
    "tensorflow": set(),
    "PIL": {"backends/models/ultralytics_export.py"},
}
SOURCES = sorted(path for room in ("agent", "backends") for path in (ROOT / room).rglob("*.py"))


@cache
def imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def room(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "agent" and len(parts) > 1 else parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_the_way_of_the_data(path: Path) -> None:
    own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    allowed = MAY_IMPORT.get(own, set()) | {own} | FREE
    ours = {room(name) for name in imports(path) if name.split(".")[0] in {"agent", "backends"}}
    ours.discard("agent.__version__")
    assert ours <= allowed, f"{own} may not import {ours - allowed}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_come_through_named_doors(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for top in {imported.split(".")[0] for imported in imports(path)} & DOORS.keys():
        assert name in DOORS[top], f"{top} is imported in {', '.join(sorted(DOORS[top]))} only"


def test_nobody_imports_what_imports_ultralytics() -> None:
    """It is AGPL: it runs in a process of its own, or not at all."""
    for path in SOURCES:
        assert not [name for name in imports(path) if name.startswith("backends.models.ultralytics_export")], path


def test_perception_sees_nothing_of_the_backends_but_detections() -> None:
    for path in (ROOT / "agent/perception").glob("*.py"):
        for name in imports(path):
            assert not name.startswith("backends") or name.startswith("backends.detections")


@pytest.mark.parametrize(
    "package", ["agent", "agent.config", "agent.capture", "agent.publish", "backends", "agent.cli"]
)
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print(*sorted(set(sys.modules) & {{{', '.join(map(repr, DOORS))}, 'numpy'}}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
    assert not out.split()
