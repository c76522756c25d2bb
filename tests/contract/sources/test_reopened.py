"""One camera's life over sources that take each other's place: its frames and its time go on."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.capture.delivery import Delivery
from agent.capture.source import SourceError, SourceInfo
from agent.config.model import CameraConfig
from tests.contract.sources.conftest import FRAMES
from tests.contract.sources.watch import Watch, watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.capture.source import Decoded


def of(path: Path) -> CameraConfig:
    return CameraConfig("cam", str(path), "file", pace="max")


def played(watch: Watch) -> None:
    assert len(watch.frames(1000)) == FRAMES
    watch.camera.stop()


def assert_goes_on(watch: Watch) -> None:
    (frame,) = watch.frames(1)
    assert frame.index == FRAMES
    assert frame.media_time == pytest.approx(FRAMES / 25)


def test_one_that_never_delivered_is_no_new_beginning(h264: Path, tmp_path: Path) -> None:
    with watching(of(h264)) as first:
        played(first)
        with watching(of(tmp_path / "none.mp4"), after=first.camera) as between:
            between.until("offline")
            between.camera.stop()
            with watching(of(h264), after=between.camera) as last:
                assert_goes_on(last)


def test_nor_is_one_whose_place_was_taken_before_its_first_picture(h264: Path, tmp_path: Path) -> None:
    with watching(of(h264)) as first:
        played(first)
        with watching(of(tmp_path / "none.mp4"), trial=True) as between:
            between.camera.take_over(first.camera)
            between.camera.stop()
            with watching(of(h264), trial=True) as last:
                last.camera.take_over(between.camera)
                assert_goes_on(last)


class Silent:
    """A source without a picture, whose read ends when it is interrupted."""

    info, corrupt = SourceInfo(), 0

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    def frames(self) -> Iterator[Decoded]:
        self.interrupted.wait(1)
        raise SourceError("silent")
        yield

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        pass


def test_a_read_that_took_too_long_does_not_interrupt_the_next_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at right when that one is there, and not yet read."""
    opened: list[Silent] = []
    interrupted: list[bool] = []

    def open_silent(*_: object) -> Silent:
        opened.append(Silent())
        return opened[-1]

    monkeypatch.setattr("agent.capture.camera.open_source", open_silent)
    with watching(CameraConfig("cam", "rtsp://camera/live", "rtsp")) as watch:

        def look(_: Delivery) -> None:
            watch.camera.poll(time.monotonic() + 100)
            interrupted.append(opened[-1].interrupted.is_set())

        monkeypatch.setattr(Delivery, "restart", look)
        watch.wait(lambda: len(interrupted) > 1)
    assert not any(interrupted[:2])
