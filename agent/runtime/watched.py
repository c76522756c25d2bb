"""What the messages of devices add up to: the state behind `vedette watch`. Pure; it takes any junk for what it is."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from agent.publish.topics import ALL

MOST_EVENTS = 8
_FORGOTTEN = 5.0
"""Seconds after which a track that nobody mentions is not shown any more."""
_TOPIC = re.compile(r"(?:.*/)?vedette/1/([^/]+)/(.+)", re.DOTALL)


@dataclass(slots=True)
class WatchedTrack:
    """seen_at: time.monotonic() of the last message that had it."""

    track_id: int
    label: str
    confidence: float
    seen_at: float
    duration: float = 0.0
    zones: tuple[str, ...] = ()
    stationary: bool = False
    stale: bool = False


@dataclass(slots=True)
class WatchedCamera:
    """counts, occupied: by zone ("" for the whole picture) and label. lines: by id and label."""

    status: str = ""
    state: dict[str, Any] = field(default_factory=dict)
    counts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    occupied: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    lines: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tracks: dict[int, WatchedTrack] = field(default_factory=dict)
    unknown: str = ""
    rates: tuple[float, float] | None = None


@dataclass(slots=True)
class WatchedDevice:
    status: str = ""
    version: str = ""
    cameras: dict[str, WatchedCamera] = field(default_factory=dict)
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def camera(self, camera: str) -> WatchedCamera:
        return self.cameras.setdefault(camera, WatchedCamera())


class Watched:
    """events: the last of all devices, each as one line."""

    def __init__(self) -> None:
        self.devices: dict[str, WatchedDevice] = {}
        self.events: deque[str] = deque(maxlen=MOST_EVENTS)

    def hear(self, topic: str, payload: bytes, now: float) -> str | None:
        """Takes in one message. now: time.monotonic(). Returns a line for what is news, None for what is not."""
        match = _TOPIC.fullmatch(topic)
        if match is None:
            return None
        name, rest = match[1], match[2].split("/")
        device = self.devices.setdefault(name, WatchedDevice())
        try:
            news = _hear(device, rest, payload, now)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            return None  # not of this interface, or of a later version
        if news is None:
            return None
        line = f"{name} {news}"
        if rest == ["events"]:
            self.events.append(line)
        return line

    def forget_silent(self, now: float) -> None:
        """Tracks that are not mentioned any more; the event of their end may be on its way, or lost to us."""
        for device in self.devices.values():
            for camera in device.cameras.values():
                gone = [t for t, track in camera.tracks.items() if now - track.seen_at > _FORGOTTEN and not track.stale]
                for track in gone:
                    del camera.tracks[track]


def _hear(device: WatchedDevice, rest: list[str], payload: bytes, now: float) -> str | None:
    if rest == ["status"]:
        device.status = payload.decode()
        return device.status
    if rest == ["info"]:
        device.version = str(_object(payload)["version"])
    elif rest == ["health"]:
        _health(device, _object(payload))
    elif rest == ["events"]:
        return _event(device, _object(payload), now)
    elif rest[0] == "engine" and rest[2:] == ["status"]:
        return _engine(device, rest[1], payload)
    elif rest[0] == "alert" and len(rest) == 3:
        return _alert(device, "/".join(rest[1:]), payload)
    elif rest[0] == "cam" and len(rest) >= 3:
        return _camera(device.camera(rest[1]), rest[1], rest[2:], payload, now)
    return None


def _object(payload: bytes) -> dict[str, Any]:
    value = json.loads(payload)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _health(device: WatchedDevice, body: dict[str, Any]) -> None:
    for name, camera in body["cameras"].items():
        device.camera(name).rates = (float(camera["fps_in"]), float(camera["fps_inferred"]))


def _engine(device: WatchedDevice, engine: str, payload: bytes) -> str | None:
    if not payload:
        device.engines.pop(engine, None)
        return None
    body = device.engines[engine] = _object(payload)
    return f"{engine} {body['state']}" + (f": {body['cause']}" if body.get("cause") else "")


def _alert(device: WatchedDevice, subject: str, payload: bytes) -> str | None:
    if not payload:
        return f"alert {subject} is over" if device.alerts.pop(subject, None) else None
    body = device.alerts[subject] = _object(payload)
    return f"alert {subject}: {body['text']}"


def _camera(camera: WatchedCamera, name: str, rest: list[str], payload: bytes, now: float) -> str | None:
    if rest == ["status"]:
        camera.status = payload.decode()
        return f"{name} {camera.status}"
    if rest == ["state"]:
        camera.state = _object(payload)
        return None
    if rest == ["detections"]:
        _detections(camera, _object(payload), now)
        return None
    if rest[0] == "line":
        return _told(camera.lines, (rest[1], rest[3]), payload, f"{name} line {rest[1]} {rest[3]}")
    return _place(camera, name, rest, payload)


def _place(camera: WatchedCamera, name: str, rest: list[str], payload: bytes) -> str | None:
    """The whole picture, or a zone of it."""
    zone, (what, label) = (rest[1], rest[2:4]) if rest[0] == "zone" else ("", rest[:2])
    values = {"count": camera.counts, "occupancy": camera.occupied}[what]
    return _told(values, (zone, label), payload, f"{name} {zone} {what} {label}".replace("  ", " "))


def _told(values: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str], payload: bytes, what: str) -> str | None:
    if not payload:
        values.pop(key, None)
        return None
    body = values[key] = _object(payload)
    if key[1] == ALL:  # the labels' own lines say it already
        return None
    said = ", ".join(
        f"{name} {value}" for name, value in body.items() if name not in {"at", "since"} and value is not False
    )
    return f"{what}: {said}"


def _detections(camera: WatchedCamera, body: dict[str, Any], now: float) -> None:
    camera.unknown = "" if body["inferred"] else str(body.get("reason", "unknown"))
    for seen in body.get("detections", ()):
        if (number := seen["track_id"]) is not None:
            track = _track(camera, int(number), str(seen["label"]), now)
            track.confidence = float(seen["confidence"])


def _track(camera: WatchedCamera, number: int, label: str, now: float) -> WatchedTrack:
    track = camera.tracks.setdefault(number, WatchedTrack(number, label, 0.0, now))
    track.seen_at = now
    return track


def _event(device: WatchedDevice, body: dict[str, Any], now: float) -> str | None:
    kind, data = str(body["type"]).removeprefix("vedette."), body["data"]
    camera = str(body["source"]).split("/")[2] if str(body["source"]).count("/") >= 2 else ""
    line = f"{body['time'][11:19]} {camera} {kind}".replace("  ", " ")
    if "track_id" not in data:
        return f"{line} {data.get('status') or data.get('text') or ''}".rstrip()
    tracks = device.camera(camera).tracks
    if kind == "track.ended":
        tracks.pop(int(data["track_id"]), None)
    elif not body["historical"]:
        track = _track(device.camera(camera), int(data["track_id"]), str(data["label"]), now)
        track.confidence, track.duration = float(data["confidence"]), float(data["duration"])
        track.zones = tuple(str(zone["zone"]) for zone in data["zones"])
        track.stationary, track.stale = bool(data["stationary"]), bool(data.get("stale"))
    if kind == "track.updated":
        return None
    own = [data.get("zone"), data.get("line"), data.get("direction"), data.get("end_reason")]
    return " ".join(filter(None, [line, str(data["label"]), f"#{data['track_id']}", *own]))
