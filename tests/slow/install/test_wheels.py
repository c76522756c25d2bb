"""For each supported system there is a wheel of everything Vedette needs: nothing is compiled on a small computer.

Asks PyPI by pip, as that system would; installs nothing. It proves nothing of how the wheels run there.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
SYSTEMS = {
    "Raspberry Pi OS 12": ("3.11", 36, "aarch64"),
    "Raspberry Pi OS 13": ("3.13", 41, "aarch64"),
    "JetPack 6, Ubuntu 22.04": ("3.10", 35, "aarch64"),
    "Ubuntu 22.04": ("3.10", 35, "x86_64"),
    "Ubuntu 24.04": ("3.12", 39, "x86_64"),
    "Ubuntu 24.04, aarch64": ("3.12", 39, "aarch64"),
}
"""Its Python, glibc and processor."""
_OLDEST = 17
"""The glibc of manylinux2014."""


def requirements() -> list[str]:
    """Of Vedette, its build, and the extras that `make install` installs."""
    text = PYPROJECT.read_text()
    lists = [
        re.search(rf"^{name} = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)
        for name in ("requires", "dependencies", "openvino", "edgetpu")
    ]
    found = [word for match in lists if match for word in re.findall(r'"([^"]+)"', match[1])]
    assert len(lists) == sum(match is not None for match in lists)
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_there_is_a_wheel_of_everything(system: str, tmp_path: Path) -> None:
    version, glibc, processor = SYSTEMS[system]
    tags = [f"--platform=manylinux_2_{minor}_{processor}" for minor in range(glibc, _OLDEST - 1, -1)]
    tags += [f"--abi={abi}" for abi in (f"cp{version.replace('.', '')}", "abi3", "none")]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--ignore-installed"]
    other = ["--only-binary=:all:", f"--target={tmp_path}", f"--python-version={version}", "--implementation=cp", *tags]
    done = subprocess.run([*pip, *other, *requirements()], capture_output=True, text=True, timeout=590, check=False)
    said = done.stdout + done.stderr
    if done.returncode and "No matching distribution" not in said and "ResolutionImpossible" not in said:
        pytest.skip(f"PyPI could not be asked: {said.strip().splitlines()[-1]}")
    assert done.returncode == 0, said[-2000:]
    (would,) = (line for line in said.splitlines() if line.startswith("Would install"))
    print(f"\n{system}: {would}")
