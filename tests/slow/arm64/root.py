"""An arm64 Debian 12 (as Raspberry Pi OS 12) in a folder, with the package of this tree installed. Kept for next time.

No program of it runs while Debian is laid out: the first stage of debootstrap, then each package unpacked, without its
maintainer scripts, and noted for dpkg as installed. So it takes seconds, not the ten minutes of an emulated
installation. Our package is then installed by its dpkg, emulated: its scripts run, what it depends on is checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.slow.arm64 import board
from tests.slow.deb.packages import SUITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPOSITORY = Path(__file__).parents[3]
PACKAGES = ("python3", "systemd")
VEDETTE = "/opt/vedette/bin/vedette"
_WHOLE = ".whole"


class Root:
    """folder: the root of the file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, work: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command line that runs `arguments` in the root, with `work` as /stage and as working directory.

        All it starts ends with it. It has this machine's network.
        """
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "QEMU_CPU": board.CPU}
        words = [f"{key}={value}" for key, value in {**plain, **(environment or {})}.items()]
        enter = str(REPOSITORY / "tests/support/enter.sh")
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "sh", enter, str(self.folder), str(work), "env", "-i", *words, *arguments]

    def install(self, package: Path) -> str:
        """What dpkg said. Another one that was there is purged before."""
        with tempfile.TemporaryDirectory() as work:
            shutil.copy(package, work)
            if (self.folder / "var/lib/dpkg/info/vedette.list").exists():
                _run(self.command(Path(work), ["dpkg", "--purge", "vedette"]), 300)
            unsafe = "--force-unsafe-io"  # nothing here must outlive a power cut
            return _run(self.command(Path(work), ["dpkg", unsafe, "--install", f"/stage/{package.name}"]), 600)


def make(folder: Path, tell: Callable[[str], None]) -> Root:
    """The root in `folder`, without our package if it is made anew: a minute at most, with the network."""
    key = hashlib.sha256("\n".join([SUITE, *PACKAGES, Path(__file__).read_text()]).encode()).hexdigest()
    stamp = folder / _WHOLE
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        tell(f"unpacking Debian {SUITE} for arm64")
        _unpack(folder)
        stamp.write_text(key)
    board.write(folder, os.cpu_count() or 1)
    return Root(folder)


def _unpack(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    first = ["debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    _run([*first, SUITE, str(folder)], 600)
    dpkg = folder / "var/lib/dpkg"
    for name in ("info", "updates", "triggers"):
        (dpkg / name).mkdir(parents=True, exist_ok=True)
    installed = []
    for package in sorted((folder / "var/cache/apt/archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(folder)], 60)
        name, _, rest = _run(["dpkg-deb", "--field", str(package)], 60).partition("\n")
        installed.append(f"{name}\nStatus: install ok installed\n{rest}")
        (dpkg / "info" / f"{name.partition(': ')[2]}.list").touch()
        package.unlink()
    (dpkg / "status").write_text("\n".join(installed))
    for name in ("passwd", "group"):  # as base-passwd's script makes them
        shutil.copy(folder / f"usr/share/base-passwd/{name}.master", folder / "etc" / name)
    shutil.rmtree(folder / "debootstrap")
    (folder / "stage").mkdir()


def _run(command: Sequence[str], seconds: float) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{said}")
    return done.stdout
