"""MJPEG over HTTP as cameras send it, not as FFmpeg would like to have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.capture import stream
from agent.capture.source import SourceError
from agent.config.model import CameraConfig
from tests.contract.sources.watch import watching
from tests.support.clips import scene, write_clip
from tests.support.counter import read_counter
from tests.support.parts import jpegs, part_server

if TYPE_CHECKING:
    from pathlib import Path

TYPED = b"Content-Type: image/jpeg\r\n"


def test_what_looks_like_a_boundary_within_a_picture_breaks_that_picture_only(tmp_path: Path) -> None:
    """Without lengths FFmpeg finds an end in it, and then an error in each line up to the next part."""
    pictures = jpegs(write_clip(tmp_path / "clip.avi", scene(640, 480), frames=20, codec="mjpeg"))
    random = np.random.default_rng(0).integers(0, 256, 60_000, np.uint8).tobytes()
    pictures[10] = pictures[10][:3000] + b"\r\n--" + random.replace(b"\n", b"\n\n") + pictures[10][3000:]
    assert pictures[10].count(b"\n") > 2 * stream.MOST_ERRORS
    with part_server(pictures, TYPED) as url, watching(CameraConfig("cam", url, "http")) as watch:
        frames = watch.frames(40)
        assert watch.states == ["connecting", "online"]
        assert watch.camera.corrupt > stream.MOST_ERRORS
    # Some may have been overtaken by newer ones; those behind it are there.
    assert {read_counter(frame.picture.y) for frame in frames} & set(range(11, 20))


@pytest.mark.parametrize(
    "head",
    [b"Content-Type: image/jpg\r\n", b"Content-Type: image/jpeg; charset=binary\r\n", b""],
    ids=["jpg", "more", "none"],
)
@pytest.mark.parametrize("sized", [True, False])
def test_parts_may_be_called_what_they_like(head: bytes, sized: bool, tmp_path: Path) -> None:
    pictures = jpegs(write_clip(tmp_path / "clip.avi", scene(320, 240), frames=20, codec="mjpeg"))
    with part_server(pictures, head, sized=sized) as url, watching(CameraConfig("cam", url, "http")) as watch:
        frames = watch.frames(30)
        assert watch.states == ["connecting", "online"]
    counters = [read_counter(frame.picture.y) for frame in frames]
    assert counters == [((counters[0] or 0) + frame.index - frames[0].index) % 20 for frame in frames]


def test_one_in_which_nothing_is_a_picture_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.capture.source.STARVED", 0.5)
    pictures = jpegs(write_clip(tmp_path / "clip.avi", scene(320, 240), frames=2, codec="mjpeg"))
    with part_server([pictures[0], b"\r\n--" + b"no picture\r\n" * 200_000], TYPED) as url:
        source = stream.StreamSource(CameraConfig("cam", url, "http"), lambda: False)
        with pytest.raises(SourceError, match="no picture could be decoded"):
            list(source.frames())
        source.close()
