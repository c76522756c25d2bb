"""Whatever several write at once, each reader sees all of one of them; and a failure leaves nothing."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from backends.atomic import write_atomic


def test_a_reader_sees_all_of_one_of_the_writers(tmp_path: Path) -> None:
    path = tmp_path / "speeds.json"
    contents = [bytes([n]) * 100_000 for n in range(4)]
    write_atomic(path, contents[0])
    threads = [threading.Thread(target=lambda c=c: [write_atomic(path, c) for _ in range(20)]) for c in contents]
    for thread in threads:
        thread.start()
    seen = [path.read_bytes() for _ in range(100)]
    for thread in threads:
        thread.join(60)
    assert all(content in contents for content in seen)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x"
    write_atomic(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_it_is_for_whom_the_umask_lets(tmp_path: Path, umask: int) -> None:
    """What root has measured or built, the service's user reads."""
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~umask
