"""Small files are written whole or not at all, and nothing is left of a failure."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agent.atomic import write_atomic


def test_files_whose_names_differ_by_their_ending_alone_do_not_share_a_draft(tmp_path: Path) -> None:
    """Each thread's file always holds its own text."""
    started = threading.Barrier(2)
    wrong: list[str] = []

    def write(name: str) -> None:
        started.wait(10)
        for n in range(300):
            try:
                write_atomic(tmp_path / name, text := f"{name} {n}")
            except OSError as e:
                wrong.append(str(e))
            else:
                found = (tmp_path / name).read_text()
                wrong.extend([found] if found != text else [])

    threads = [threading.Thread(target=write, args=(name,)) for name in ("remote.json", "remote.yaml")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


@pytest.mark.parametrize("sync", [False, True])
def test_a_write_that_fails_leaves_what_was_there_and_no_draft(tmp_path: Path, sync: bool) -> None:
    write_atomic(tmp_path / "a.json", "old", sync=sync)
    with pytest.raises(UnicodeEncodeError):
        write_atomic(tmp_path / "a.json", "new \ud800", sync=sync)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


@pytest.mark.parametrize("sync", [False, True])
def test_what_survives_a_power_cut_has_its_name_on_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    """It proves the calls and their order, not what a disk makes of them."""
    calls: list[str] = []
    rename = Path.replace

    def noted(descriptor: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")

    def renamed(self: Path, target: Path) -> Path:
        calls.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "replace", renamed)
    write_atomic(tmp_path / "a.json", "x", sync=sync)
    assert calls == (["fsync .a.json.part", "rename", f"fsync {tmp_path.name}"] if sync else ["rename"])
