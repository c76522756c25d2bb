"""What packages are made of and with, on each Debian that docs/install.md says they can be made on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = {"12": "3.11", "13": "3.13"}
"""Of each Debian."""


def test_for_these_debians_packages_are_promised() -> None:
    (promised,) = re.findall(r"for the Debian it runs on, (\d+) or (\d+)", (ROOT / "docs/install.md").read_text())
    assert set(promised) == set(PYTHONS)


@pytest.mark.parametrize("python", PYTHONS.values())
def test_all_that_is_required_is_locked(python: str) -> None:
    lines = (ROOT / f"systemd/deb/lock-{python}.txt").read_text().splitlines()[1:]
    found = [re.match(r"([a-z0-9.-]+)==[\w.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(found)
    locked = {each[1] for each in found if each}
    (listed,) = re.findall(r"(?ms)^dependencies = \[(.*?)\]$", (ROOT / "pyproject.toml").read_text())
    assert {name.lower() for name in re.findall(r'"([\w-]+)', listed)} <= locked


def test_their_time_is_known_without_git(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import deb; print(deb._committed())"]
    alone = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT / "systemd/deb", env=alone, capture_output=True, text=True, check=False)
    assert done.stdout.strip().isdecimal(), done.stderr
