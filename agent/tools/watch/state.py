"""What the messages of devices add up to: the state behind `vedette watch`. Pure.

Whoever may publish can send anything, so all of it is bounded, and what is not of the interface is passed over.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

MOST_EVENTS = 8
MOST = 1000
"""Devices, and things of one kind in each; more than that are not shown."""
_LONGEST_TOPIC = 512
_TOPIC = re.compile(r"(?:.*/)?vedette/1/([^/]+)/(.+)", re.DOTALL)
FORGOTTEN_LOOKS, FORGOTTEN_SECONDS = 10, 5.0
"""After both, a track that was not seen is not shown: it had no event of its end, or that was lost."""

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(slots=True)
class WatchedTrack:
    """Clocks are time.monotonic() here. seen_at: of the last message that had it; look: its camera's looks then.

    duration: seconds since it was first seen, as told at told_at. zones: seconds in each it has been in; inside: those
    it is in now.
    """

    track_id: int
    label: str
    seen_at: float
    told_at: float
    look: int = 0
    confidence: float = 0.0
    duration: float = 0.0
    zones: dict[str, float] = field(default_factory=dict)
    inside: set[str] = field(default_factory=set)
    stationary: bool = False
    stale: bool = False

    def age(self, now: float) -> float:
        return self.duration + max(0.0, now - self.told_at)


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    stale: bool


@dataclass(frozen=True, slots=True)
class Occupancy:
    occupied: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class Crossings:
    into: int
    out: int


@dataclass(slots=True)
class WatchedCamera:
    """counts, occupancies: by zone ("" for the whole picture) and label. crossings: by line and label.

    unknown: why the last frame was not inferred, empty if it was. looks: messages of frames that were.
    rates: frames a second, in and inferred.
    """

    status: str = ""
    model: str = ""
    engine: str = ""
    unknown: str = ""
    looks: int = 0
    rates: tuple[float, float] | None = None
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    occupancies: dict[tuple[str, str], Occupancy] = field(default_factory=dict)
    crossings: dict[tuple[str, str], Crossings] = field(default_factory=dict)
    tracks: dict[int, WatchedTrack] = field(default_factory=dict)

    def track(self, number: int, label: str, now: float) -> WatchedTrack:
        """A new one if it is not known."""
        track = self.tracks.get(number)
        if track is None:
            track = keep(self.tracks, number, WatchedTrack(number, label, now, now))
        track.seen_at, track.look = now, self.looks
        return track


@dataclass(slots=True)
class WatchedDevice:
    """engines: state and, if there is one, its cause. alerts: text by code and subject."""

    status: str = ""
    version: str = ""
    cameras: dict[str, WatchedCamera] = field(default_factory=dict)
    engines: dict[str, tuple[str, str]] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)

    def camera(self, camera: str) -> WatchedCamera:
        return self.cameras.get(camera) or keep(self.cameras, camera, WatchedCamera())


@dataclass(slots=True)
class Watched:
    """devices: by their ids. events: the last of all of them, each as one line."""

    devices: dict[str, WatchedDevice] = field(default_factory=dict)
    events: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_EVENTS))

    def device(self, device: str) -> WatchedDevice:
        return self.devices.get(device) or keep(self.devices, device, WatchedDevice())

    def forget_gone(self, now: float) -> None:
        """Tracks of whose end nobody told: others have been seen since, or the device is no longer there.

        A camera that is gated, or stalled, has not looked; its tracks stay.
        """
        for device in self.devices.values():
            for camera in device.cameras.values():
                if device.status == "offline":
                    camera.tracks.clear()
                else:
                    camera.tracks = {n: track for n, track in camera.tracks.items() if not _gone(track, camera, now)}


def address(topic: str) -> tuple[str, list[str]] | None:
    """The device, and the levels below its root. None: not of this interface."""
    match = _TOPIC.fullmatch(topic) if len(topic) <= _LONGEST_TOPIC else None
    return None if match is None else (match[1], match[2].split("/"))


def keep(values: dict[_K, _V], key: _K, value: _V) -> _V:
    """Beyond MOST it is only returned."""
    if key in values or len(values) < MOST:
        values[key] = value
    return value


def _gone(track: WatchedTrack, camera: WatchedCamera, now: float) -> bool:
    looks, seconds = camera.looks - track.look, now - track.seen_at
    return not track.stale and looks >= FORGOTTEN_LOOKS and seconds >= FORGOTTEN_SECONDS
