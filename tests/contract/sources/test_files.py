from __future__ import annotations

import logging
import os
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING

import av
import pytest
from av.stream import Disposition

from agent.config.model import CameraConfig
from tests.contract.sources.conftest import FRAMES, write_image
from tests.contract.sources.watch import watching
from tests.support.clips import scene, write_clip
from tests.support.counter import read_counter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fast(path: Path, kind: str = "file", **more: object) -> CameraConfig:
    return CameraConfig("cam", str(path), kind, pace="max", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("clip", "kind"), [("h264", "file"), ("h265", "file"), ("images", "folder")])
def test_pace_max_loses_no_frame_and_ends(clip: str, kind: str, request: pytest.FixtureRequest) -> None:
    with watching(fast(request.getfixturevalue(clip), kind)) as watch:
        frames = watch.frames(1000)
    assert [read_counter(frame.picture.y) for frame in frames] == list(range(FRAMES))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert frames[-1].media_time == pytest.approx((FRAMES - 1) / 25)
    assert watch.states == ["connecting", "online", "ended"]
    assert sum(watch.camera.mailbox.dropped.values()) == 0


@pytest.mark.parametrize(("clip", "kind"), [("h264", "file"), ("images", "folder")])
def test_loops_go_on_counting(clip: str, kind: str, request: pytest.FixtureRequest) -> None:
    with watching(fast(request.getfixturevalue(clip), kind, loop=True)) as watch:
        frames = watch.frames(2 * FRAMES + 5)
    assert [frame.index for frame in frames] == list(range(2 * FRAMES + 5))
    assert [read_counter(frame.picture.y) for frame in frames] == [at % FRAMES for at in range(2 * FRAMES + 5)]
    steps = [later.media_time - earlier.media_time for earlier, later in pairwise(frames)]
    assert steps == pytest.approx([0.04] * len(steps))
    assert watch.states == ["connecting", "online"]


def test_realtime_delivers_no_frame_before_it_is_due(h264: Path) -> None:
    with watching(CameraConfig("cam", str(h264), "file")) as watch:
        frames = watch.frames(1000)
    span = frames[-1].monotonic - frames[0].monotonic
    assert span >= frames[-1].media_time - frames[0].media_time - 0.05
    assert watch.states == ["connecting", "online", "ended"]


