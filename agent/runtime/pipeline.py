"""Builds everything from a config, starts it in the order of the data's way, stops it in reverse.

The one list of all threads:
    main                  signals, ticks, health, watchdog, starting of workers      (agent.runtime.daemon)
    cam-<id>              one per camera: opens, decodes, puts into its mailbox      (agent.capture.camera)
    dispatch-<model>      one per model: mailboxes to engine, answers to publishing  (agent.dispatch.dispatcher)
    paho's                one: the network side of MQTT                              (agent.publish.mqtt)
And one child process per engine (backends.worker), with one thread per stream.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.engine import EngineSpec, RemoteEngine
from agent.dispatch.lane import Lane
from agent.perception.scene import Scene
from agent.publish.topics import Topics, slug
from backends import registry, store
from backends.contract import ArtifactError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config.model import CameraConfig, Config
    from agent.publish.mqtt import Publisher
    from agent.runtime.report import Report
    from agent.runtime.spawner import Spawner
    from backends.artifact import Artifact

_FLOOR = 0.1


class NotReady(Exception):
    """The config is well formed, but what it names is not there: `problems` are for the user, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Plan:
    """What the config needs beside itself, found and checked: one artifact and one backend per model."""

    artifacts: Mapping[str, Artifact]
    backends: Mapping[str, registry.Registered]


def plan(config: Config) -> Plan:
    """Finds the model files and backends a config names; check and run share it.

    Raises NotReady with all that is missing.
    """
    artifacts: dict[str, Artifact] = {}
    chosen: dict[str, registry.Registered] = {}
    problems: list[str] = []
    known = registry.discover()
    for camera in config.cameras:
        problems += _plan_camera(camera, config, known, artifacts, chosen)
    if problems:
        raise NotReady(list(dict.fromkeys(problems)))
    return Plan(artifacts, chosen)


def _plan_camera(
    camera: CameraConfig,
    config: Config,
    known: Mapping[str, registry.Registered],
    artifacts: dict[str, Artifact],
    chosen: dict[str, registry.Registered],
) -> list[str]:
    place = f"{config.file}: cameras.{camera.id}"
    problems = []
    if camera.model not in artifacts:
        try:
            artifacts[camera.model] = store.find(camera.model)
        except ArtifactError as e:
            return [f"{place}: {e}"]
    labels = artifacts[camera.model].labels
    problems += [
        f"{place}.labels: {camera.model} does not know {label!r}; it knows {', '.join(labels[:12])}"
        for label in camera.labels
        if label not in labels
    ]
    try:
        backend = registry.choose(known, camera.backend)
    except BackendUnavailable as e:
        return [*problems, f"{place}: {e}"]
    other = chosen.setdefault(camera.model, backend)
    if other.name != backend.name:
        problems.append(
            f"{place}.backend: {camera.model} already runs on {other.name}; one model has one backend order"
        )
    return problems


class Pipeline:
    """All parts of one running config."""

    def __init__(self, config: Config, found: Plan, spawner: Spawner, publisher: Publisher, report: Report) -> None:
        self.config = config
        self.publisher = publisher
        self.cameras: dict[str, Camera] = {}
        self.dispatchers: list[Dispatcher] = []
        for model in dict.fromkeys(camera.model for camera in config.cameras):
            self._build(model, found, spawner, report)

    def _build(self, model: str, found: Plan, spawner: Spawner, report: Report) -> None:
        artifact, backend = found.artifacts[model], found.backends[model]
        spec = EngineSpec(
            id=engine_id(backend.name, artifact.name),
            backend=backend.name,
            entry_point=backend.entry_point,
            artifact=artifact,
            options={"mode": self.config.engine.mode, "threads": self.config.engine.threads},
        )
        engine = RemoteEngine(spec, spawner.spawn, report.on_engine)
        own = [camera for camera in self.config.cameras if camera.model == model]
        # A mailbox wakes its dispatcher, which is made from the lanes that hold the mailboxes.
        wakes: list[Dispatcher] = []

        def wake() -> None:
            if wakes:
                wakes[0].wake()

        lanes = [self._lane(camera, artifact, Mailbox(wake, wait=camera.pace == "max")) for camera in own]
        dispatcher = Dispatcher(model, engine, lanes, report.on_result)
        wakes.append(dispatcher)
        self.dispatchers.append(dispatcher)
        for camera, lane in zip(own, lanes, strict=True):
            self.cameras[camera.id] = Camera(camera, lane.mailbox, report.on_camera(camera.id))
            report.add(camera, artifact, self.cameras[camera.id], lane, dispatcher)

    @staticmethod
    def _lane(camera: CameraConfig, artifact: Artifact, mailbox: Mailbox) -> Lane:
        scene = Scene(artifact.labels, camera.confidence, camera.labels)
        floor = min(_FLOOR, camera.confidence)
        return Lane(camera.id, mailbox, scene, camera.fps, camera.pace != "max", floor)

    def start(self) -> None:
        self.publisher.start()
        for dispatcher in self.dispatchers:
            dispatcher.start()
            dispatcher.wake()
        for camera in self.cameras.values():
            camera.start()

    def stop(self, deadline: float) -> None:
        """Stops in reverse; `deadline` (monotonic) bounds the whole of it."""
        for camera in self.cameras.values():
            camera.stop()
        for dispatcher in self.dispatchers:
            dispatcher.stop()
        for camera in self.cameras.values():
            camera.join(max(0.0, min(0.5, deadline - time.monotonic())))
        for dispatcher in self.dispatchers:
            dispatcher.join(max(0.1, min(1.0, deadline - time.monotonic())))
        self.publisher.stop(max(0.2, deadline - time.monotonic()))

    @property
    def finished(self) -> bool:
        """All sources were finite, have ended, and every frame has its answer."""
        now = time.monotonic()
        return all(camera.status(now).state == "ended" for camera in self.cameras.values()) and all(
            dispatcher.idle for dispatcher in self.dispatchers
        )


def engine_id(backend: str, model: str) -> str:
    """The topic level of a model's engine."""
    return f"{backend}-{slug(model)}"[:32]


def topics(config: Config) -> Topics:
    return Topics(config.mqtt.prefix, config.device)
