"""The status file where it cannot be written."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from agent.runtime.status_file import StatusFile


def test_a_file_that_cannot_be_written_is_told_once_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "vedette")
    folder = tmp_path / "run"
    file = StatusFile(folder)
    for _ in range(3):
        file.write({"pid": 1})
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot write {folder}/status.json: No such file or directory"
    ]

    folder.mkdir()
    file.write({"pid": 2})
    assert json.loads((folder / "status.json").read_text()) == {"pid": 2}
    file.remove()
    folder.rmdir()
    file.write({"pid": 3})
    assert len(caplog.records) == 2


def test_a_file_that_cannot_be_removed_is_left(tmp_path: Path) -> None:
    """As on a disk that the kernel has made read-only: else a clean stop would end with an error."""
    folder = tmp_path / "run"
    file = StatusFile(folder)
    folder.touch()
    file.remove()
    assert folder.exists()
