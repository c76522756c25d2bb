"""One message of a device, taken into what is known of it. Pure; it takes any junk for what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from agent.publish.topics import ALL
from agent.tools.watch.state import Count, Crossings, Occupancy, address, keep
from agent.tools.watch.values import LONGEST, as_flag, as_map, as_number, as_object, as_text, as_whole, as_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.tools.watch.state import Watched, WatchedCamera, WatchedDevice, WatchedTrack

    _Value = TypeVar("_Value", Count, Occupancy, Crossings)


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
        before, device.status = device.status, as_word(payload)
        return None if before == device.status else device.status
    if rest == ["info"]:
        device.version = as_text(as_object(payload)["version"])
    elif rest == ["health"]:
        for name, camera in as_map(as_object(payload)["cameras"]).items():
            rates = (as_number(camera["fps_in"]), as_number(camera["fps_inferred"]))
            device.camera(name[:LONGEST]).rates = rates
    elif rest == ["events"]:
        return _event(device, as_object(payload), now)
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
    body = as_object(payload)
    before, now = device.engines.get(engine), (as_text(body["state"]), as_text(body.get("cause") or ""))
    keep(device.engines, engine, now)
    return None if before == now else f"{engine} {': '.join(filter(None, now))}"


def _alert(device: WatchedDevice, subject: str, payload: bytes) -> str | None:
    if not payload:
        return f"alert {subject} is over" if device.alerts.pop(subject, None) is not None else None
    before, text = device.alerts.get(subject), as_text(as_object(payload)["text"])
    keep(device.alerts, subject, text)
    return None if before == text else f"alert {subject}: {text}"


def _camera(camera: WatchedCamera, name: str, rest: list[str], payload: bytes, now: float) -> str | None:
    if rest == ["status"]:
        before, camera.status = camera.status, as_word(payload)
        return None if before == camera.status else f"{name} {camera.status}"
    if rest == ["state"]:
        body = as_object(payload) if payload else {}
        camera.model, camera.engine = as_text(body.get("model") or ""), as_text(body.get("engine") or "")
    elif rest == ["detections"]:
        _detections(camera, as_object(payload), now)
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
    value, words = read(as_object(payload))
    keep(values, key, value)
    return None if before == value or key[1] == ALL else f"{what}: {words}"  # the labels' own lines say it already


def _count(body: dict[str, Any]) -> tuple[Count, str]:
    count = Count(as_whole(body["count"]), as_flag(body["stale"]))
    return count, f"{count.number}{' (stale)' * count.stale}"


def _occupancy(body: dict[str, Any]) -> tuple[Occupancy, str]:
    value = Occupancy(as_flag(body["occupied"]), as_flag(body["stale"]))
    return value, ("occupied" if value.occupied else "vacant") + " (stale)" * value.stale


def _crossings(body: dict[str, Any]) -> tuple[Crossings, str]:
    value = Crossings(as_whole(body["in"]), as_whole(body["out"]))
    return value, f"in {value.into} out {value.out}"


def _detections(camera: WatchedCamera, body: dict[str, Any], now: float) -> None:
    if not as_flag(body["inferred"]):
        camera.unknown = as_text(body["reason"])
        return
    camera.unknown = ""
    camera.looks += 1
    for seen in body["detections"]:
        if seen["track_id"] is not None:
            track = camera.track(as_whole(seen["track_id"]), as_text(seen["label"]), now)
            track.confidence, track.stale = as_number(seen["confidence"]), False


def _event(device: WatchedDevice, body: dict[str, Any], now: float) -> str | None:
    kind, data = as_text(body["type"]).removeprefix("vedette."), as_map(body["data"])
    camera = [*as_text(body["source"]).split("/"), "", ""][2]
    line = " ".join(filter(None, [as_text(body["time"])[11:19], camera, kind]))
    if "track_id" not in data:
        return f"{line} {as_text(data.get('status') or data.get('text') or '')}".rstrip()
    number, label = as_whole(data["track_id"]), as_text(data["label"])
    if kind == "track.ended":
        device.camera(camera).tracks.pop(number, None)
    elif not as_flag(body["historical"]):
        _update(device.camera(camera).track(number, label, now), kind, data, now)
    if kind == "track.updated":
        return None
    own = [data.get("zone"), data.get("line"), data.get("direction"), data.get("end_reason")]
    return " ".join([line, label, f"#{number}", *(as_text(word) for word in own if word)])


def _update(track: WatchedTrack, kind: str, data: dict[str, Any], now: float) -> None:
    before, track.duration, track.told_at = track.duration, as_number(data["duration"]), now
    track.confidence = as_number(data["confidence"])
    track.stationary, track.stale = as_flag(data["stationary"]), as_flag(data.get("stale", False))
    for zone in data["zones"]:
        name, seconds = as_text(zone["zone"]), as_number(zone["seconds"])
        # An event lists where its track has been, too; where it is, the seconds rise with its age.
        if seconds > track.zones.get(name, -1.0):
            track.inside.add(name)
        elif track.duration > before:
            track.inside.discard(name)
        keep(track.zones, name, seconds)
    if kind in {"zone.entered", "zone.left"}:
        (track.inside.add if kind == "zone.entered" else track.inside.discard)(as_text(data["zone"]))
