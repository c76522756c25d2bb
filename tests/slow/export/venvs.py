"""Virtual environments with Ultralytics and what its exporters need, built once and kept: 2 and 4 GB, and minutes.

It wants opencv-python and a torchvision that fits torch; neither is used here, so what it depends on is named one by
one, and torchvision need not even be one that can be imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ULTRALYTICS = "8.4.190"
BUILD_S = 2400
_BARE = (f"ultralytics=={ULTRALYTICS}", "ultralytics-thop", "torchvision==0.28.0")
_NEEDS = ("opencv-python-headless", "pillow", "pyyaml", "requests", "psutil", "polars", "matplotlib", "scipy")


@dataclass(frozen=True)
class Environment:
    """bare: without what they depend on."""

    name: str
    packages: tuple[str, ...]
    bare: tuple[str, ...] = _BARE


CPU = Environment(f"export-{ULTRALYTICS}", (*_NEEDS, "numpy", "onnx", "onnxslim", "onnxruntime", "openvino", "nncf"))
CORAL = Environment(
    f"export-coral-{ULTRALYTICS}",
    (
        *_NEEDS, "numpy<2", "onnx<1.20", "onnxslim", "onnxruntime", "tensorflow-cpu<=2.19.0", "tf_keras<=2.19.0",
        "sng4onnx>=1.0.1", "onnx_graphsurgeon>=0.3.26", "ai-edge-litert>=1.2.0", "protobuf>=5",
    ),
    (*_BARE, "onnx2tf>=1.26.3,<1.29.0"),
)  # fmt: skip


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vedette-tests"


def python(environment: Environment) -> Path:
    """Its interpreter; skips the test where it cannot be made."""
    folder = cache() / environment.name
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"\nbuilding {folder}, this takes minutes", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        for packages in (["torch==2.13.0"], ["--no-deps", *environment.bare], environment.packages):
            _install(folder, packages)
        (folder / "complete").touch()
    return folder / "bin" / "python"


def _install(folder: Path, packages: list[str] | tuple[str, ...]) -> None:
    command = [str(folder / "bin/pip"), "install", "-q", *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{folder.name} could not be installed within {BUILD_S} s")
    if done.returncode:
        pytest.skip(f"{folder.name} could not be installed: {done.stderr.strip()[-300:]}")
