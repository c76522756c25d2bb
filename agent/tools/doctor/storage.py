"""Where the daemon keeps things: whether there is room, it may write, and the medium does not wear out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agent.runtime import paths
from agent.runtime.board import sysfs
from agent.tools.doctor.finding import Finding
from backends.models import store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config

_ROOT = Path("/")
_LITTLE, _TOO_LITTLE = 500e6, 50e6
"""Bytes."""
_WORN = 8
"""Of the eMMC's own estimate, in tenths of its life: what is told."""


def storage(config: Config | None, _: str = "") -> Iterator[Finding]:
    try:
        state = paths.state_directory()
    except OSError as error:
        text = f"the state directory {error.filename or ''} cannot be made: {error.strerror}"
        yield Finding("disk", "failed", text, "sudo vedette doctor, or give this user $STATE_DIRECTORY")
        return
    needed = config.outbox.max_bytes if config else 0
    yield from room("state", state, needed, write=True)
    yield from room("models", store.folder(), 0, write=False)
    yield from medium(_ROOT, state)


def room(what: str, folder: Path, needed: float, *, write: bool) -> Iterator[Finding]:
    """needed: bytes that may still be written there. write: whether the daemon cannot do without."""
    # Path's own question raises where it may not look.
    existing = next((path for path in (folder, *folder.parents) if os.path.exists(path)), _ROOT)  # noqa: PTH110
    try:
        disk = os.statvfs(existing)
    except OSError as error:
        yield Finding("disk", "failed", f"{existing}: {error.strerror}", "check the medium, and the mount")
        return
    free = disk.f_bavail * disk.f_frsize
    text = f"{what} in {folder}: {free / 1e9:.1f} GB free"
    if write and (disk.f_flag & os.ST_RDONLY or not os.access(existing, os.W_OK)):
        why = "the disk is mounted read-only" if disk.f_flag & os.ST_RDONLY else "its permissions do not allow it"
        fix = "give the service a writable StateDirectory; it may be a small partition, or a tmpfs"
        yield Finding("disk", "failed", f"{folder} cannot be written: {why}", fix)
    elif write and free < _TOO_LITTLE:
        yield Finding("disk", "failed", text, "make room: journalctl --vacuum-size=50M, apt clean")
    elif write and (free < max(_LITTLE, needed) or (disk.f_files and disk.f_favail < 1000)):
        more = f", and the outbox may take {needed / 1e6:.0f} MB" if needed else ""
        yield Finding("disk", "warning", text + more, "make room, or lower outbox.max_bytes")
    else:
        yield Finding("disk", "ok", text)


def medium(root: Path, folder: Path) -> Iterator[Finding]:
    """What the device below `folder` says of its own health, where it does (eMMC; SD cards have no word for it)."""
    device = _device(root, folder)
    if device is None:
        return
    errors = sysfs.integer(root / "sys/fs/ext4" / device.name / "errors_count")
    if errors:
        text = f"the file system on {device.name} has had {errors} errors"
        yield Finding("disk", "failed", text, "back up, let fsck check it at the next start, and expect a new card")
    disk = device if (device / "device").exists() else device.parent
    lives = [int(word, 16) for word in (sysfs.text(disk / "device/life_time") or "").split() if word.startswith("0x")]
    ending = sysfs.text(disk / "device/pre_eol_info") in {"0x02", "0x03"}
    if ending or max(lives, default=0) >= _WORN:
        worn = f"{10 * max(lives, default=10)} % of its life" if lives else "most of its spare blocks"
        yield Finding("disk", "warning", f"{disk.name} says that it has used {worn}", "replace it before it fails")
    elif disk.name.startswith("mmcblk") and not lives:
        yield Finding("disk", "skipped", f"{disk.name} is an SD card: it cannot tell how worn it is")


def _device(root: Path, folder: Path) -> Path | None:
    """Of the block device that `folder` is on; None where there is none, as on tmpfs or overlayfs."""
    try:
        number = next(path for path in (folder, *folder.parents) if path.exists()).stat().st_dev
        return (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except (OSError, StopIteration):
        return None
