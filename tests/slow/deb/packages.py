"""The package of this tree, and others made of it: newer ones, broken ones."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[3]
NATIVE = "arm64" if platform.machine() == "aarch64" else "amd64"
SUITE = "bookworm"
"""The Debian that the packages are tried on."""
_BARELY = 1
"""How much the packages of tests are compressed: with zstd's least, which costs less than the larger file of none."""


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
    """As `make deb`, but barely compressed; of those that $VEDETTE_DEBS lists, separated by colons, the one for `arch`
    is taken as it is."""
    given = [Path(name) for name in os.environ.get("VEDETTE_DEBS", "").split(":") if name.endswith(f"_{arch}.deb")]
    if given:
        return Package(given[0], given[0].name.split("_")[1])
    options = [f"--arch={arch}", f"--level={_BARELY}", f"--into={REPOSITORY / 'build/deb'}"]
    command = [sys.executable, str(REPOSITORY / "systemd/deb/deb.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    file = REPOSITORY / done.stdout.rpartition(": ")[0]
    return Package(file, file.name.split("_")[1])


def unpacked(package: Package, folder: Path) -> Path:
    """Its files in `folder`, shared with all others that are made of it: they are replaced, never written to."""
    subprocess.run(["cp", "-al", str(_unpacked_once(package)), str(folder)], check=True, timeout=300)
    return folder


@cache
def _unpacked_once(package: Package) -> Path:
    folder = package.file.with_suffix("")
    subprocess.run(["dpkg-deb", "--raw-extract", str(package.file), str(folder)], check=True, timeout=300)
    return folder


def replace(path: Path, text: str) -> None:
    """The file has another content, with the same rights; other links to the former file keep theirs."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(text)
    shutil.copymode(path, draft)
    draft.replace(path)


def packed(root: Path, file: Path) -> None:
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", f"-z{_BARELY}", "--build", str(root), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    shutil.rmtree(root)


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
            replace(text, text.read_text().replace(base.version, new))
    about = site / f"vedette-{old}.dist-info"
    metadata = about / "METADATA"
    replace(metadata, re.sub(r"^Version: .*$", f"Version: {number}", metadata.read_text(), flags=re.MULTILINE))
    about.rename(site / f"vedette-{number}.dist-info")
    change(site)
    if deceive:
        preinst = root / "DEBIAN/preinst"
        replace(preinst, re.sub(r"needed=.*", "needed=1", preinst.read_text()))
    (root / "DEBIAN/md5sums").unlink()
    file = folder / base.file.name.replace(base.version, new)
    packed(root, file)
    return Package(file, new)


def edit(site: Path, module: str, old: str, new: str) -> None:
    """Changes a source file; what is compiled of it goes."""
    path = site / module
    text = path.read_text()
    assert old in text, f"{module} has changed: this test wants {old!r} there"
    replace(path, text.replace(old, new))
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()
