from __future__ import annotations

import errno
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.capture import v4l2
from agent.capture.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_silent_camera_is_given_up_at_the_deadline(pipe: tuple[int, int]) -> None:
    with pytest.raises(SourceError, match=r"no picture for 0.1 s"):
        v4l2.readable(pipe[0], 0.1, lambda: False)


def test_a_picture_ends_the_wait(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")
    assert v4l2.readable(pipe[0], 5, lambda: False)


def test_a_stop_ends_the_wait(pipe: tuple[int, int]) -> None:
    answers = iter([False, True])
    assert not v4l2.readable(pipe[0], 5, lambda: next(answers))


def test_an_open_device_is_found_through_its_link(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    (tmp_path / "by-id").symlink_to("video0")
    assert v4l2.descriptor_of(str(tmp_path / "by-id")) is None
    with (tmp_path / "video0").open() as opened:
        assert v4l2.descriptor_of(str(tmp_path / "by-id")) == opened.fileno()


def slow(outcome: Exception | None) -> None:
    time.sleep(0.3)
    if outcome is not None:
        raise outcome


@pytest.mark.parametrize("outcome", [None, OSError(errno.EINVAL, "Invalid argument")])
def test_an_opening_that_takes_too_long_is_a_failure_whatever_ffmpeg_makes_of_it(
    tmp_path: Path, outcome: Exception | None
) -> None:
    with pytest.raises(SourceError, match=r"no picture for 0.1 s"), v4l2.opening(str(tmp_path), 0.1):
        slow(outcome)


def test_an_opening_in_time_keeps_its_own_outcome_and_leaves_no_timer(tmp_path: Path) -> None:
    with v4l2.opening(str(tmp_path), 5):
        pass
    with pytest.raises(OSError, match="busy"), v4l2.opening(str(tmp_path), 5):
        raise OSError(errno.EBUSY, "busy")
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
