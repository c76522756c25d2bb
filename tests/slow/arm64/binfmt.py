"""Teaches the kernel to start aarch64 programs through qemu, and takes that back."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "vedette-aarch64"
_MOUNTED = Path("/proc/sys/fs/binfmt_misc")
_OURS = Path("/run/vedette-binfmt_misc")
# The first 20 bytes of an ELF file (elf(5)): 64 bit, little-endian, a program or library, machine 183 (aarch64).
_MAGIC = bytes.fromhex("7f454c460201010000000000000000000200b700")
_MASK = bytes.fromhex("ffffffffffffff00fffffffffffffffffeffffff")


class NoEmulation(Exception):
    """This kernel cannot be taught here."""


@contextlib.contextmanager
def emulation(qemu: str) -> Iterator[None]:
    """Inside, aarch64 programs run, also in a chroot. Raises NoEmulation.

    qemu: path of a statically linked qemu-aarch64. A handler that was there before is used and left alone; what this
    adds is taken back, also when the process is asked to end. Main thread only.
    """
    with _undone_on_sigterm(), _registry() as registry:
        _forget(registry)  # of a run that was killed
        if not _known(registry):
            try:
                (registry / "register").write_bytes(_line(qemu))
            except OSError as e:
                raise NoEmulation(f"the kernel takes no binfmt_misc handler: {e.strerror}") from e
        try:
            yield
        finally:
            _forget(registry)


@contextlib.contextmanager
def _undone_on_sigterm() -> Iterator[None]:
    """SIGTERM as if Ctrl-C had been pressed: what is open is closed on the way out."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _registry() -> Iterator[Path]:
    """Where binfmt_misc is mounted, or will have been for a while."""
    if (_MOUNTED / "register").exists():
        yield _MOUNTED
        return
    _OURS.mkdir(exist_ok=True)
    if not _OURS.is_mount():  # a run that was killed leaves it
        mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(_OURS)]
        mounted = subprocess.run(mount, capture_output=True, text=True, timeout=10, check=False)
        if mounted.returncode:
            _OURS.rmdir()
            raise NoEmulation(f"binfmt_misc cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield _OURS
    finally:
        subprocess.run(["umount", str(_OURS)], timeout=10, check=True)
        _OURS.rmdir()


def _known(registry: Path) -> bool:
    """Whether a handler is there that works inside a chroot too: flag F, the interpreter is already open."""
    magic = f"magic {_MAGIC.hex()}"
    for entry in registry.iterdir():
        if entry.name in {"register", "status"}:
            continue
        lines = entry.read_text().splitlines()
        if magic in lines and "enabled" in lines and any(x.startswith("flags:") and "F" in x[6:] for x in lines):
            return True
    return False


def _forget(registry: Path) -> None:
    if (registry / NAME).exists():
        (registry / NAME).write_text("-1")


def _line(qemu: str) -> bytes:
    """admin-guide/binfmt-misc.rst of the kernel: `:name:type:offset:magic:mask:interpreter:flags`."""
    magic, mask = ("".join(f"\\x{byte:02x}" for byte in part) for part in (_MAGIC, _MASK))
    return f":{NAME}:M::{magic}:{mask}:{qemu}:F".encode()
