"""The bytes of `events`: CloudEvents 1.0 in structured JSON. Pure.

What a dispatch thread hands over is plain data (`Event`); the words are made on the outbox's thread, where the
event gets its number. Whether it is historical is only known when it is sent: see `as_historical`.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and formats/json-format.md
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.publish.clock import clock_word, isotime
from agent.publish.detections import quoted
from agent.publish.payloads import compact, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent.publish.jpeg import Picture
    from agent.publish.payloads import CameraStatus, Severity

HISTORICAL_AFTER_S = 5.0

_HEAD = '{"specversion":"1.0","id":"%s","source":%s,"type":%s,"time":"%s","datacontenttype":"application/json",'
_NUMBERS = '"seq":%d,"epoch":"%s","historical":false,"data":'
_BOX = "[%.5f,%.5f,%.5f,%.5f]"
_POINT = "[%.2f,%.4f,%.4f]"
_LIVE, _HISTORICAL = b'"historical":false', b'"historical":true'


@dataclass(frozen=True, slots=True)
class TrackData:
    """A track as an event tells of it; the fields are those of the interface.

    uid: see `track_uid`. box: x1, y1, x2, y2 in 0..1 of the whole picture. first_seen, last_seen: wall clock.
    duration: seconds. zones: id and seconds in each. lines: id and direction of each crossing. path: seconds since
    first seen and foot point, oldest first. frame: width and height of the picture. What is not finite becomes null.
    zone, seconds: of zone events. line, direction: of line events. end_reason: of the end.
    """

    uid: str
    track_id: int
    label: str
    class_id: int
    confidence: float
    best_confidence: float
    box: tuple[float, float, float, float]
    first_seen: float
    last_seen: float
    duration: float
    stationary: bool
    stale: bool
    zones: Sequence[tuple[str, float]]
    lines: Sequence[tuple[str, str]]
    path: Sequence[tuple[float, float, float]]
    frame: tuple[int, int]
    model: str
    model_rev: str
    zone: str = ""
    seconds: float = 0.0
    line: str = ""
    direction: str | None = None
    end_reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What happened, before it has a number.

    type: `vedette.track.started` and so on. camera: empty where it is the device's own. at: wall clock, seconds
    since the epoch; synced: whether that clock can be believed. data: of the track, or any that JSON has words for.
    picture: to be published with it. happened: the instant `at` on time.monotonic(), by which its age is told.
    worded: `data` is that of an event which was told: its numbers have their decimals.
    """

    type: str
    at: float
    synced: bool
    data: TrackData | Mapping[str, Any]
    camera: str = ""
    picture: Picture | None = None
    happened: float = field(default_factory=time.monotonic)
    worded: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """Where an event stands: epoch and seq make its id, the same whenever it is sent again."""

    epoch: str
    seq: int

    @property
    def id(self) -> str:
        return f"{self.epoch}-{self.seq}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The picture of an event, as the event names it. topic: below the device's root. sha256: hex, of its bytes."""

    topic: str
    sha256: str


def track_uid(epoch: str, track_id: int) -> str:
    """epoch: the outbox's when the track began; it must be kept for the track's life."""
    return f"{epoch}-{track_id}"


def event_message(event: Event, number: Numbered, device: str, snapshot: Snapshot | None = None) -> bytes:
    """The message as it is sent at once; `as_historical` makes the one that is sent late."""
    source = f"vedette/{device}/{event.camera}" if event.camera else f"vedette/{device}"
    head = _HEAD % (number.id, quoted(source), quoted(event.type), isotime(event.at))
    numbers = _NUMBERS % (number.seq, number.epoch)
    if isinstance(event.data, TrackData):
        data = _track(event.data, event, snapshot)
    else:
        body = {**event.data, "clock": clock_word(event.synced)}
        if snapshot is not None:
            body["snapshot"] = snapshot
        data = compact(body if event.worded else plain(body))
    return f"{head}{numbers}{data}}}".encode(errors="replace")


def as_historical(message: bytes) -> bytes:
    """The same event, sent more than 5 s after it happened. What stands before the flag holds no quotes of ours."""
    return message.replace(_LIVE, _HISTORICAL, 1)


def camera_status_event(camera: str, status: CameraStatus, error: str | None, at: float, *, synced: bool) -> Event:
    """error: why it is not online, redacted; None otherwise."""
    return Event("vedette.camera.status", at, synced, {"status": status, "error": error}, camera)


def alert_event(
    code: str,
    subject: str,
    severity: Severity,
    text: str,
    hint: str,
    since: float,
    at: float,
    *,
    raised: bool,
    synced: bool,
) -> Event:
    """An alert is raised, or cleared. subject: a camera id, an engine id or `device`. since: of its raising."""
    kind = "vedette.alert.raised" if raised else "vedette.alert.cleared"
    body = {"code": code, "subject": subject, "severity": severity, "text": text, "hint": hint, "since": isotime(since)}
    return Event(kind, at, synced, body)


