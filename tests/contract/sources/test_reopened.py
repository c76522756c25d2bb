"""One camera's life over sources that take each other's place: its frames and its time go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config.model import CameraConfig
from tests.contract.sources.conftest import FRAMES
from tests.contract.sources.watch import Watch, watching

if TYPE_CHECKING:
    from pathlib import Path


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
