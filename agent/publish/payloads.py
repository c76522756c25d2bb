"""The bytes of every payload, as the interface has them. Pure; the hot one lives in `detections.py`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

from agent.publish.clock import clock_word, isotime
from agent.publish.detections import SCHEMA

ONLINE = b"online"
OFFLINE = b"offline"
CLEAR = b""
"""Clears a retained topic, for instance an alert."""

if TYPE_CHECKING:
    from agent.publish.counters import Counters

CameraStatus = Literal["connecting", "online", "stalled", "offline", "disabled", "ended"]
EngineState = Literal["loading", "serving", "degraded", "failed"]
ConfigState = Literal["ok", "rejected", "pending", "running_last_good", "rolled_back"]
Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """rev: the first 8 hex digits of the file's sha256."""

    name: str
    rev: str
    labels: Sequence[str]
    licence: str | None


@dataclass(frozen=True, slots=True)
class Info:
    """What the device is. engines, cameras: their ids; commands: the names allowed; None: not known."""

    device: str
    device_uid: str
    name: str
    version: str
    api: int
    boot_id: str
    board: str | None
    os: str | None
    engines: Sequence[str]
    models: Sequence[ModelInfo]
    cameras: Sequence[str]
    commands: Sequence[str]
    log_level: str
    last_exit: str | None


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """Ages in seconds, None before the first; rates in frames a second; drops by cause, since the start."""

    status: CameraStatus
    frame_age: float | None
    inference_age: float | None
    fps_in: float
    fps_inferred: float
    drops: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """Percentiles of the inference time in milliseconds, None before the first frame. telemetry: of the chip."""

    state: EngineState
    p50_ms: float | None
    p99_ms: float | None
    restarts: int
    telemetry: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """Events the broker has not answered: how many, the seconds since the oldest happened, their bytes."""

    depth: int
    age: float | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Health:
    """mqtt: the publisher's counters. rss: bytes. load: 1, 5, 15 minutes. temperature: degrees Celsius.

    throttled: whether the board lowers its clock for heat or power now; None where it cannot be known.
    alerts: all that are raised: {code, subject, severity, text}. board: what it says of its heat and power, None where
    it says nothing.
    """

    device: str
    boot_id: str
    at: float
    synced: bool
    uptime: float
    cameras: Mapping[str, CameraHealth]
    engines: Mapping[str, EngineHealth]
    mqtt: Counters
    rss: int
    load: Sequence[float]
    temperature: float | None
    throttled: bool | None
    outbox: OutboxHealth | None = None
    alerts: Sequence[Mapping[str, str]] = ()
    board: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CameraState:
    """source: redacted. width, height, fps: of the stream, None until known. since: wall clock.

    engine: which one looks at its frames, None while none does; engine_state: how that one is.
    """

    enabled: bool
    source: str
    width: int | None
    height: int | None
    fps: float | None
    model: str
    engine: str | None
    motion: bool
    confidence: float
    since: float
    engine_state: EngineState | None = None


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """What runs, and what stands in the file. The hashes are the first 12 hex digits of the sha256.

    errors: of the file: {file, line, column, key, message}. overrides: values set by command. at: wall clock.
    """

    state: ConfigState
    running_hash: str
    file: str
    file_hash: str | None
    errors: Sequence[Mapping[str, Any]]
    overrides: Sequence[Mapping[str, Any]]
    at: float


def info(value: Info) -> bytes:
    return encode({"schema": SCHEMA, **plain(value)})


def health(value: Health) -> bytes:
    body = plain(value)
    body["at"] = isotime(value.at)
    body["clock"] = clock_word(body.pop("synced"))
    return encode({"schema": SCHEMA, **body})


def camera_status(status: CameraStatus) -> bytes:
    return status.encode()


def camera_state(value: CameraState) -> bytes:
    return encode({**plain(value), "since": isotime(value.since)})


def config_status(value: ConfigStatus) -> bytes:
    return encode({**plain(value), "at": isotime(value.at)})


def engine_status(
    state: EngineState, backend: str, device: str, cause: str | None, fallback: str | None, since: float
) -> bytes:
    """cause: why it is degraded or failed, for the user; None otherwise. fallback: who would take over."""
    body = {"state": state, "backend": backend, "device": device, "cause": cause, "fallback": fallback}
    return encode({**body, "since": isotime(since)})


def alert(severity: Severity, since: float, text: str, hint: str) -> bytes:
    """Raises an alert; publishing `CLEAR` on the same topic ends it."""
    return encode({"severity": severity, "since": isotime(since), "text": text, "hint": hint})


compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""A value as compact JSON. Raises ValueError on NaN and infinities (`plain` makes them null)."""


def encode(value: Any) -> bytes:
    """As `compact`, in UTF-8; half of a surrogate pair, which a file name that is no text brings, becomes `?`."""
    return compact(value).encode(errors="replace")


_AS_THEY_ARE = frozenset((str, int, bool, type(None)))


def plain(value: Any) -> Any:
    """As JSON's own types, floats with 3 decimals; what is not finite becomes null, for "not known"."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, (dict, Mapping)):  # what nearly all are comes first: to ask for a Mapping takes a while
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value
