"""A source that is tried while another serves: what a reload opens before it gives up the old one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.config.model import CameraConfig
from tests.contract.sources.conftest import FRAMES
from tests.contract.sources.watch import Watch, watching
from tests.support.brokers import wait_for
from tests.support.counter import read_counter
from tests.support.servers import MJPEG_URL, mjpeg_server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = pytest.mark.parametrize(("clip", "kind"), [("h264", "file"), ("images", "folder")])


@contextmanager
def trying(config: CameraConfig) -> Iterator[Watch]:
    """Once its first picture is there."""
    with watching(config, trial=True) as watch:
        watch.until("online")
        yield watch


@pytest.fixture
def old(h264: Path) -> Iterator[Watch]:
    """One that has served and is stopped."""
    with watching(CameraConfig("cam", str(h264), "file", pace="max")) as watch:
        watch.frames(1000)
        watch.camera.stop()
        yield watch


@FILES
@pytest.mark.parametrize("loop", [False, True])
def test_a_file_waits_with_its_first_picture(
    clip: str, kind: str, loop: bool, old: Watch, request: pytest.FixtureRequest
) -> None:
    """Longer than it lasts: 50 pictures at full speed are read in far less than a second."""
    config = CameraConfig("cam", str(request.getfixturevalue(clip)), kind, loop=loop)  # type: ignore[arg-type]
    with trying(config) as watch:
        time.sleep(1)
        assert watch.camera.status(time.monotonic()).state == "online"
        assert watch.camera.mailbox.peek() is None
        began = time.monotonic()
        watch.camera.take_over(old.camera)
        frames = watch.frames(FRAMES)
        assert loop or watch.until("ended")
    before = old.camera.frames
    assert read_counter(frames[0].picture.y) == 0
    assert frames[0].index == before == FRAMES
    assert frames[0].media_time == pytest.approx(FRAMES / 25)
    for frame in frames[1:]:
        assert read_counter(frame.picture.y) == (frame.index - before) % FRAMES
        assert frame.media_time == pytest.approx(frame.index / 25)
        assert frame.monotonic - began >= frame.media_time - frames[0].media_time - 0.05, "it was not due yet"


@FILES
def test_a_file_on_trial_ends_when_it_is_stopped(clip: str, kind: str, request: pytest.FixtureRequest) -> None:
    config = CameraConfig("cam", str(request.getfixturevalue(clip)), kind)  # type: ignore[arg-type]
    with trying(config) as watch:
        watch.camera.stop()
        assert watch.camera.join(3)
    assert watch.states == ["connecting", "online"]


def test_a_file_on_trial_rests_when_it_is_disabled_and_is_still_on_trial_afterwards(h264: Path, old: Watch) -> None:
    with trying(CameraConfig("cam", str(h264), "file")) as watch:
        watch.camera.enable(False)
        watch.until("disabled")
        watch.camera.enable(True)
        watch.until("online")
        assert watch.camera.frames == 0
        watch.camera.take_over(old.camera)
        assert read_counter(watch.frames(1)[0].picture.y) == 0


def test_a_camera_on_trial_is_read_on(mjpeg: Path, old: Watch) -> None:
    """What it showed before is no news."""
    with (
        serve(mjpeg_server(mjpeg, "--report"), MJPEG_URL) as server,
        trying(CameraConfig("cam", server.url, "http")) as watch,
    ):
        time.sleep(0.5)
        assert watch.camera.mailbox.peek() is None
        watch.camera.take_over(old.camera)
        (frame,) = watch.frames(1)
    assert (read_counter(frame.picture.y) or 0) > 3
    assert frame.index == old.camera.frames


def test_until_its_first_frame_it_has_delivered_what_those_before_it_did(tmp_path: Path, old: Watch) -> None:
    """Else the number falls to 0 and back, and thousands of frames seem to come in one second."""
    nothing = CameraConfig("cam", str(tmp_path / "not there"), "file")
    delivered = old.camera.frames
    assert delivered
    with watching(nothing, trial=True) as next_one, watching(nothing, trial=True) as last:
        assert next_one.camera.frames == 0
        next_one.camera.take_over(old.camera)
        last.camera.take_over(next_one.camera)
        assert next_one.camera.frames == last.camera.frames == delivered


def test_a_source_that_is_only_tried_does_not_put_the_camera_offline_in_the_log(
    tmp_path: Path, old: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    def said(words: str) -> list[bool]:
        """Of each such line, whether it belongs to an event."""
        return [hasattr(r, "EVENT") for r in caplog.records if r.getMessage().startswith(words)]

    with watching(CameraConfig("cam", str(tmp_path / "not there"), "file"), trial=True) as watch:
        watch.until("offline")
        assert (said("the new source does not work: "), said("offline: ")) == ([False], [])
        watch.camera.take_over(old.camera)
        wait_for(lambda: said("offline: ") == [True])


def test_one_that_rests_is_not_woken_by_its_place(h264: Path, old: Watch) -> None:
    with trying(CameraConfig("cam", str(h264), "file")) as watch:
        watch.camera.enable(False)
        watch.until("disabled")
        watch.camera.take_over(old.camera)
        time.sleep(0.2)
    assert watch.states == ["connecting", "online", "disabled"]
