"""An arm64 Debian 12 (as Raspberry Pi OS 12) in a folder, with this tree and its wheels installed. Kept for next time.

No program of it runs while it is made: the first stage of debootstrap, then each package unpacked, without its
maintainer scripts; the wheels are laid out by this machine's pip. So it takes seconds, not the ten minutes of an
emulated installation.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.slow.arm64 import board

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPOSITORY = Path(__file__).parents[3]
SUITE = "bookworm"
PYTHON = "3.11"
PACKAGES = ("python3", "libpython3.11")
_SITE = Path("usr/local/lib/python3.11/dist-packages")
_OURS = Path("opt/vedette")
_GLIBC = (35, 34, 31, 28, 27, 26, 17)
"""Debian 12 has 2.36, so wheels for these run there."""
_WHOLE = ".whole"


class Root:
    """folder: the root of the file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, work: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command line that runs `arguments` in the root, with `work` as /work and as working directory.

        All it starts ends with it. It has this machine's network.
        """
        plain = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"/{_OURS}",
            "QEMU_CPU": board.CPU,
        }
        words = [f"{key}={value}" for key, value in {**plain, **(environment or {})}.items()]
        enter = str(REPOSITORY / "tests/support/enter.sh")
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "sh", enter, str(self.folder), str(work), "env", "-i", *words, *arguments]


def make(folder: Path, requirements: Sequence[str], tell: Callable[[str], None]) -> Root:
    """The root in `folder`, made where it is not there or is another: minutes at most, with the network.

    requirements: what is installed beside this tree's own dependencies.
    """
    asked = "\n".join([SUITE, PYTHON, *PACKAGES, *requirements, (REPOSITORY / "pyproject.toml").read_text()])
    key = hashlib.sha256(asked.encode()).hexdigest()
    stamp = folder / _WHOLE
    wheel = _wheel(folder.parent)
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        tell(f"unpacking Debian {SUITE} for arm64")
        _unpack(folder)
        tell("installing the wheels for aarch64")
        _install(folder / _SITE, [f"{wheel}[openvino]", *requirements])
        stamp.write_text(key)
    board.write(folder, os.cpu_count() or 1)
    shutil.rmtree(folder / _OURS, ignore_errors=True)
    _install(folder / _OURS, [str(wheel), "--no-deps"])
    return Root(folder)


def _unpack(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    first = ["debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    _run([*first, SUITE, str(folder)], 600)
    archives = folder / "var/cache/apt/archives"
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(folder)], 60)
        package.unlink()
    shutil.rmtree(folder / "debootstrap")
    (folder / "work").mkdir()


def _install(target: Path, arguments: Sequence[str]) -> None:
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in _GLIBC]
    abis = [f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")]
    other = ["--implementation=cp", f"--python-version={PYTHON}", *abis, *platforms, "--only-binary=:all:"]
    _run([*_PIP, "install", "--quiet", "--no-compile", f"--target={target}", *other, *arguments], 600)


def _wheel(folder: Path) -> Path:
    """A wheel of the tree as it is, built from a copy: setuptools leaves things behind, and takes up old ones."""
    wheels = folder / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    with tempfile.TemporaryDirectory() as copy:
        for name in ("agent", "backends"):
            shutil.copytree(REPOSITORY / name, Path(copy, name), ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, copy)
        _run([*_PIP, "wheel", "--quiet", "--no-deps", f"--wheel-dir={wheels}", copy], 300)
    (wheel,) = wheels.glob("*.whl")
    return wheel


_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def _run(command: Sequence[str], seconds: float) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{said}")
