"""Wheels: one of this tree, and those it needs, as pip finds them for a target."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = sys.executable
CHECKOUT = Path(__file__).resolve().parents[2]
EXTRAS = "openvino,edgetpu"
"""What a package has, beside the tree's own needs: an engine for each CPU, and what a Coral needs."""
BESIDE = ("pip",)
"""Plug-ins are installed with it; Debian's own may not be there."""
_SOURCES = ("agent", "backends", "pyproject.toml", "README.md", "LICENSE")


class BuildError(Exception):
    """The text is all there is to say."""


def pip(*arguments: str, seconds: float = 900) -> str:
    """What it printed. Raises BuildError with its last lines."""
    return run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments], seconds)


def run(command: Sequence[str], seconds: float = 300, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, cwd=cwd)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BuildError(f"{' '.join(command)} failed:\n{said}")
    return done.stdout


def copied(folder: Path) -> Path:
    """The tree's sources in `folder`: setuptools leaves things where it builds, and takes up old ones."""
    for name in _SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def wheel(folder: Path) -> Path:
    """The tree as it is, as the one wheel in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as copy:
        pip("wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}", str(copied(Path(copy))))
    (built,) = folder.glob("*.whl")
    return built


def version(built: Path) -> str:
    """Of a wheel, by its name."""
    return built.name.split("-")[1]
