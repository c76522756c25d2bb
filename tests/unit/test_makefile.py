"""The Makefile's first step, without a network: a virtual environment that can be used, or none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!/bin/sh
mkdir -p "$3/bin" && touch "$3/bin/python" "$3/bin/pip"
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed (apt install make)")
@pytest.mark.parametrize(
    ("end", "is_made"),
    [
        ('chmod +x "$3/bin/pip"', True),
        ('rm "$3/bin/pip"; exit 1', False),  # Debian's without python3-venv
        ("", False),  # a file that may not be executed, as none may where the volume is mounted noexec
    ],
)
def test_what_cannot_be_used_is_made_again_next_time(tmp_path: Path, end: str, is_made: bool) -> None:
    python, made = tmp_path / "python", tmp_path / "venv" / "bin" / "python"
    python.write_text(PYTHON + end)
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0, made.exists()) == (is_made, is_made), done.stderr
    if not is_made:
        assert "\nNo virtual environment: apt install python3-venv" in f"\n{done.stdout}"
