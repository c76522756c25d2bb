"""The unit file as systemd reads it, without booting one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.rooted,
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None, reason="systemd is not installed (apt install systemd)"
    ),
]

UNIT = Path(__file__).resolve().parents[3] / "systemd" / "vedette.service"
EXPOSURE = 1.4
"""What `systemd-analyze security` gave when the sandbox was last changed: 0 is sealed, 10 is open."""


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/vedette/bin/vedette ", "/bin/true "))
    done = analyze("verify", str(copy))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_sandbox_does_not_get_weaker() -> None:
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE * 10:.0f}", str(UNIT))
    assert done.returncode == 0, done.stdout[-3000:]
