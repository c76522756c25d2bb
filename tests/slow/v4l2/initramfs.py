"""A Debian kernel with its virtual camera (vivid), a Python and this tree, as one file that a machine starts from.

The kernel's package is downloaded and unpacked, not installed; it is kept in build/v4l2 for the next time.
"""

from __future__ import annotations

import gzip
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
CACHE = REPOSITORY / "build" / "v4l2"
SYSTEM_PYTHON = Path("/usr/bin/python3")
SITE = ("yaml", "paho", "numpy", "numpy.libs", "av", "av.libs")
"""What capture and the doctor import of our packages."""
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip"}
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_INIT = """\
#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do /bin/busybox insmod $module; done
cd /app
PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 STATE_DIRECTORY=/tmp /usr/bin/python3 /app/script.py
/bin/busybox poweroff -f
"""


def kernel() -> tuple[Path, Path]:
    """The kernel's image, and the folder of its modules."""
    CACHE.mkdir(parents=True, exist_ok=True)
    tree = CACHE / "kernel"
    if not tree.exists():
        _unpack(_package(), tree)
    (image,) = (tree / "boot").glob("vmlinuz-*")
    return image, next(path for path in tree.glob("**/lib/modules/*") if path.is_dir())


def _package() -> str:
    """linux-image-amd64 only names the one that counts."""
    said = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True)
    return next(
        line.split()[-1] for line in said.stdout.splitlines() if line.strip().startswith("Depends: linux-image-")
    )


def _unpack(package: str, tree: Path) -> None:
    subprocess.run(["apt-get", "download", "-qq", package, "busybox-static"], cwd=CACHE, check=True, timeout=300)
    draft = tree.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    for file in CACHE.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", file, draft], check=True, timeout=120)
        file.unlink()
    draft.rename(tree)


def build(script: str, target: Path) -> Path:
    """Writes the file. script: Python, run in it as root."""
    _, modules = kernel()
    archive = Archive()
    for name in ("proc", "sys", "dev", "tmp"):
        archive.folder(name)
    (busybox,) = (CACHE / "kernel").glob("**/bin/busybox")
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    archive.link("bin/sh", "busybox")
    archive.file("init", _INIT.encode(), 0o755)
    for index, module in enumerate(_needed("vivid", modules)):
        archive.file(f"modules/{index:02}.ko", _module(module))
    library = f"usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    python = SYSTEM_PYTHON.resolve()
    archive.file("usr/bin/python3", python.read_bytes(), 0o755)
    archive.tree(library, Path("/") / library)
    for name in ("agent", "backends"):
        archive.tree(f"app/{name}", REPOSITORY / name)
    for name in SITE:
        archive.tree(f"app/{name}", Path(sysconfig.get_path("purelib")) / name)
    archive.file("app/script.py", script.encode())
    archive.libraries()
    archive.write(target)
    return target


def _needed(name: str, modules: Path) -> list[Path]:
    """The modules to load, those first that others need."""
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    order: list[Path] = []

    def add(module: str) -> None:
        path = files.get(module.replace("-", "_"))
        if path is None or path in order:
            return  # built in, or there already
        match = _DEPENDS.search(b"\0" + _module(path))
        for other in filter(None, match[1].decode().split(",") if match else ()):
            add(other)
        order.append(path)

    add(name)
    assert order, f"the kernel has no module {name}"
    return order


def _module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Archive:
    """A cpio archive of the format `newc`, as the kernel's Documentation/driver-api/early-userspace has it."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}
        self._linked: list[Path] = []

    def folder(self, name: str) -> None:
        for part in [*reversed(Path(name).parents), Path(name)]:
            if str(part) != ".":
                self._entries.setdefault(str(part), (stat.S_IFDIR | 0o755, b""))

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self.folder(str(Path(name).parent))
        self._entries[name] = (stat.S_IFREG | mode, data)

    def link(self, name: str, target: str) -> None:
        self.folder(str(Path(name).parent))
        self._entries[name] = (stat.S_IFLNK | 0o777, target.encode())

    def tree(self, name: str, folder: Path) -> None:
        for at, folders, files in os.walk(folder):
            folders[:] = [each for each in folders if each not in _LEFT_OUT]
            for each in files:
                path = Path(at, each)
                if path.is_file():
                    self.file(f"{name}/{path.relative_to(folder)}", path.read_bytes())
                    if ".so" in path.name:
                        self._linked.append(path)

    def libraries(self) -> None:
        """What the programs and libraries in it are linked with, at the places where this machine has it."""
        for program in (SYSTEM_PYTHON.resolve(), *self._linked):
            said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
            for library in re.findall(r"(?:=> |^\t)(/(?:lib|usr|lib64)\S+)", said, re.MULTILINE):
                if library.strip("/") not in self._entries:
                    self.file(library.strip("/"), Path(library).read_bytes(), 0o755)

    def write(self, target: Path) -> None:
        with gzip.open(target, "wb", compresslevel=1) as out:
            for index, (name, (mode, data)) in enumerate([*self._entries.items(), ("TRAILER!!!", (0, b""))]):
                word = name.encode() + b"\0"
                fields = (index + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(word), 0)
                header = b"070701" + b"".join(b"%08X" % number for number in fields) + word
                out.write(header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4))
