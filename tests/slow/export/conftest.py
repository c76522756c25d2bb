from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.slow.export.venvs import CORAL, CPU, cache, python

NETWORKS = Path(__file__).with_name("networks.py")
TRAIN_S = 1800


@pytest.fixture(scope="session")
def ultralytics() -> Path:
    """A Python that has it."""
    return python(CPU)


@pytest.fixture(scope="session")
def ultralytics_for_coral() -> Path:
    """Another, with TensorFlow, which wants an older numpy."""
    return python(CORAL)


@pytest.fixture(scope="session")
def networks(ultralytics: Path) -> Path:
    """The folder that networks.py makes, kept as long as that file stays as it is."""
    folder = cache() / f"networks-{hashlib.sha256(NETWORKS.read_bytes()).hexdigest()[:12]}"
    if not (folder / "bright.pt").exists():
        print(f"\ntraining a network in {folder}, this takes minutes", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(ultralytics), str(NETWORKS), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TRAIN_S, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder
