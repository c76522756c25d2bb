"""What a loaded config is: one frozen dataclass per section, every default filled in, every path absolute.

`agent.config.table` says how the YAML's keys become these fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.config.problems import Problem
from agent.config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config.secrets import Secret

EngineMode = Literal["auto", "latency", "throughput"]
Standby = Literal["auto", "warm", "cold"]
Publish = Literal["on", "leased", "off"]
Durability = Literal["crash", "power"]
Discovery = Literal["device", "entity"]
RemoteConfigScope = Literal["restricted", "full"]
Command = Literal[
    "ping",
    "info",
    "snapshot",
    "camera.set",
    "config.get",
    "config.validate",
    "config.apply",
    "config.rollback",
    "model.select",
    "log.tail",
    "log.level",
    "stream.lease",
    "replay",
    "restart",
    "diagnostics",
]
LogLevel = Literal["debug", "info", "warning", "error"]
SourceKind = Literal["rtsp", "http", "v4l2", "file", "folder", "csi", "gst"]
Transport = Literal["tcp", "udp"]
Rotate = Literal[0, 90, 180, 270]
Pace = Literal["realtime", "max"]
HwAccel = Literal["auto", "none", "cuda", "drm", "qsv", "vaapi", "vdpau", "vulkan"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """threads: None leaves the number to the engine. standby: whether the next engine is kept loaded."""

    mode: EngineMode = "auto"
    threads: int | None = None
    standby: Standby = "auto"


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Absolute paths of PEM files; no ca means the system's. insecure: the broker is not verified."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class DetectionsConfig:
    """leased: only while somebody has asked for it. max_rate: messages a second and camera at most; 0: every frame."""

    publish: Publish = "on"
    max_rate: float = 5.0


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """Where and how to publish. url never holds credentials, so it may be shown. reconnect_max: seconds.

    drain_rate: late events a second at most; 0 for as fast as it goes.
    """

    host: str = "localhost"
    port: int = 1883
    tls_enabled: bool = False
    url: str = "mqtt://localhost:1883"
    username: str | None = None
    password: Secret | None = None
    tls: TlsConfig = field(default_factory=TlsConfig)
    prefix: str = ""
    detections: DetectionsConfig = field(default_factory=DetectionsConfig)
    reconnect_max: float = 5.0
    drain_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class HomeAssistantConfig:
    """prefix: the first level of Home Assistant's discovery topics. discovery: one document a device, or an entity."""

    enabled: bool = False
    prefix: str = "homeassistant"
    discovery: Discovery = "device"


@dataclass(frozen=True, slots=True)
class OutboxConfig:
    """max_bytes: on the disk. max_age: seconds. durability: what no committed event is lost by.

    crash: the daemon's end, but a power cut or the kernel's may take the last half minute. power: nothing.
    """

    max_bytes: int = 256_000_000
    max_age: float = 7 * 86400.0
    durability: Durability = "crash"


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """commands: allowed beside the default ones. config: what a config that comes over MQTT may change."""

    commands: tuple[Command, ...] = ()
    config: RemoteConfigScope = "restricted"


@dataclass(frozen=True, slots=True)
class HealthConfig:
    """interval: seconds between two health messages."""

    interval: float = 10.0


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """listen: host and port at which Prometheus may ask; None: nothing listens."""

    listen: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: LogLevel = "info"


@dataclass(frozen=True, slots=True)
class CameraTlsConfig:
    """ca: absolute path of a PEM file; none means the system's CAs. insecure: the camera is not verified."""

    ca: str | None = None
    insecure: bool = False


