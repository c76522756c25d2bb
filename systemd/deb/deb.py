"""`make deb`: the package of this tree for this machine's Debian, in dist/. ARCH=arm64 makes it for that machine."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import payload
import target
import wheels

if TYPE_CHECKING:
    from target import Target

MAINTAINER = "Vedette <vedette@localhost>"
_HERE = Path(__file__).resolve().parent
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_CONFFILE = "etc/vedette/vedette.yaml"
_CONTROL = """\
Package: vedette
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {kilobytes}
Depends: python3 (>= {python}), python3 (<< {next_python}), libc6 (>= 2.28), libgcc-s1, libstdc++6, zlib1g, systemd,
 passwd
Suggests: python3-systemd
Section: video
Priority: optional
Description: watches cameras and publishes what it sees over MQTT
 A daemon for a Raspberry Pi, a Jetson or any small Linux box: it captures frames, infers on an accelerator where
 something moves, tracks what it sees, and publishes. All it needs is inside, with a model for persons (MIT).
"""


def build(output: Path, work: Path, wanted: Target, level: int) -> Path:
    """The package's file, in `output`. work: a folder that is made anew. level: of compression."""
    shutil.rmtree(work, ignore_errors=True)
    wheel = wheels.wheel(work / "wheel")
    version = f"{wheels.version(wheel)}-1~{wanted.release}"
    root = work / "root"
    package = root / payload.HOME.lstrip("/") / "package"
    package.mkdir(parents=True)
    payload.write(package, wheel, version, wanted)
    _beside(root, package)
    _control(root, version, wanted)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o022 | (0o755 if path.is_dir() else 0o644))
    (root / payload.HOME.lstrip("/") / "bin/python").chmod(0o755)
    (root / _CONFFILE).chmod(0o640)
    output.mkdir(parents=True, exist_ok=True)
    made = output / f"vedette_{version}_{wanted.arch}.deb"
    os.environ.setdefault("SOURCE_DATE_EPOCH", _committed())
    wheels.run(["dpkg-deb", "--root-owner-group", "-Zzstd", f"-z{level}", "--build", str(root), str(made)], 1200)
    return made


def _beside(root: Path, package: Path) -> None:
    """What lies outside /opt."""
    places = {
        _HERE / "vedette.yaml": _CONFFILE,
        wheels.CHECKOUT / "config/vedette.yaml": "usr/share/vedette/vedette.yaml",
        wheels.CHECKOUT / "config/vedette.schema.json": "usr/share/vedette/vedette.schema.json",
        _HERE.parent / "60-vedette.rules": "usr/lib/udev/rules.d/60-vedette.rules",
        _HERE / "vedette-trial.service": "usr/lib/systemd/system/vedette-trial.service",
        **{package / "systemd" / unit: f"usr/lib/systemd/system/{unit}" for unit in payload.UNITS},
        _HERE / "copyright": "usr/share/doc/vedette/copyright",
        package / "sbom.cdx.json": "usr/share/doc/vedette/sbom.cdx.json",
    }
    for source, place in places.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / place)
    changes = (wheels.CHECKOUT / "CHANGELOG.md").read_bytes()
    (root / "usr/share/doc/vedette/changelog.gz").write_bytes(gzip.compress(changes, mtime=0))
    (root / "usr/bin").mkdir()
    (root / "usr/bin/vedette").symlink_to(f"{payload.HOME}/bin/vedette")
    programs = root / payload.HOME.lstrip("/") / "bin"
    programs.mkdir()
    for name in payload.SCRIPTS:
        (programs / name).symlink_to(f"../current/bin/{name}")
    # No link: Python looks for its environment where it was called.
    (programs / "python").write_text(f'#!/bin/sh\nexec {payload.HOME}/current/bin/python "$@"\n')


def _control(root: Path, version: str, wanted: Target) -> None:
    control = root / "DEBIAN"
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]  # noqa: S324
    control.mkdir()
    (control / "md5sums").write_text("".join(line for line in sums if not line.endswith(f"  {_CONFFILE}\n")))
    (control / "conffiles").write_text(f"/{_CONFFILE}\n")
    kilobytes = sum(path.stat().st_size + 1023 >> 10 for path in files)
    about = {
        "version": version,
        "arch": wanted.arch,
        "maintainer": MAINTAINER,
        "kilobytes": kilobytes,
        "python": wanted.python,
        "next_python": wanted.next_python,
    }
    (control / "control").write_text(_CONTROL.format(**about))
    for name in _SCRIPTS:
        words = {"@VERSION@": version, "@PYTHON@": wanted.python, "@KILOBYTES@": str(kilobytes)}
        text = (_HERE / name).read_text()
        for word, meant in words.items():
            text = text.replace(word, meant)
        (control / name).write_text(text)
        (control / name).chmod(0o755)


def _committed() -> str:
    """When the tree was, so that it makes the same package again; the time of an untracked tree is its changelog's."""
    asked = ["git", "-C", str(wheels.CHECKOUT), "log", "-1", "--format=%ct"]
    said = ""
    with suppress(FileNotFoundError):  # there is no git
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    return said or str(int((wheels.CHECKOUT / "CHANGELOG.md").stat().st_mtime))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--arch", choices=target.MACHINES, help="another machine than this one")
    options.add_argument("--level", type=int, default=12, help="of zstd: 1 saves a minute and makes it a third larger")
    options.add_argument("--into", type=Path, default=wheels.CHECKOUT / "dist", help="the folder it is put into")
    given = options.parse_args()
    wanted = target.here(given.arch or None)
    if not shutil.which("dpkg-deb"):
        raise SystemExit("a package can only be made where dpkg is (Debian or Ubuntu)")
    try:
        made = build(given.into.resolve(), wheels.CHECKOUT / "build" / "deb" / wanted.arch, wanted, given.level)
    except wheels.BuildError as e:
        raise SystemExit(str(e)) from None
    print(f"{os.path.relpath(made, wheels.CHECKOUT)}: {made.stat().st_size >> 20} MB")


if __name__ == "__main__":
    main()