def agent_started_event(
    version: str, boot_id: str, last_exit: str | None, lines: Sequence[str], at: float, *, synced: bool
) -> Event:
    """last_exit: how the run before ended, None when not known. lines: its last ones, where it did not end well."""
    body = {"version": version, "boot_id": boot_id, "last_exit": last_exit, "last_lines": list(lines)}
    return Event("vedette.agent.started", at, synced, body)


def command_event(
    command: str,
    outcome: str,
    error: tuple[str, str] | None,
    arguments: Mapping[str, Any],
    source: str | None,
    suppressed: int,
    at: float,
    *,
    synced: bool,
) -> Event:
    """A command was executed or refused. outcome: the reply's status; error: its code and text.

    arguments: of one that was executed, fit to be shown. source: the topic on which the answer was wanted.
    suppressed: events of this kind that were left out since the last one, in a flood.
    """
    code, text = error or (None, None)
    body = {"command": command, "outcome": outcome, "code": code, "text": text, "arguments": arguments}
    return Event("vedette.command.executed", at, synced, {**body, "source": source, "suppressed": suppressed})


def config_event(
    state: str,
    running_hash: str,
    origin: str,
    changed: Sequence[str],
    errors: Sequence[Mapping[str, Any]],
    at: float,
    *,
    synced: bool,
) -> Event:
    """A config was taken over, refused or taken back. state, running_hash, errors: as in `config/status`.

    origin: `file`, `remote`, or `command` for what was set by one. changed: keys, cameras by their ids.
    """
    body = {"state": state, "running_hash": running_hash, "origin": origin, "changed": changed, "errors": errors}
    return Event("vedette.config.changed", at, synced, body)


def gap_event(first: int, last: int, count: int, cause: str, epoch: str, at: float, *, synced: bool) -> Event:
    """Events that will never come: `count` of those numbered `first` to `last` in `epoch`."""
    body = {"from": first, "to": last, "count": count, "cause": cause, "epoch": epoch}
    return Event("vedette.gap", at, synced, body)


def _track(t: TrackData, event: Event, snapshot: Snapshot | None) -> str:
    parts = [
        f'{{"track_uid":{json.dumps(t.uid)},"track_id":{t.track_id:d},"label":{quoted(t.label)},"class_id":{t.class_id:d}',
        f'"confidence":{_number(t.confidence, 4)},"best_confidence":{_number(t.best_confidence, 4)}',
        f'"box":{_box(t.box)},"first_seen":"{isotime(t.first_seen)}","last_seen":"{isotime(t.last_seen)}"',
        f'"duration":{_number(t.duration, 3)},"stationary":{_flag(t.stationary)},"stale":{_flag(t.stale)}',
        f'"zones":[{_zones(t.zones)}],"lines":[{_lines(t.lines)}],"path":[{_path(t.path)}]',
    ]
    if t.zone:
        parts.append(f'"zone":{quoted(t.zone)},"seconds":{_number(t.seconds, 3)}')
    if t.line:
        direction = "null" if t.direction is None else quoted(t.direction)
        parts.append(f'"line":{quoted(t.line)},"direction":{direction}')
    parts += (
        f'"frame":{{"width":{t.frame[0]:d},"height":{t.frame[1]:d}}}',
        '"snapshot":null' if snapshot is None else f'"snapshot":{_snapshot(snapshot)}',
        f'"model":{quoted(t.model)},"model_rev":{quoted(t.model_rev)},"clock":"{clock_word(event.synced)}"',
    )
    if t.end_reason is not None:
        parts.append(f'"end_reason":{quoted(t.end_reason)}')
    return ",".join(parts) + "}"


def _snapshot(snapshot: Snapshot) -> str:
    return f'{{"topic":{json.dumps(snapshot.topic)},"sha256":"{snapshot.sha256}"}}'


def _box(box: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = box
    if not (0 <= x1 <= 1 and 0 <= y1 <= 1 and 0 <= x2 <= 1 and 0 <= y2 <= 1):
        if not all(map(math.isfinite, box)):
            return "null"
        x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    return _BOX % (x1, y1, x2, y2)


def _zones(zones: Iterable[tuple[str, float]]) -> str:
    return ",".join(f'{{"zone":{quoted(zone)},"seconds":{_number(seconds, 3)}}}' for zone, seconds in zones)


def _lines(lines: Iterable[tuple[str, str]]) -> str:
    return ",".join(f'{{"line":{quoted(line)},"direction":{quoted(direction)}}}' for line, direction in lines)


def _path(path: Sequence[tuple[float, float, float]]) -> str:
    text = ",".join([_POINT % point for point in path])
    if "n" in text:  # nan, inf
        text = ",".join(f"[{_number(t, 2)},{_number(x, 4)},{_number(y, 4)}]" for t, x, y in path)
    return text


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "null"


def _flag(value: bool) -> str:
    return "true" if value else "false"