Point: TypeAlias = tuple[float, float]
Polygon: TypeAlias = tuple[Point, ...]
"""Corners in 0..1 of the whole (rotated) picture, y down; at least three."""


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What one label's detections must have beside the camera's own; confidence None: the camera's.

    min_height, min_width: 0..1 of the picture. masks: where the box's foot point must not be.
    """

    label: str
    confidence: float | None = None
    min_height: float = 0.0
    min_width: float = 0.0
    masks: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """masks: where nothing that moves counts."""

    enabled: bool = False
    masks: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotsConfig:
    """crop: the object alone, with some room around it, else the whole picture. box: drawn in."""

    enabled: bool = False
    crop: bool = True
    box: bool = False
    max_kb: int = 100


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """labels: none for all. confidence, min_height: more than the camera asks for. dwell: seconds until it counts."""

    id: str
    polygon: Polygon
    name: str = ""
    labels: tuple[str, ...] = ()
    confidence: float = 0.0
    min_height: float = 0.0
    dwell: float = 0.0


@dataclass(frozen=True, slots=True)
class LineConfig:
    """points: the arrow's first and last. reverse: "in" is from its right to its left. labels: none for all."""

    id: str
    points: tuple[Point, Point]
    name: str = ""
    reverse: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera.

    source: a URL without credentials, or an absolute path. timeout: seconds, for opening and for each read.
    rotate: degrees clockwise. fps: inferences a second at most, 0 for every frame. labels: empty for all.
    regions: whether to look again, closely, where something moves. privacy: what is black before anybody looks.
    weight: this camera's share of a busy engine, beside the others'. enabled: whether it is looked at at all.
    model and backend are resolved: the camera's own, else the top level's.
    """

    id: str
    source: str
    kind: SourceKind
    name: str = ""
    username: str | None = None
    password: Secret | None = None
    tls: CameraTlsConfig = field(default_factory=CameraTlsConfig)
    transport: Transport = "tcp"
    timeout: float = 5.0
    rotate: Rotate = 0
    fps: float = 0.0
    pace: Pace = "realtime"
    loop: bool = False
    confidence: float = 0.5
    labels: tuple[LabelConfig, ...] = ()
    motion: MotionConfig = field(default_factory=MotionConfig)
    regions: bool = False
    privacy: tuple[Polygon, ...] = ()
    snapshots: SnapshotsConfig = field(default_factory=SnapshotsConfig)
    zones: tuple[ZoneConfig, ...] = ()
    lines: tuple[LineConfig, ...] = ()
    weight: float = 1.0
    model: str = "person"
    backend: tuple[str, ...] = ("auto",)
    hwaccel: HwAccel = "auto"
    enabled: bool = True

    @property
    def live(self) -> bool:
        """Whether the source is a camera: it has no end, and cannot be asked to wait."""
        return self.kind not in {"file", "folder"}

    @property
    def encrypted(self) -> bool:
        """Whether the source speaks TLS."""
        return self.source.startswith(("https://", "rtsps://"))


@dataclass(frozen=True, slots=True)
class Config:
    """The config of one device.

    file: where it came from. places: line and column of each key that stands in it, by its dotted name; those of the
    entries of a list of words by its name and theirs.
    tagged: of each `!secret` and `!env` the key, the tag and the name.
    warnings: what works but should not stay so.
    """

    device: str
    cameras: tuple[CameraConfig, ...]
    name: str = ""
    model: str = "person"
    backend: tuple[str, ...] = ("auto",)
    engine: EngineConfig = field(default_factory=EngineConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    homeassistant: HomeAssistantConfig = field(default_factory=HomeAssistantConfig)
    outbox: OutboxConfig = field(default_factory=OutboxConfig)
    remote: RemoteConfig = field(default_factory=RemoteConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    file: str = ""
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False)
    tagged: frozenset[tuple[str, str, str]] = field(default=frozenset(), compare=False)
    warnings: tuple[Problem, ...] = ()

    def problem(self, key: str, message: str, entry: str = "") -> Problem:
        """A mistake that only shows beyond the config, at the place of `key`, or its `entry`, if it is in the file."""
        place = self.places.get(f"{key}.{entry}") or self.places.get(key, (0, 0))
        return Problem(self.file, *place, key, redact(message))
