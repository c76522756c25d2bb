"""One message of a device, taken into what is known of it. Pure; it takes any junk for what it is."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeVar

from agent.publish.topics import ALL
from agent.runtime.watch.state import Count, Crossings, Occupancy, address, keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.runtime.watch.state import Watched, WatchedCamera, WatchedDevice, WatchedTrack

    _Value = TypeVar("_Value", Count, Occupancy, Crossings)

_LONGEST = 300


def hear(watched: Watched, topic: str, payload: bytes, now: float) -> str | None:
    """Takes in one message. now: time.monotonic(). Returns a line for what is news, None for what is not."""
    found = address(topic)
    if found is None:
        return None
    name, rest = found
    try:
        news = _device(watched.device(name), rest, payload, now)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        return None  # not of this interface, or of a later version
    if news is None:
        return None
    line = f"{name} {news}"
    if rest == ["events"]:
        watched.events.append(line)
    return line


def _device(device: WatchedDevice, rest: list[str], payload: bytes, now: float) -> str | None:
    if rest == ["status"]:
        before, device.status = device.status, _word(payload)
        return None if before == device.status else device.status
    if rest == ["info"]:
        device.version = _text(_object(payload)["version"])
    elif rest == ["health"]:
        for name, camera in _map(_object(payload)["cameras"]).items():
            rates = (_number(camera["fps_in"]), _number(camera["fps_inferred"]))
            device.camera(name[:_LONGEST]).rates = rates
    elif rest == ["events"]:
        return _event(device, _object(payload), now)
    elif rest[0] == "engine" and rest[2:] == ["status"]:
        return _engine(device, rest[1], payload)
    elif rest[0] == "alert" and len(rest) == 3:
        return _alert(device, "/".join(rest[1:]), payload)
    elif rest[0] == "cam" and len(rest) >= 3:
        return _camera(device.camera(rest[1]), rest[1], rest[2:], payload, now)
    return None


def _engine(device: WatchedDevice, engine: str, payload: bytes) -> str | None:
    if not payload:
        device.engines.pop(engine, None)
        return None
    body = _object(payload)
    before, now = device.engines.get(engine), (_text(body["state"]), _text(body.get("cause") or ""))
    keep(device.engines, engine, now)
    return None if before == now else f"{engine} {': '.join(filter(None, now))}"


def _alert(device: WatchedDevice, subject: str, payload: bytes) -> str | None:
    if not payload:
        return f"alert {subject} is over" if device.alerts.pop(subject, None) is not None else None
    before, text = device.alerts.get(subject), _text(_object(payload)["text"])
    keep(device.alerts, subject, text)
    return None if before == text else f"alert {subject}: {text}"


def _camera(camera: WatchedCamera, name: str, rest: list[str], payload: bytes, now: float) -> str | None:
    if rest == ["status"]:
        before, camera.status = camera.status, _word(payload)
        return None if before == camera.status else f"{name} {camera.status}"
    if rest == ["state"]:
        body = _object(payload) if payload else {}
        camera.model, camera.engine = _text(body.get("model") or ""), _text(body.get("engine") or "")
    elif rest == ["detections"]:
        _detections(camera, _object(payload), now)
    elif rest[0] == "line" and rest[2:3] == ["count"] and len(rest) == 4:
        return _told(camera.crossings, (rest[1], rest[3]), payload, _crossings, f"{name} line {rest[1]} {rest[3]}")
    elif rest[0] == "zone" and len(rest) == 4:
        return _place(camera, rest[1], rest[2], rest[3], payload, f"{name} {rest[1]}")
    elif len(rest) == 2:
        return _place(camera, "", rest[0], rest[1], payload, name)
    return None


def _place(camera: WatchedCamera, zone: str, what: str, label: str, payload: bytes, where: str) -> str | None:
    """The whole picture, or a zone of it."""
    if what == "count":
        return _told(camera.counts, (zone, label), payload, _count, f"{where} count {label}")
    if what == "occupancy":
        return _told(camera.occupancies, (zone, label), payload, _occupancy, f"{where} occupancy {label}")
    return None


def _told(
    values: dict[tuple[str, str], _Value],
    key: tuple[str, str],
    payload: bytes,
    read: Callable[[dict[str, Any]], tuple[_Value, str]],
    what: str,
) -> str | None:
    before = values.get(key)
    if not payload:
        values.pop(key, None)
        return None
    value, words = read(_object(payload))
    keep(values, key, value)
    return None if before == value or key[1] == ALL else f"{what}: {words}"  # the labels' own lines say it already


def _count(body: dict[str, Any]) -> tuple[Count, str]:
    count = Count(_whole(body["count"]), _flag(body["stale"]))
    return count, f"{count.number}{' (stale)' * count.stale}"


def _occupancy(body: dict[str, Any]) -> tuple[Occupancy, str]:
    value = Occupancy(_flag(body["occupied"]), _flag(body["stale"]))
    return value, ("occupied" if value.occupied else "vacant") + " (stale)" * value.stale


def _crossings(body: dict[str, Any]) -> tuple[Crossings, str]:
    value = Crossings(_whole(body["in"]), _whole(body["out"]))
    return value, f"in {value.into} out {value.out}"


def _detections(camera: WatchedCamera, body: dict[str, Any], now: float) -> None:
    if not _flag(body["inferred"]):
        camera.unknown = _text(body["reason"])
        return
    camera.unknown = ""
    camera.looks += 1
    for seen in body["detections"]:
        if seen["track_id"] is not None:
            track = camera.track(_whole(seen["track_id"]), _text(seen["label"]), now)
            track.confidence, track.stale = _number(seen["confidence"]), False


def _event(device: WatchedDevice, body: dict[str, Any], now: float) -> str | None:
    kind, data = _text(body["type"]).removeprefix("vedette."), _map(body["data"])
    camera = [*_text(body["source"]).split("/"), "", ""][2]
    line = " ".join(filter(None, [_text(body["time"])[11:19], camera, kind]))
    if "track_id" not in data:
        return f"{line} {_text(data.get('status') or data.get('text') or '')}".rstrip()
    number, label = _whole(data["track_id"]), _text(data["label"])
    if kind == "track.ended":
        device.camera(camera).tracks.pop(number, None)
    elif not _flag(body["historical"]):
        _update(device.camera(camera).track(number, label, now), kind, data, now)
    if kind == "track.updated":
        return None
    own = [data.get("zone"), data.get("line"), data.get("direction"), data.get("end_reason")]
    return " ".join([line, label, f"#{number}", *(_text(word) for word in own if word)])


def _update(track: WatchedTrack, kind: str, data: dict[str, Any], now: float) -> None:
    before, track.duration, track.told_at = track.duration, _number(data["duration"]), now
    track.confidence = _number(data["confidence"])
    track.stationary, track.stale = _flag(data["stationary"]), _flag(data.get("stale", False))
    for zone in data["zones"]:
        name, seconds = _text(zone["zone"]), _number(zone["seconds"])
        # An event lists where its track has been, too; where it is, the seconds rise with its age.
        if seconds > track.zones.get(name, -1.0):
            track.inside.add(name)
        elif track.duration > before:
            track.inside.discard(name)
        keep(track.zones, name, seconds)
    if kind in {"zone.entered", "zone.left"}:
        (track.inside.add if kind == "zone.entered" else track.inside.discard)(_text(data["zone"]))


def _object(payload: bytes) -> dict[str, Any]:
    return _map(json.loads(payload))


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _word(payload: bytes) -> str:
    return payload[:_LONGEST].decode()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:_LONGEST]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError("not a number")
    return float(value)


def _whole(value: Any) -> int:
    return int(_number(value))
