"""From a camera's pictures to frames in its mailbox: stamped with both clocks, numbered, and paced where a file is."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from agent.capture.frame import Frame
from agent.capture.opening import motion_watch
from agent.capture.timeline import Cadence, Pacer, Timeline

if TYPE_CHECKING:
    import threading

    from agent.capture.mailbox import Mailbox
    from agent.capture.source import Decoded, SourceInfo
    from agent.config.model import CameraConfig

log = logging.getLogger("vedette.capture")

USUAL_RATE = 25.0
TELL_S = 60.0
LOOK = 0.2
"""Seconds between two looks at `halt` while the mailbox is full."""


class Place(NamedTuple):
    """How many frames a camera has made, and where its time has come to."""

    frames: int
    timeline: Timeline


class Delivery:
    """Belongs to the camera's thread, but for `change`. halt: set while the camera is not wanted; then nothing waits.

    frames: how many were made. last_at: time.monotonic() of the last one, None before the first.
    """

    def __init__(self, config: CameraConfig, mailbox: Mailbox, halt: threading.Event) -> None:
        self.frames = 0
        self.last_at: float | None = None
        self._config = config
        self._mailbox = mailbox
        self._halt = halt
        self._timeline = Timeline(1 / USUAL_RATE, live=config.live)
        self._cadence = Cadence()
        self._pacer = Pacer() if not config.live and config.pace == "realtime" else None
        self._rotate: int = config.rotate
        self._watch = motion_watch(config, self._rotate)
        self._watches_otherwise = False
        self._skipped = 0
        self._tell_at = float("-inf")

    def change(self, config: CameraConfig) -> None:
        """From now on this holds, of motion. From any thread."""
        before, self._config = self._config, config
        if before.motion != config.motion:
            self._watches_otherwise = True  # after the config, which is read when this has been seen

    def restart(self) -> None:
        """The next picture comes from a source opened anew."""
        self._timeline.restart()
        self._cadence.restart()

    def expect(self, info: SourceInfo) -> None:
        """What the source says of the pictures that come."""
        rotate = turned(self._config.rotate, info)
        if rotate != self._rotate:
            self._rotate, self._watches_otherwise = rotate, True
        self._timeline.nominal = 1 / (info.fps or USUAL_RATE)

    @property
    def pause(self) -> float:
        """Seconds, the longest lately between two pictures; 0 before there are two."""
        return self._cadence.pause

    def note(self, arrived: float) -> None:
        """arrived: time.monotonic() of a picture, whatever becomes of it."""
        self._cadence.note(arrived)

    @property
    def place(self) -> Place:
        return Place(self.frames, self._timeline)

    def follow(self, place: Place) -> None:
        """Frames and time are counted on from there."""
        self.frames = max(self.frames, place.frames)
        self._timeline.follow(place.timeline)
        if self._pacer is not None:  # the step in time is none to wait for
            self._pacer = Pacer()

    def put(self, decoded: Decoded) -> None:
        """Waits until the picture is due, and until the mailbox takes it where none may be lost."""
        if self._watches_otherwise:
            self._watches_otherwise = False
            self._watch = motion_watch(self._config, self._rotate)
        config, watch, rotate = self._config, self._watch, self._rotate
        media_time = self._timeline.media_time(decoded.pts, decoded.arrived)
        monotonic = decoded.arrived
        if self._pacer is not None:
            self._halt.wait(self._pacer.delay(media_time, time.monotonic()))
            monotonic = time.monotonic()
        if decoded.skipped:
            self._mailbox.skip(decoded.skipped)
            self._tell_of(decoded.skipped)
        height, width = decoded.picture.y.shape
        width, height = rotated(width, height, rotate)
        frame = Frame(
            camera=config.id,
            index=self.frames,
            picture=decoded.picture,
            width=width,
            height=height,
            rotate=rotate,
            captured_at=time.time() - (time.monotonic() - monotonic),
            monotonic=monotonic,
            media_time=media_time,
            motion=None if watch is None else watch.look(decoded.picture.y, media_time),
        )
        self.frames += 1
        self.last_at = monotonic
        while not self._mailbox.put(frame, LOOK) and not self._halt.is_set():
            pass

    def _tell_of(self, skipped: int) -> None:
        """Once a minute at most: it goes on until somebody chooses another stream."""
        self._skipped += skipped
        if (now := time.monotonic()) >= self._tell_at:
            text = "decoding is slower than the camera sends: %d pictures left out, so that none is old; %s"
            log.warning(text, self._skipped, "choose a smaller stream", extra={"CAMERA": self._config.id})
            self._skipped, self._tell_at = 0, now + TELL_S


def turned(rotate: int, info: SourceInfo) -> int:
    """Degrees clockwise by which its pictures are to be turned: as the file wants it, and as the config does."""
    return (rotate + info.turn) % 360


def rotated(width: int, height: int, rotate: int) -> tuple[int, int]:
    return (height, width) if rotate in {90, 270} else (width, height)
