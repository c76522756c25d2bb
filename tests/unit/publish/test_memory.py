"""Which retained topics were ever published, kept over a disk that fails for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.memory import RETRY_S, Memory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_could_not_be_written_is_written_once_the_disk_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "away" / "retained.json"
    memory = Memory(path)
    memory.add("a")
    memory.save(0.0)
    path.parent.mkdir()
    memory.save(RETRY_S / 2)
    assert not path.exists(), "not with each message"
    memory.save(RETRY_S)
    assert Memory(path).topics() == ("a",)
    assert caplog.text.count("cannot write") == 1
