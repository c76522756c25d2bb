"""The package of this tree, and others made of it: newer ones, broken ones."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[3]
NATIVE = "arm64" if platform.machine() == "aarch64" else "amd64"
SUITE = "bookworm"
"""The Debian that the packages are tried on."""


def unbuildable() -> str:
    """Why no package for SUITE can be made here; empty if one can."""
    if not shutil.which("dpkg-deb"):
        return "packages are made where dpkg is (Debian or Ubuntu)"
    if SUITE not in Path("/etc/os-release").read_text():
        return f"a package for Debian {SUITE} is made on Debian {SUITE}"
    return ""


@dataclass(frozen=True, slots=True)
class Package:
    """version: as dpkg has it."""

    file: Path
    version: str


def built(arch: str = NATIVE) -> Package:
    """`make deb`; of those that $VEDETTE_DEBS lists, separated by colons, the one for `arch` is taken as it is."""
    given = [Path(name) for name in os.environ.get("VEDETTE_DEBS", "").split(":") if name.endswith(f"_{arch}.deb")]
    if given:
        return Package(given[0], given[0].name.split("_")[1])
    command = [sys.executable, str(REPOSITORY / "systemd/deb/deb.py"), f"--arch={arch}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    file = REPOSITORY / done.stdout.rpartition(": ")[0]
    return Package(file, file.name.split("_")[1])


def unpacked(package: Package, folder: Path) -> Path:
    subprocess.run(["dpkg-deb", "--raw-extract", str(package.file), str(folder)], check=True, timeout=300)
    return folder


def another(
    base: Package,
    number: str,
    folder: Path,
    change: Callable[[Path], None] = lambda _: None,
    *,
    deceive: bool = False,
) -> Package:
    """`base` under another number. change: what else is other; given the folder of its Python packages.

    deceive: it says that it needs no space.
    """
    root = unpacked(base, folder / number)
    old, new = base.version.partition("-")[0], f"{number}-{base.version.partition('-')[2]}"
    package = root / "opt/vedette/package"
    (site,) = package.glob("lib/python*/site-packages")
    texts = [*(root / "DEBIAN").glob("p*"), root / "DEBIAN/control", *package.glob("bin/[vp]*"), package / "pip.conf"]
    for text in texts:
        if text.is_file() and not text.is_symlink() and text.name != "python3":
            text.write_text(text.read_text().replace(base.version, new))
    about = site / f"vedette-{old}.dist-info"
    metadata = about / "METADATA"
    metadata.write_text(re.sub(r"^Version: .*$", f"Version: {number}", metadata.read_text(), flags=re.MULTILINE))
    about.rename(site / f"vedette-{number}.dist-info")
    change(site)
    if deceive:
        preinst = root / "DEBIAN/preinst"
        preinst.write_text(re.sub(r"needed=.*", "needed=1", preinst.read_text()))
    (root / "DEBIAN/md5sums").unlink()
    file = folder / base.file.name.replace(base.version, new)
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    shutil.rmtree(root)
    return Package(file, new)


def edit(site: Path, module: str, old: str, new: str) -> None:
    """Changes a source file; what is compiled of it goes."""
    path = site / module
    text = path.read_text()
    assert old in text, f"{module} has changed: this test wants {old!r} there"
    path.write_text(text.replace(old, new))
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()
