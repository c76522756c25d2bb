"""Every key of the config: its kind, its default, and what it means.

The loader, the JSON Schema and the tests of the shipped sample all read this one table.
"""

from __future__ import annotations

from agent.config import model
from agent.config.kinds import Choice, FilePath, Flag, Id, Listen, Number, Password, Text
from agent.config.sections import ById, Field, Listing, Section
from agent.config.table_mqtt import HOMEASSISTANT, MQTT, OUTBOX, REMOTE, USER
from agent.config.table_scene import WATCHED

_ENGINE = model.EngineConfig()
_HEALTH = model.HealthConfig()
_LOG = model.LogConfig()
_CAMERA = model.CameraConfig(id="", source="", kind="rtsp")

LIVE_FPS = 5.0
"""Inferences a second of a camera whose `fps` is not set; files and folders get every frame."""

DEFAULT_MODEL = _CAMERA.model
DEFAULT_BACKEND = _CAMERA.backend

_NAME = Text(numbers=True, longest=64)
_MODEL = Text("a model's name or path", longest=1024)
_BACKENDS = Listing(
    Text("a backend's name", pattern=r"^[a-z0-9_-]{1,32}$", rule="a name is 1 to 32 of a-z, 0-9, _ and -"),
    most=8,
    single=True,
)


CAMERA_TLS = Section(
    (
        Field("ca", FilePath(), None, "PEM file of the CAs to trust; default: the system's"),
        Field(
            "insecure",
            Flag(),
            _CAMERA.tls.insecure,
            "accept any certificate: anybody can then pose as the camera; for testing only",
        ),
    )
)

CAMERA = Section(
    (
        Field(
            "source",
            Text("a source", longest=2048),
            None,
            "where the video is read: rtsp://, http(s)://, /dev/video0, csi:0, gst:PIPELINE, a file, an image folder",
            required=True,
        ),
        Field("name", _NAME, "", "the name shown to people; default: the id"),
        Field("username", USER, None, "the camera's user; only for rtsp:// and http(s)://"),
        Field("password", Password(), None, "the camera's password, preferably as !secret NAME"),
        Field("tls", CAMERA_TLS, None, "certificates, for https:// and rtsps:// only"),
        Field("transport", Choice.of(model.Transport), _CAMERA.transport, "transport of RTSP streams"),
        Field(
            "timeout",
            Number(0.5, 120, "seconds"),
            _CAMERA.timeout,
            "how long to wait for the source to open, and for each frame",
        ),
        Field(
            "rotate",
            Choice.of(model.Rotate),
            _CAMERA.rotate,
            "degrees clockwise; boxes, zones and masks refer to the rotated picture",
        ),
        Field(
            "fps",
            Number(0, 1000),
            None,
            f"inferences per second at most, 0 for every frame; default: {LIVE_FPS:g} for live sources, else 0;"
            " of a folder its pictures per second",
        ),
        Field(
            "pace",
            Choice.of(model.Pace),
            _CAMERA.pace,
            "files and folders: realtime, or max: every frame, as fast as possible",
        ),
        Field("loop", Flag(), _CAMERA.loop, "files and folders: start over at the end"),
        Field("confidence", Number(0, 1), _CAMERA.confidence, "detections below this confidence are not published"),
        *WATCHED,
        Field("model", _MODEL, None, "a model for this camera, instead of the top level's"),
        Field("backend", _BACKENDS, None, "a backend for this camera, instead of the top level's"),
        Field(
            "hwaccel",
            Choice.of(model.HwAccel),
            _CAMERA.hwaccel,
            "hardware decoding; auto tries what the machine has and falls back to software",
        ),
        Field("enabled", Flag(), _CAMERA.enabled, "false switches the camera off"),
    ),
)

ENGINE = Section(
    (
        Field(
            "mode",
            Choice.of(model.EngineMode),
            _ENGINE.mode,
            "latency, throughput, or auto: measured once per model and machine",
        ),
        Field(
            "threads",
            Number(1, 256, whole=True),
            _ENGINE.threads,
            "CPU threads of an engine; default: the engine decides",
        ),
        Field(
            "standby",
            Choice.of(model.Standby),
            _ENGINE.standby,
            "the next engine in the order: warm (loaded), cold (started when needed), or auto (warm if memory allows)",
        ),
    ),
)

ROOT = Section(
    (
        Field("device", Id(), None, "this device's id in every topic; default: the host name"),
        Field("name", _NAME, "", "the name shown to people; default: the device's id"),
        Field("backend", _BACKENDS, DEFAULT_BACKEND, "what runs the model: auto, a name, or an order to try"),
        Field("model", _MODEL, DEFAULT_MODEL, "a catalog name (see `vedette models list`) or a path"),
        Field("engine", ENGINE, None, "how an engine runs"),
        Field("mqtt", MQTT, None, "where and how to publish"),
        Field("homeassistant", HOMEASSISTANT, None, "create devices and entities in Home Assistant automatically"),
        Field("outbox", OUTBOX, None, "the store on disk in which events wait for the broker"),
        Field("remote", REMOTE, None, "which commands and configs are accepted over MQTT"),
        Field(
            "health",
            Section(
                (Field("interval", Number(1, 3600, "seconds"), _HEALTH.interval, "time between two health messages"),)
            ),
            None,
            "the topic health",
        ),
        Field(
            "metrics",
            Section(
                (
                    Field(
                        "listen",
                        Listen(),
                        None,
                        "address of the Prometheus endpoint, such as 127.0.0.1:9464; empty: off",
                    ),
                )
            ),
            None,
            "the Prometheus endpoint",
        ),
        Field(
            "log",
            Section((Field("level", Choice.of(model.LogLevel), _LOG.level, "the lowest level that is logged"),)),
            None,
            "the log",
        ),
        Field(
            "cameras",
            ById(CAMERA, "camera", least=1, most=64, example="gate: {source: clip.mp4}"),
            (),
            "at least one is needed, such as `gate: {source: rtsp://10.0.0.7/stream2}`",
            required=True,
        ),
    ),
)
