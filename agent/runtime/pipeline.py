"""Builds everything from a config, starts it in the order of the data's way, stops it in reverse.

The one list of all threads:
    main                  signals, ticks, reloads, health, watchdog, starting of workers (agent.runtime.daemon)
    cam-<id>              one per camera: opens, decodes, puts into its mailbox      (agent.capture.camera)
    dispatch-<model>      one per model: mailboxes to engine, answers to publishing  (agent.dispatch.dispatcher)
    outbox                one: numbers events, keeps them on the disk, feeds mqtt   (agent.publish.outbox)
    mqtt                  one: the network side of MQTT                              (agent.publish.mqtt)
    metrics               where the config has it listen, and up to four that answer (agent.runtime.metrics)
    (a timer)             while a V4L2 camera is opened, to end that               (agent.capture.v4l2)
And one child process per engine that serves or stands by (backends.worker), with one thread per stream.
While a reload changes a model there are two threads of it, and for a moment two of a camera whose source changes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.publish.topics import Topics
from agent.runtime import lanes
from agent.runtime.model_runner import recipe, runner

if TYPE_CHECKING:
    from agent.capture.camera import Camera
    from agent.capture.delivery import Place
    from agent.config.model import Config
    from agent.dispatch.dispatcher import Dispatcher
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox import Outbox
    from agent.runtime.model_runner import ModelRunner
    from agent.runtime.plan import Plan
    from agent.runtime.report import Report
    from agent.runtime.spawner import Spawner
    from agent.runtime.state import SceneState

DELIVERY_SECONDS = 30.0
"""What a broker is given to take the events that wait, when nothing else is left to do."""


class Pipeline:
    """All parts of one running config, which `agent.runtime.transition` makes those of another. For the main thread.

    runners: by model. cameras: by id. places: by id, how far those had come that are gone, since they may come back.
    leaving: dispatchers that nothing comes to any more, until they have ended.
    """

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
        self.spawn = spawner.spawn
        self.state = state
        self.report = report
        self.cameras: dict[str, Camera] = {}
        self.places: dict[str, Place] = {}
        self.runners: dict[str, ModelRunner] = {}
        self.leaving: list[Dispatcher] = []
        self._over_at: float | None = None
        for model in dict.fromkeys(camera.model for camera in config.cameras):
            self._build(model, found)

    def _build(self, model: str, found: Plan) -> None:
        labels = found.artifacts[model].labels
        own = [camera for camera in self.config.cameras if camera.model == model]
        sources = [lanes.source(camera, self.report) for camera in own]
        made = [lanes.lane(s.config, labels, s.mailbox, self.state) for s in sources]
        built = self.runners[model] = runner(recipe(model, self.config, found), found, self.spawn, self.report, made)
        built.relay.open({})  # of what is found from now on: `Report.announce` tells how it begins
        for camera, lane in zip(sources, made, strict=True):
            lane.mailbox.wake = built.dispatcher.frame_came
            self.cameras[camera.config.id] = camera
            self.report.add(camera, lane, built)

    @property
    def dispatchers(self) -> list[Dispatcher]:
        return [built.dispatcher for built in self.runners.values()]

    def set_camera(self, camera: str, enabled: bool | None, confidence: float | None) -> None:
        """Switches a camera on or off, or changes the confidence it asks for; None leaves it as it is."""
        view, source = self.report.views[camera], self.cameras[camera]
        config = next(one for one in self.config.cameras if one.id == camera)
        if enabled is not None:
            config = replace(config, enabled=enabled)
        if confidence is not None:
            config = replace(config, confidence=confidence)
        cameras = tuple(config if other.id == camera else other for other in self.config.cameras)
        self.config = replace(self.config, cameras=cameras)
        lanes.turn(source, config)
        if view.camera is source:  # else the transition that has put another in its place will see to the rest
            lanes.change(view, config, self.state)
        self.report.tell(camera)

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
        dispatchers = [*self.dispatchers, *self.leaving]
        for camera in self.cameras.values():
            camera.stop()
        for dispatcher in dispatchers:
            dispatcher.stop()
        for camera in self.cameras.values():
            camera.join(max(0.0, min(0.5, deadline - time.monotonic())))
        for dispatcher in dispatchers:
            dispatcher.join(max(0.1, min(1.0, deadline - time.monotonic())))
        self.outbox.finish(max(0.1, min(0.5, deadline - time.monotonic())))
        self.publisher.stop(max(0.2, deadline - time.monotonic()))
        self.outbox.stop(0.5)

    def over(self, now: float) -> bool:
        """All sources have ended, and the events are sent: as far as there is a broker, and it takes them in time."""
        if not self._finished:
            self._over_at = None
            return False
        self._over_at = self._over_at or now
        waiting = self.publisher.connected and self.outbox.health().depth > 0
        return not waiting or now - self._over_at >= DELIVERY_SECONDS

    @property
    def _finished(self) -> bool:
        """All sources were finite, have ended, and every frame has its answer."""
        now = time.monotonic()
        return all(camera.status(now).state == "ended" for camera in self.cameras.values()) and all(
            dispatcher.idle for dispatcher in self.dispatchers
        )


def topics(config: Config) -> Topics:
    return Topics(config.mqtt.prefix, config.device)


def listen(config: Config) -> tuple[str, ...]:
    """The topic filters to subscribe to."""
    birth = (f"{config.homeassistant.prefix}/status",) if config.homeassistant.enabled else ()
    return (topics(config).command(), *birth)
