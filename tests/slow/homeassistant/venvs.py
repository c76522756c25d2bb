"""Virtual environments with a Home Assistant, built once and kept: some 700 MB and minutes for each."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BUILD_S = 1500


@dataclass(frozen=True)
class Release:
    """form: of discovery, the newest it knows. python: the interpreter it runs on, major and minor.

    packages: beside Home Assistant itself, what its MQTT integration, and what that depends on, would install at its
    first start.
    """

    version: str
    python: str
    form: str
    packages: tuple[str, ...]


ENTITY = Release(
    "2024.3.3",
    "3.11",
    "entity",
    (
        *("paho-mqtt==1.6.1", "numpy==1.26.0", "PyTurboJPEG==1.7.1", "josepy<2", "janus==1.0.0"),
        *("Pillow==10.2.0", "securetar==2024.2.0", "psutil-home-assistant==0.0.1"),
    ),
)
DEVICE = Release("2025.4.4", "3.13", "device", ("paho-mqtt==2.1.0", "numpy==2.2.2", "PyTurboJPEG==1.7.5"))


def interpreter(minor: str) -> str | None:
    """A Python of that version that runs: from the PATH, or pyenv's."""
    kept = sorted((Path.home() / ".pyenv/versions").glob(f"{minor}.*/bin/python"), reverse=True)
    for candidate in (shutil.which(f"python{minor}"), *map(str, kept)):
        if candidate is None:
            continue
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0 and f" {minor}." in done.stdout:
            return candidate
    return None


def venv(release: Release) -> Path:
    """Its folder; skips the test where it cannot be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "vedette-tests" / f"homeassistant-{release.version}"
    complete = folder / "complete"
    if complete.exists() and complete.read_text() == "\n".join(release.packages):
        return folder
    python = interpreter(release.python)
    if python is None:
        pytest.skip(f"Home Assistant {release.version} needs Python {release.python}, which is not here")
    shutil.rmtree(folder, ignore_errors=True)
    print(f"\nbuilding a virtual environment for Home Assistant {release.version}, this takes minutes", flush=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True, timeout=120)
    install = [str(folder / "bin/pip"), "install", "-q", f"homeassistant=={release.version}", *release.packages]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=BUILD_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"Home Assistant {release.version} could not be installed within {BUILD_S} s")
    if done.returncode:
        pytest.skip(f"Home Assistant {release.version} could not be installed: {done.stderr.strip()[-300:]}")
    complete.write_text("\n".join(release.packages))
    return folder
