"""What a package is built for: an architecture and a Debian release, which decides the Python."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""As pip calls what Debian calls by another name."""


@dataclass(frozen=True, slots=True)
class Target:
    """python: its minor version, as 3.11. glibc: the minor version of the release's. release: ends the version."""

    arch: str
    python: str
    glibc: int
    release: str

    @property
    def site(self) -> str:
        return f"lib/python{self.python}/site-packages"

    @property
    def next_python(self) -> str:
        major, minor = self.python.split(".")
        return f"{major}.{int(minor) + 1}"

    def pip_options(self) -> list[str]:
        """The wheels of the target, whatever machine pip runs on."""
        machine = MACHINES[self.arch]
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(self.glibc, 16, -1)]
        abis = (f"cp{self.python.replace('.', '')}", "abi3", "none")
        return [
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={self.python}",
            *(f"--abi={abi}" for abi in abis),
            *(f"--platform={platform}" for platform in (*platforms, f"manylinux2014_{machine}")),
        ]


def here(arch: str | None = None) -> Target:
    """The release of this machine. Raises OSError where it is no Debian or has no Python of its own."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    name, number = (release.get(key, "").strip('"') for key in ("ID", "VERSION_ID"))
    return Target(
        arch=arch or _said("dpkg", "--print-architecture"),
        python=_said(SYSTEM_PYTHON, "-c", "import sys; print(*sys.version_info[:2], sep='.')"),
        glibc=int(_said("getconf", "GNU_LIBC_VERSION").rpartition(".")[2]),
        release={"debian": "deb", "raspbian": "deb", "ubuntu": "ubuntu"}.get(name, name) + number,
    )


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
