"""From what was read to the Config: paths and addresses resolved, and what must fit together checked."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import broker, model, sources
from agent.config.kinds import absolute
from agent.config.names import slugged_id
from agent.config.problems import Findings, InvalidError
from agent.config.reading import Given
from agent.config.shapes import cover_all
from agent.config.table import DEFAULT_BACKEND, DEFAULT_MODEL, LIVE_FPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent.config.lookup import Tagged
    from agent.config.nodes import Node

_MODEL_FILES = frozenset({".onnx", ".xml", ".tflite", ".pb", ".engine", ".plan", ".pt"})


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the Config of what stands in a file in `folder`; what does not fit goes to the findings.

    entries: where the words of its lists stand, as `Reading` has them. tagged: what was looked up, as `Lookup` has it.
    """

    folder: Path
    findings: Findings
    entries: Mapping[str, Node]
    tagged: frozenset[Tagged]

    def config(self, given: Given) -> model.Config:
        default_model = self._model(given) or DEFAULT_MODEL
        default_backend = self._backend(given) or DEFAULT_BACKEND
        device = given["device"] or slugged_id(socket.gethostname())
        return model.Config(
            device=device,
            name=given["name"] or device,
            model=default_model,
            backend=default_backend,
            engine=model.EngineConfig(**{key: given["engine"][key] for key in ("mode", "threads", "standby")}),
            mqtt=self._mqtt(given["mqtt"]),
            homeassistant=model.HomeAssistantConfig(**given["homeassistant"].values),
            outbox=_outbox(given["outbox"]),
            remote=model.RemoteConfig(**given["remote"].values),
            health=model.HealthConfig(float(given["health"]["interval"])),
            metrics=model.MetricsConfig(given["metrics"]["listen"]),
            log=model.LogConfig(given["log"]["level"]),
            cameras=tuple(self._camera(camera, default_model, default_backend) for camera in given["cameras"]),
            file=self.findings.file,
            places={key: (node.line, node.column) for key, node in self.entries.items()} | dict(_places(given)),
            tagged=self.tagged,
            warnings=tuple(self.findings.warnings),
        )

    def _mqtt(self, given: Given) -> model.MqttConfig:
        try:
            host, port, tls, url = broker.parse(given["url"])
        except InvalidError as error:
            self._error(given, "url", error.message)
            host, port, tls, url = "", 0, True, ""
        self._password_needs_user(given)
        if host and not tls and not broker.loopback(host):
            message = f"what goes to {host} can be read and changed on the way, passwords too; use mqtts://"
            self.findings.warn(given.places["url"], given.path("url"), message)
        detections = given["detections"]
        return model.MqttConfig(
            host=host,
            port=port,
            tls_enabled=tls,
            url=url,
            username=given["username"],
            password=given["password"],
            tls=self._tls(given["tls"], enabled=tls),
            prefix=given["prefix"],
            detections=model.DetectionsConfig(detections["publish"], float(detections["max_rate"])),
            reconnect_max=float(given["reconnect_max"]),
            drain_rate=float(given["drain_rate"]),
        )

    def _tls(self, given: Given, *, enabled: bool) -> model.TlsConfig:
        for key in given.places:
            if given[key] and not enabled:
                self._error(given, key, "TLS is off, for mqtt.url begins with mqtt://; write mqtts:// or remove this")
        if given["key"] and not given["cert"]:
            self._error(given, "key", "tls.key needs tls.cert; add it")
        if given["insecure"] and enabled:
            message = "the broker's certificate is not checked, so anybody can pose as it; give tls.ca instead"
            self.findings.warn(given.places["insecure"], given.path("insecure"), message)
        return model.TlsConfig(given["ca"], given["cert"], given["key"], given["insecure"])

    def _camera(self, given: Given, default_model: str, default_backend: tuple[str, ...]) -> model.CameraConfig:
        kind, source = self._source(given)
        black = self._masks(given["privacy"])
        camera = model.CameraConfig(
            id=given.key.rpartition(".")[2],
            source=source,
            kind=kind or "file",
            name=given["name"] or given.key.rpartition(".")[2],
            username=given["username"],
            password=given["password"],
            tls=model.CameraTlsConfig(given["tls"]["ca"], given["tls"]["insecure"]),
            transport=given["transport"],
            timeout=float(given["timeout"]),
            rotate=given["rotate"],
            fps=_fps(given, kind),
            pace=given["pace"],
            loop=given["loop"],
            confidence=float(given["confidence"]),
            labels=tuple(self._label(label, black) for label in given["labels"]),
            motion=self._motion(given["motion"], black, live=kind not in {"file", "folder", None}),
            regions=given["regions"]["enabled"],
            privacy=black,
            snapshots=model.SnapshotsConfig(**given["snapshots"].values),
            zones=tuple(self._zone(zone, given) for zone in given["zones"]),
            lines=tuple(self._line(line, given) for line in given["lines"]),
            weight=float(given["weight"]),
            model=self._model(given) or default_model,
            backend=self._backend(given) or default_backend,
            hwaccel=given["hwaccel"],
            enabled=given["enabled"],
        )
        self._password_needs_user(given)
        if kind is not None:
            self._fits(given, camera)
        return camera

    def _motion(self, given: Given, black: tuple[model.Polygon, ...], *, live: bool) -> model.MotionConfig:
        enabled = live if given["enabled"] is None else given["enabled"]
        return model.MotionConfig(enabled, self._masks(given, black))

    def _masks(self, given: Given, black: tuple[model.Polygon, ...] = ()) -> tuple[model.Polygon, ...]:
        """black: those of privacy, where these leave something that `given` may cover."""
        masks: tuple[model.Polygon, ...] = given["masks"]
        if cover_all(masks):
            self._error(given, "masks", "the masks cover the whole picture, so nothing would be seen; leave some of it")
        elif masks and not cover_all(black) and cover_all((*masks, *black)):
            message = "the masks and those of privacy together cover the whole picture, so nothing would be seen"
            self._error(given, "masks", f"{message}; leave some of it")
        return masks

    def _label(self, given: str | Given, black: tuple[model.Polygon, ...]) -> model.LabelConfig:
        if isinstance(given, str):
            return model.LabelConfig(given)
        confidence = None if given["confidence"] is None else float(given["confidence"])
        least = (float(given["min_height"]), float(given["min_width"]))
        return model.LabelConfig(given.name, confidence, *least, self._masks(given, black))

    def _zone(self, given: Given, camera: Given) -> model.ZoneConfig:
        self._labels_wanted(given, camera)
        return model.ZoneConfig(
            id=given.name,
            polygon=given["polygon"] or (),
            name=given["name"] or given.name,
            labels=given["labels"],
            confidence=float(given["confidence"]),
            min_height=float(given["min_height"]),
            dwell=float(given["dwell"]),
        )

    def _line(self, given: Given, camera: Given) -> model.LineConfig:
        self._labels_wanted(given, camera)
        points = given["points"] or ((0.0, 0.0), (1.0, 1.0))
        return model.LineConfig(given.name, points, given["name"] or given.name, given["reverse"], given["labels"])

    def _labels_wanted(self, given: Given, camera: Given) -> None:
        published = {label if isinstance(label, str) else label.name for label in camera["labels"]}
        for label in given["labels"]:
            if published and label not in published:
                message = f"{label!r} is not among the camera's labels, so it is never seen here; add it there"
                key = given.path("labels")
                self.findings.warn(self.entries[f"{key}.{label}"], key, message)

    def _source(self, given: Given) -> tuple[model.SourceKind | None, str]:
        if given["source"]:
            try:
                return sources.classify(given["source"], self.folder)
            except InvalidError as error:
                self._error(given, "source", error.message)
        return None, ""

    def _fits(self, given: Given, camera: model.CameraConfig) -> None:
        self._camera_tls(given["tls"], camera)
        if camera.live:
            for key in ("pace", "loop"):
                if given[key] in {"max", True}:
                    self._error(given, key, "is for files and folders; a camera sets its own pace. Remove it")
        if camera.kind != "rtsp" and "transport" in given.places:
            self._error(given, "transport", "is for rtsp:// sources; remove it")
        if camera.kind not in {"rtsp", "http"}:
            for key in ("username", "password"):
                if key in given.places:
                    self._error(given, key, "is for rtsp:// and http(s):// sources; remove it")

    def _camera_tls(self, given: Given, camera: model.CameraConfig) -> None:
        for key in given.places:
            if given[key] and not camera.encrypted:
                self._error(given, key, "is for https:// and rtsps:// sources; remove it")
        if given["insecure"] and camera.encrypted:
            message = "the camera's certificate is not checked, so anybody can pose as it; give tls.ca instead"
            self.findings.warn(given.places["insecure"], given.path("insecure"), message)

    def _password_needs_user(self, given: Given) -> None:
        if "password" in given.places and "username" not in given.places:
            self._error(given, "password", "needs a username; add `username: ...`")

    def _model(self, given: Given) -> str | None:
        name: str | None = given["model"]
        if name is None or ("/" not in name and Path(name).suffix.lower() not in _MODEL_FILES):
            return name
        try:
            return absolute(name, self.folder)
        except InvalidError as error:
            self._error(given, "model", error.message)
            return name

    def _backend(self, given: Given) -> tuple[str, ...] | None:
        names: tuple[str, ...] | None = given["backend"]
        if names and "auto" in names and len(names) > 1:
            self._error(given, "backend", "auto is an order of its own; write it alone, or the names without it")
        return names or None

    def _error(self, given: Given, key: str, message: str) -> None:
        self.findings.error(given.places.get(key, given.place), given.path(key), message)


def _outbox(given: Given) -> model.OutboxConfig:
    return model.OutboxConfig(given["max_bytes"], float(given["max_age"]), given["durability"])


def _places(given: Given) -> Iterator[tuple[str, tuple[int, int]]]:
    """The dotted name, line and column of every key that is set."""
    for key, node in given.places.items():
        yield given.path(key), (node.line, node.column)
    for value in given.values.values():
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Given):
                yield from _places(inner)


def _fps(given: Given, kind: model.SourceKind | None) -> float:
    if given["fps"] is not None:
        return float(given["fps"])
    return 0.0 if kind in {"file", "folder"} else LIVE_FPS
