"""Builds everything from a config, starts it in the order of the data's way, stops it in reverse.

The one list of all threads:
    main                  signals, ticks, health, watchdog, starting of workers      (agent.runtime.daemon)
    cam-<id>              one per camera: opens, decodes, puts into its mailbox      (agent.capture.camera)
    dispatch-<model>      one per model: mailboxes to engine, answers to publishing  (agent.dispatch.dispatcher)
    outbox                one: numbers events, keeps them on the disk, feeds mqtt   (agent.publish.outbox)
    mqtt                  one: the network side of MQTT                              (agent.publish.mqtt)
And one child process per engine that serves or stands by (backends.worker), with one thread per stream.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.gallery import Gallery
from agent.dispatch.ladder import Ladder
from agent.dispatch.lane import Lane
from agent.dispatch.spec import EngineSpec
from agent.perception.scene import Scene
from agent.publish.topics import Topics
from agent.runtime import machine
from agent.runtime.plan import engine_id
from agent.runtime.scenes import line_totals, scene_settings

if TYPE_CHECKING:
    from agent.config.model import CameraConfig, Config
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox import Outbox
    from agent.runtime.plan import Plan
    from agent.runtime.report import Report
    from agent.runtime.spawner import Spawner
    from agent.runtime.state import SceneState
    from backends.artifact import Artifact

_FLOOR = 0.1
_MEMORY_FOR_STANDBY = 1 << 30


class Pipeline:
    """All parts of one running config."""

    def __init__(
        self,
        config: Config,
        found: Plan,
        spawner: Spawner,
        publisher: Publisher,
        outbox: Outbox,
        report: Report,
        state: SceneState,
    ) -> None:
        self.config = config
        self.publisher = publisher
        self.outbox = outbox
        self._state = state
        self._report = report
        self.cameras: dict[str, Camera] = {}
        self.dispatchers: list[Dispatcher] = []
        for model in dict.fromkeys(camera.model for camera in config.cameras):
            self._build(model, found, spawner, report)

    def _build(self, model: str, found: Plan, spawner: Spawner, report: Report) -> None:
        artifact = found.artifacts[model]
        own = [camera for camera in self.config.cameras if camera.model == model]
        options = {
            "mode": self.config.engine.mode,
            "threads": self.config.engine.threads,
            "every_frame": all(camera.pace == "max" for camera in own),
        }
        specs = [
            EngineSpec(
                engine_id(rung.program.name, artifact.name),
                rung.program,
                rung.artifacts,
                options,
                expected=rung.expected,
            )
            for rung in found.ladders[model]
        ]
        ladder = Ladder(specs, spawner.spawn, report.on_engine, warm=self._warm())
        # A mailbox wakes its dispatcher, which is made from the lanes that hold the mailboxes.
        wakes: list[Dispatcher] = []

        def wake() -> None:
            if wakes:
                wakes[0].frame_came()

        lanes = [self._lane(camera, artifact, Mailbox(wake, wait=camera.pace == "max")) for camera in own]
        dispatcher = Dispatcher(model, ladder, lanes, report.on_result, report.on_facts)
        wakes.append(dispatcher)
        self.dispatchers.append(dispatcher)
        for camera, lane in zip(own, lanes, strict=True):
            self.cameras[camera.id] = Camera(camera, lane.mailbox, report.on_camera(camera.id))
            report.add(camera, artifact, self.cameras[camera.id], lane, dispatcher)

    def _warm(self) -> bool:
        standby = self.config.engine.standby
        return standby == "warm" or (standby == "auto" and machine.available_bytes() >= _MEMORY_FOR_STANDBY)

    def _lane(self, camera: CameraConfig, artifact: Artifact, mailbox: Mailbox) -> Lane:
        totals = line_totals(self._state.totals(camera.id), artifact.labels)
        settings = scene_settings(camera, artifact.labels, self._state.labels(camera.id))
        scene = Scene(settings, self._state.ids(), totals)
        floor = min(_FLOOR, camera.confidence)
        shots = camera.snapshots
        gallery = Gallery(crop=shots.crop, private=camera.privacy) if shots.enabled else None
        live = camera.pace != "max"
        return Lane(camera.id, mailbox, scene, camera.fps, live, floor, camera.weight, camera.privacy, gallery)

    def set_camera(self, camera: str, enabled: bool | None, confidence: float | None) -> None:
        """Switches a camera on or off, or changes the confidence it asks for; None leaves it as it is."""
        view = self._report.views[camera]
        config = view.config
        if enabled is not None:
            config = replace(config, enabled=enabled)
            view.camera.enable(enabled)
        if confidence is not None:
            config = replace(config, confidence=confidence)
            rules = scene_settings(config, view.model.labels).rules
            view.lane.wishes.tune(rules, min(_FLOOR, confidence))
            view.dispatcher.wake()
        self._report.tune(config)

    def start(self) -> None:
        self.publisher.start()
        self.outbox.start()
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
        self.outbox.finish(max(0.1, min(0.5, deadline - time.monotonic())))
        self.publisher.stop(max(0.2, deadline - time.monotonic()))
        self.outbox.stop(0.5)

    @property
    def finished(self) -> bool:
        """All sources were finite, have ended, and every frame has its answer."""
        now = time.monotonic()
        return all(camera.status(now).state == "ended" for camera in self.cameras.values()) and all(
            dispatcher.idle for dispatcher in self.dispatchers
        )


def topics(config: Config) -> Topics:
    return Topics(config.mqtt.prefix, config.device)
