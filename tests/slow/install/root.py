"""A bare Debian in a folder: made by debootstrap once, kept as an archive, unpacked for each use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
CACHE = REPOSITORY / "build" / "install"
INCLUDED = ("systemd", "make")
"""Beside minbase. No Python: what is missing, the installation has to bring."""
CHECKOUT = "/checkout"
_TREE = ("agent", "backends", "config", "systemd", "Makefile", "README.md", "LICENSE", "pyproject.toml")
_TRUST = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_TRUSTED = "/etc/trusted-here.crt"
_NEEDED = {"debootstrap": "debootstrap", "unshare": "util-linux", "tar": "tar"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Root:
    """folder: the root of the file system. work: the folder that is /stage inside."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder = folder
        self.work = work
        words = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8"}
        if trusted := next(filter(None, map(os.environ.get, _TRUST)), None):  # of a proxy between us and PyPI
            shutil.copy(trusted, folder / _TRUSTED.lstrip("/"))
            words |= dict.fromkeys(_TRUST, _TRUSTED)
        self._environment = [f"{key}={value}" for key, value in words.items()]

    def command(self, *words: str) -> list[str]:
        """What runs `words` inside, as root, with this machine's network. All that it starts ends with it."""
        enter = ["sh", str(REPOSITORY / "tests/support/enter.sh"), str(self.folder), str(self.work)]
        return [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            *enter,
            "env",
            "-i",
            *self._environment,
            *words,
        ]

    def run(self, *words: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def paths(self) -> set[str]:
        """All there is in it."""
        return set(self.run("find", "/", "-xdev", "-not", "-path", "/stage/*").stdout.splitlines())


def missing() -> str:
    """Why no root can be made here, empty when it can."""
    if os.geteuid():
        return "only root can make and enter a Debian in a folder"
    packages = [package for program, package in _NEEDED.items() if not shutil.which(program)]
    return f"missing to make a Debian: apt install {' '.join(packages)}" if packages else ""


def unpack(suite: str, folder: Path, work: Path) -> Root:
    """A new root of that suite, with this tree at CHECKOUT. The first time takes minutes, and the network."""
    archive = CACHE / f"{suite}.tar"
    if not archive.exists():
        _make(suite, archive)
    _do("tar", "--extract", f"--file={archive}", f"--directory={folder}", "--numeric-owner")
    for inside in ("stage", CHECKOUT.lstrip("/")):
        (folder / inside).mkdir()
    _do("cp", "-R", *(str(REPOSITORY / name) for name in _TREE), str(folder / CHECKOUT.lstrip("/")))
    return Root(folder, work)


def _make(suite: str, archive: Path) -> None:
    whole = CACHE / suite
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir(parents=True)
    _do("debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", suite, str(whole))
    for emptied in ("var/cache/apt/archives", "var/lib/apt/lists"):  # as in an image that was just written
        for file in (path for path in (whole / emptied).rglob("*") if path.is_file()):
            file.unlink()
    part = archive.with_suffix(".part")
    _do("tar", "--create", f"--file={part}", f"--directory={whole}", "--numeric-owner", ".")
    part.rename(archive)
    shutil.rmtree(whole)


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{command}: {(done.stdout + done.stderr)[-3000:]}"
