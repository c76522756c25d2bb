"""One retained message, taken into what is known of the fleet. Pure; it takes any junk for what it is."""

from __future__ import annotations

import re
from itertools import islice
from sys import intern
from typing import TYPE_CHECKING, Any, get_args

from agent.publish import payloads
from agent.tools.fleet.state import MOST_EACH, Info, Told
from agent.tools.watch.values import as_map, as_number, as_object, as_text, as_whole, as_word

if TYPE_CHECKING:
    from agent.tools.fleet.state import Device, Fleet

BRIDGE = "vedette/bridge"
"""Below its prefix, where a site's bridge says whether it stands: `notification_topic` of mosquitto."""
LARGEST = 64 << 10
"""Bytes of a payload; none of ours comes near."""
_LONGEST_TOPIC = 512
_TOPIC = re.compile(r"(?:(.+)/)?vedette/1/([^/]+)/(.+)", re.DOTALL)
_ALIVE = (payloads.ONLINE, payloads.OFFLINE)
_CAMERA = frozenset(get_args(payloads.CameraStatus))
_ENGINE = frozenset(get_args(payloads.EngineState))
_SEVERITY = frozenset(get_args(payloads.Severity))


def hear(fleet: Fleet, topic: str, payload: bytes) -> None:
    """Takes in one message."""
    match = _TOPIC.fullmatch(topic) if len(topic) <= _LONGEST_TOPIC else None
    if match is None:
        if topic.endswith(f"/{BRIDGE}") and payload in {b"0", b"1"} and len(topic) <= _LONGEST_TOPIC:
            fleet.bridges[topic.removesuffix(f"/{BRIDGE}")] = payload == b"1"
        return
    prefix, name, rest = match[1], match[2], match[3]
    device = fleet.device(f"{prefix}/{name}" if prefix else name)
    if device is None:
        return
    try:
        _take(device, name, rest.split("/"), payload)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        _forget(device, rest.split("/"))
        if len(device.junk) < MOST_EACH:
            device.junk.add(rest)
    else:
        device.junk.discard(rest)


def _take(device: Device, name: str, rest: list[str], payload: bytes) -> None:
    if len(payload) > LARGEST:
        raise ValueError("too large")
    match rest:
        case ["status"]:
            device.status = as_word(payload) if _one_of(payload, _ALIVE) else None
        case ["info"]:
            device.info = _info(as_object(payload), name) if payload else None
            if device.info is not None and len(device.uids) < MOST_EACH:
                device.uids.add(device.info.uid)
        case ["summary"]:
            device.told = _told(as_object(payload), name) if payload else None
        case ["cam", camera, "status"]:
            _put(device.cameras, camera, _known(as_word(payload), _CAMERA) if payload else None)
        case ["engine", engine, "status"]:
            _put(device.engines, engine, _known(as_text(as_object(payload)["state"]), _ENGINE) if payload else None)
        case ["alert", code, subject]:
            severity = _known(as_text(as_object(payload)["severity"]), _SEVERITY) if payload else None
            _put(device.alerts, (code, subject), severity)
        case _:
            return


def _forget(device: Device, rest: list[str]) -> None:
    """What it said there before holds no longer."""
    match rest:
        case ["status"]:
            device.status = None
        case ["info"]:
            device.info = None
        case ["summary"]:
            device.told = None
        case ["cam", camera, "status"]:
            device.cameras.pop(camera, None)
        case ["engine", engine, "status"]:
            device.engines.pop(engine, None)
        case ["alert", code, subject]:
            device.alerts.pop((code, subject), None)


def _info(body: dict[str, Any], name: str) -> Info:
    _own(body, name)
    return Info(
        as_text(body["device_uid"]),
        as_text(body["boot_id"]),
        intern(as_text(body["version"])),
        tuple(intern(as_text(as_map(model)["name"])) for model in _list(body["models"])),
        tuple(intern(as_text(camera)) for camera in _list(body["cameras"])),
    )


def _told(body: dict[str, Any], name: str) -> Told:
    _own(body, name)
    outbox = body["outbox"]
    cameras = islice(as_map(body["cameras"]).items(), MOST_EACH)
    engines = islice(as_map(body["engines"]).items(), MOST_EACH)
    alerts = map(as_map, _list(body["alerts"]))
    return Told(
        as_text(body["boot_id"]),
        {intern(k): (_known(as_text(c["status"]), _CAMERA), as_number(c["fps"])) for k, c in cameras},
        {intern(k): _known(as_text(state), _ENGINE) for k, state in engines},
        {(as_text(a["code"]), as_text(a["subject"])): _known(as_text(a["severity"]), _SEVERITY) for a in alerts},
        None if outbox is None else as_whole(as_map(outbox)["depth"]),
    )


def _own(body: dict[str, Any], name: str) -> None:
    if body["device"] != name:
        raise ValueError("it is another device's")


def _put(values: dict[Any, str], key: Any, value: str | None) -> None:
    if value is None:
        values.pop(key, None)
    elif key in values or len(values) < MOST_EACH:
        values[key] = value


def _known(word: str, words: frozenset[str]) -> str:
    if word not in words:
        raise ValueError("no such state")
    return intern(word)


def _one_of(payload: bytes, words: tuple[bytes, ...]) -> bool:
    """False where it was emptied."""
    if payload and payload not in words:
        raise ValueError("no such status")
    return bool(payload)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value[:MOST_EACH]
