"""The daemon is killed in the middle of a write into the outbox: in a commit, a checkpoint, the making of the file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import torn

if TYPE_CHECKING:
    from pathlib import Path

EVERY = 3
"""Odd, as SQLite writes a page's header and the page in turns."""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed (apt install gcc)")
def test_whatever_write_is_torn_what_was_committed_is_there(tmp_path: Path) -> None:
    found = torn.play(tmp_path, EVERY)
    assert [each["ended"] for each in found] == [False] * (len(found) - 1) + [True]
    assert len(found) > 40
    assert len({each["committed"] for each in found}) > len(torn.BATCHES) // 2, "some commits were not torn"
    for each in found:
        assert not each["faults"], each
        assert each["epoch_kept"] in {True, None}, each
        kept = each["next"] - 1
        assert kept >= each["committed"], each
        assert kept in {sum(torn.BATCHES[:n]) for n in range(len(torn.BATCHES) + 1)}, "a commit is there in part"
        assert each["answered_found"] >= each["answered"], each
        assert each["waiting"] == list(range(each["answered_found"] + 1, kept + 1)), each