def test_a_truncated_file_plays_to_its_cut_and_ends(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.ts", scene(320, 240), frames=FRAMES)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with watching(fast(cut)) as watch:
        frames = watch.frames(1000)
    assert 10 < len(frames) < FRAMES
    assert watch.states == ["connecting", "online", "ended"]


def test_damage_is_counted_and_the_camera_goes_on(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", scene(320, 240), frames=FRAMES, codec="mpeg4")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    for at in range(middle, middle + len(data) // 8):
        data[at] = at * 7 & 0xFF
    path.write_bytes(data)
    with watching(fast(path)) as watch:
        frames = watch.frames(1000)
    assert read_counter(frames[-1].picture.y) == FRAMES - 1, "it stopped at the damage"
    assert watch.camera.corrupt > 0
    assert watch.states == ["connecting", "online", "ended"]


@pytest.mark.parametrize("name", ["clip.avi", "clip.asf", "clip.mp4", "clip.ts", "clip.mkv"])
@pytest.mark.parametrize("loop", [False, True])
def test_b_pictures_do_not_slow_the_time_down(name: str, loop: bool, tmp_path: Path) -> None:
    options = {"tune": "film", "preset": "medium", "x264-params": "bframes=3:b-adapt=0"}
    clip = write_clip(tmp_path / name, scene(320, 240), frames=FRAMES, options=options)
    with watching(fast(clip, loop=loop)) as watch:
        frames = watch.frames(2 * FRAMES if loop else 1000)
    times = [frame.media_time for frame in frames]
    late = 0.1  # until the first step back tells
    assert times[FRAMES - 1] == pytest.approx((FRAMES - 1) / 25, abs=late)
    assert times[-1] == pytest.approx((len(frames) - 1) / 25, abs=2 * late)
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.13


def test_a_hole_in_a_transport_stream_is_jumped_over(tmp_path: Path) -> None:
    """As where a recorder's disk was full for a moment."""
    whole = write_clip(tmp_path / "whole.ts", scene(320, 240), frames=FRAMES).read_bytes()
    middle = len(whole) // 2 // 188 * 188
    clip = tmp_path / "clip.ts"
    clip.write_bytes(whole[:middle] + bytes(400_000) + whole[middle:])
    with watching(fast(clip)) as watch:
        frames = watch.frames(1000)
    assert read_counter(frames[-1].picture.y) == FRAMES - 1, "it stopped at the hole"
    assert watch.camera.corrupt > 0
    assert watch.states == ["connecting", "online", "ended"]


def test_a_change_of_resolution_is_followed_and_announced(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.ts", scene(320, 240), frames=10)
    large = write_clip(tmp_path / "large.ts", scene(640, 480), frames=10, first=10)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with watching(fast(both)) as watch:
        frames = watch.frames(1000)
    assert [read_counter(frame.picture.y) for frame in frames] == list(range(20))
    assert [frame.width for frame in frames] == [320] * 10 + [640] * 10
    sizes = [(status.width, status.height) for status in watch.statuses if status.state == "online"]
    assert list(dict.fromkeys(sizes)) == [(320, 240), (640, 480)]
    assert watch.states == ["connecting", "online", "ended"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is not a video"), (b"not a video\n" * 500, "is not a video"), (bytes(20_000), "is not a video")],
    ids=["empty", "text", "zeros"],
)
def test_a_file_that_is_no_video_is_offline_and_tried_again(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with watching(fast(path)) as watch:
        status = watch.until("offline")
        assert says in status.error
        assert str(path) in status.error
        write_clip(path, scene(320, 240), frames=10)
        assert len(watch.frames(1000)) == 10


def boxes(data: bytes) -> Iterator[bytes]:
    """Of an MP4 file, or of what is in one of its boxes."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at : at + size]
        at += size


def test_a_cover_is_not_the_video(tmp_path: Path) -> None:
    """Written behind the video, as FFmpeg does, and before it, as others do."""
    behind, before = tmp_path / "behind.mp4", tmp_path / "before.mp4"
    with av.open(str(behind), "w") as container:
        video, cover = container.add_stream("libx264", rate=25), container.add_stream("mjpeg", rate=25)
        video.width, video.height = cover.width, cover.height = 320, 240
        cover.pix_fmt, cover.disposition = "yuvj420p", Disposition.attached_pic
        for number, picture in enumerate(islice(scene(320, 240), 20)):
            if not number:
                container.mux(cover.encode(picture.reformat(format="yuvj420p")))
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    *first, last = boxes(behind.read_bytes())
    assert last[4:8] == b"moov"
    head, *tracks, cover_art = boxes(last[8:])
    assert cover_art[4:8] == b"udta"
    before.write_bytes(b"".join([*first, last[:8], head, cover_art, *tracks]))
    for clip in behind, before:
        with watching(fast(clip)) as watch:
            assert len(watch.frames(1000)) == 20


def test_an_audio_file_has_no_video(tmp_path: Path) -> None:
    import wave

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(bytes(16000))
    with watching(fast(path)) as watch:
        assert "no video" in watch.until("offline").error


def test_unreadable_images_are_skipped_and_counted(tmp_path: Path) -> None:
    first, second = chain.from_iterable([next(scene(320, 240))] for _ in range(2))
    write_image(tmp_path / "1.jpg", first)
    (tmp_path / "2.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (tmp_path / "3.png").write_bytes(b"")
    (tmp_path / "4.bmp").mkdir()
    film = write_clip(tmp_path / "film.avi", scene(320, 240), frames=2, codec="mjpeg")
    (tmp_path / "5.jpg").write_bytes(film.read_bytes().replace(b"MJPG", b"XQZ9"))  # in which nobody knows the codec
    (tmp_path / "notes.txt").write_text("not an image")
    write_image(tmp_path / "10.png", second)
    with watching(fast(tmp_path, "folder")) as watch:
        frames = watch.frames(10)
    assert len(frames) == 2
    assert watch.camera.corrupt == 4
    assert watch.states == ["connecting", "online", "ended"]


def test_the_images_of_a_folder_come_at_its_fps(tmp_path: Path) -> None:
    for number in range(4):
        write_image(tmp_path / f"{number}.jpg", next(scene(320, 240)))
    with watching(CameraConfig("cam", str(tmp_path), "folder", fps=5)) as watch:
        frames = watch.frames(10)
    assert [frame.media_time for frame in frames] == pytest.approx([0, 0.2, 0.4, 0.6])
    assert frames[-1].monotonic - frames[0].monotonic >= 0.55


def test_an_image_that_is_still_being_written_is_none(tmp_path: Path) -> None:
    """FFmpeg would hand it out, grey from where it ends: as if nobody stood there."""
    write_image(tmp_path / "1.jpg", next(scene(320, 240)))
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.jpg").write_bytes(whole[:-2])
    with watching(fast(tmp_path, "folder")) as watch:
        frames = watch.frames(10)
    assert len(frames) == 2
    assert watch.camera.corrupt == 1


def test_a_title_in_another_alphabet_is_no_obstacle(tmp_path: Path) -> None:
    plain, clip = (
        write_clip(tmp_path / "plain.avi", scene(320, 240), frames=FRAMES, codec="mjpeg"),
        tmp_path / "clip.avi",
    )
    with av.open(str(plain)) as source, av.open(str(clip), "w") as target:
        target.metadata["title"] = "Uberwachung"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    clip.write_bytes(clip.read_bytes().replace(b"Uberwachung", b"\xdcberwachung"))
    with watching(fast(clip)) as watch:
        assert len(watch.frames(1000)) == FRAMES


def test_a_named_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with watching(fast(tmp_path / "pipe", timeout=1)) as watch:
        assert "is no regular file" in watch.until("offline").error


def test_a_named_pipe_among_images_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.jpg")
    write_image(tmp_path / "2.jpg", next(scene(320, 240)))
    with watching(fast(tmp_path, "folder")) as watch:
        assert len(watch.frames(10)) == 1
    assert watch.camera.corrupt == 1


def test_an_empty_folder_is_offline_and_says_what_to_put_there(tmp_path: Path) -> None:
    with watching(fast(tmp_path, "folder")) as watch:
        assert ".jpg" in watch.until("offline").error
        write_image(tmp_path / "1.jpg", next(scene(320, 240)))
        assert len(watch.frames(10)) == 1


def test_a_hardware_decoder_that_is_not_there_falls_back_and_says_so(
    h264: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The success of a hardware decoder is not proven here: no machine of CI has one."""
    caplog.set_level(logging.INFO)
    with watching(fast(h264, hwaccel="vulkan")) as watch:
        assert len(watch.frames(1000)) == FRAMES
    assert watch.statuses[-1].decoder.startswith("h264 software (vulkan: ")
    assert len([record for record in caplog.records if "vulkan" in record.getMessage()]) == 1
