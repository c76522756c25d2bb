"""What the parts say, on its way out: results and states to MQTT, health and progress to whoever asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agent.config.redact import redact
from agent.publish import events, payloads
from agent.publish.clock import clock_synced
from agent.publish.detections import (
    FrameStamp,
    Latency,
    ModelStamp,
    Origin,
    detections_message,
    unknown_message,
)
from agent.publish.feed import RateLimit
from agent.runtime import machine
from agent.runtime.alerts import Alerts
from agent.runtime.faults import camera_faults, engine_faults
from agent.runtime.health import camera_health, engine_health, in_service
from agent.runtime.scene_report import SceneReport
from agent.runtime.view import View
from backends.detections import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.capture.camera import Camera, CameraStatus
    from agent.config.model import CameraConfig, Config
    from agent.dispatch.dispatcher import Dispatcher
    from agent.dispatch.ladder import Ladder
    from agent.dispatch.lane import Lane
    from agent.dispatch.result import EngineStatus, Pixels, Result
    from agent.perception.facts import Facts
    from agent.publish.counters import Counters
    from agent.publish.leases import Leases
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox import Outbox
    from agent.publish.topics import Topics
    from agent.runtime.alerts import Alert
    from agent.runtime.faults import Faults
    from agent.runtime.state import SceneState
    from backends.artifact import Artifact

_DETECTIONS_EXPIRY = 5.0


class Report:
    """The `on_...` methods are called on the threads of the parts they hear from; the rest on the main thread."""

    def __init__(
        self,
        config: Config,
        topics: Topics,
        publisher: Publisher,
        outbox: Outbox,
        state: SceneState,
        leases: Leases,
        boot_id: str,
    ) -> None:
        self._config = config
        self._topics = topics
        self._publisher = publisher
        self._outbox = outbox
        self._state = state
        self._boot_id = boot_id
        self._leases = leases
        self._started = time.monotonic()
        self.views: dict[str, View] = {}
        self._scenes: dict[str, SceneReport] = {}
        self._alerts = Alerts(self._on_alert)

    def add(self, config: CameraConfig, artifact: Artifact, camera: Camera, lane: Lane, dispatcher: Dispatcher) -> None:
        view = self.views[config.id] = View(
            config,
            camera,
            lane,
            dispatcher,
            ModelStamp(artifact.name, artifact.rev, "", artifact.labels),
            Origin(self._config.device, config.id, self._boot_id),
            self._topics.detections(config.id),
            RateLimit(self._config.mqtt.detections.max_rate),
        )
        self._scenes[config.id] = SceneReport(view, self._topics, self._publisher, self._outbox, self._state)

    def on_facts(self, camera: str, facts: Facts, pictures: Mapping[int, Pixels]) -> None:
        if facts.counts or facts.happenings:
            self._scenes[camera].tell(facts, pictures)

    def on_result(self, result: Result) -> None:
        view = self.views[result.frame.camera]
        self.on_facts(result.frame.camera, result.facts, result.pictures)
        now = time.monotonic()
        if not self._wanted(view, now) or not view.limit.allows(now):
            return
        frame = result.frame
        stamp = FrameStamp(frame.index, frame.width, frame.height, frame.captured_at, frame.media_time)
        synced = clock_synced()
        seen = result.facts.seen
        if isinstance(seen, Unknown):
            message = unknown_message(view.origin, view.seq, stamp, synced, seen.reason)
        else:
            total = (time.monotonic() - frame.monotonic) * 1e3
            latency = Latency(result.queue_ms, result.inference_ms, total)
            message = detections_message(
                view.origin,
                view.seq,
                stamp,
                synced,
                view.stamp(result.backend, result.rev),
                latency,
                seen.xyxy,
                seen.confidence,
                seen.class_id,
                result.facts.track_ids,
            )
        view.seq += 1
        view.published += self._publisher.send(view.topic, message, _DETECTIONS_EXPIRY)

    def _wanted(self, view: View, now: float) -> bool:
        publish = self._config.mqtt.detections.publish
        return publish == "on" or (publish == "leased" and self._leases.active(view.config.id, now))

    def on_engine(self, engine: str, status: EngineStatus | None) -> None:
        payload = payloads.CLEAR
        if status is not None:
            payload = payloads.engine_status(
                status.state, status.backend, status.device, status.cause or None, status.fallback, status.since
            )
        self._publisher.retain(self._topics.engine_status(engine), payload)

    def on_camera(self, camera: str) -> Callable[[CameraStatus], None]:
        def on_status(status: CameraStatus) -> None:
            view = self.views.get(camera)
            if view is None:
                return
            self._publisher.retain(self._topics.camera_status(camera), payloads.camera_status(status.state))
            if status.state != view.told:
                view.told = status.state
                error = redact(status.error) or None
                event = events.camera_status_event(camera, status.state, error, time.time(), synced=clock_synced())
                self._outbox.put(event)
            view.engine = view.serving()
            self._publisher.retain(self._topics.camera_state(camera), payloads.camera_state(_state(view, status)))

        return on_status

    def info(self, info: payloads.Info) -> None:
        self._publisher.retain(self._topics.info, payloads.info(info))

    def tune(self, camera: CameraConfig) -> None:
        """The camera's config is another now."""
        view = self.views[camera.id]
        view.config = camera
        self.on_camera(camera.id)(view.camera.status(time.monotonic()))

    def announce(self, info: payloads.Info) -> None:
        """What is told from the first moment: info, and each camera and engine as it stands."""
        self.info(info)
        started = events.agent_started_event(
            info.version, self._boot_id, info.last_exit, time.time(), synced=clock_synced()
        )
        self._outbox.put(started)
        for camera, view in self.views.items():
            self.on_camera(camera)(view.camera.status(time.monotonic()))
        for ladder in self._ladders():
            for engine, status in ladder.statuses.items():
                self.on_engine(engine, status)

    def config(self, status: payloads.ConfigStatus) -> None:
        self._publisher.retain(self._topics.config_status, payloads.config_status(status))

    def sample(self, now: float, faults: Faults) -> None:
        """Once a second: rates, alerts, and which engine each camera's frames go to. faults: of the device itself."""
        for camera, view in self.views.items():
            view.sample(now)
            if view.engine != view.serving():
                self.on_camera(camera)(view.camera.status(now))
        own = {**camera_faults(self.views.values(), now), **engine_faults(self._ladders())}
        self._alerts.update(now, {**faults, **own})

    def health(self, now: float) -> payloads.Health:
        return payloads.Health(
            device=self._config.device,
            boot_id=self._boot_id,
            at=time.time(),
            synced=clock_synced(),
            uptime=self.uptime(now),
            cameras={camera: camera_health(view, now) for camera, view in self.views.items()},
            engines={r.spec.id: engine_health(r, s) for ladder in self._ladders() for r, s in in_service(ladder)},
            mqtt=self._counters(),
            rss=machine.own_resident_bytes(),
            load=machine.load(),
            temperature=machine.temperature(),
            throttled=machine.throttled(),
            outbox=self._outbox.health(),
            alerts=[
                {"code": subject.code, "subject": subject.subject, "severity": fault.severity, "text": fault.text}
                for subject, fault in self._alerts.raised.items()
            ],
        )

    def uptime(self, now: float) -> float:
        """Seconds since the start."""
        return now - self._started

    def _counters(self) -> Counters:
        counters = self._publisher.counters
        counters.missed.update(self._outbox.missed())
        return counters

    def publish_health(self, now: float) -> None:
        interval = self._config.health.interval
        self._publisher.send(self._topics.health, payloads.health(self.health(now)), max(30.0, 3 * interval))

    def status(self, now: float) -> dict[str, Any]:
        """For the status file: health, and what a person asks next."""
        body: dict[str, Any] = payloads.plain(self.health(now))
        for camera, view in self.views.items():
            status = view.camera.status(now)
            body["cameras"][camera] |= {
                "source": redact(view.config.source),
                "error": status.error,
                "decoder": status.decoder,
                "width": status.width,
                "height": status.height,
                "frames": view.camera.frames,
                "inferred": view.lane.inferred,
                "unknown": view.lane.unknown,
                "published": view.published,
                "model": view.model.name,
                "engine": view.dispatcher.ladder.current.spec.id,
            }
        body["mqtt"] |= {
            "connected": self._publisher.connected,
            "protocol": self._publisher.protocol,
            "last_error": self._publisher.last_error,
        }
        for ladder in self._ladders():
            for rung, engine in in_service(ladder):
                own = {"cause": engine.cause, "fallback": engine.fallback, **rung.info}
                body["engines"].setdefault(rung.spec.id, {}).update(own)
        return body

    def stuck(self, now: float, limit: float) -> str | None:
        """Which part has not made progress for `limit` seconds, or None.

        A camera that is offline and being retried is progress, and so is a frame answered with "unknown": both are
        handled. A dispatch thread that does not turn, or frames that nobody answers, are not.
        """
        for dispatcher in self._dispatchers():
            if not dispatcher.alive or now - dispatcher.turned_at > limit:
                return f"the dispatch thread of {dispatcher.model} does not turn"
        for camera, view in self.views.items():
            if not view.camera.alive and view.camera.status(now).state != "ended":
                return f"the thread of camera {camera} is gone"
            waiting = view.lane.mailbox.waiting_since()
            if waiting is not None and now - max(waiting, view.lane.answered_at) > limit:
                return f"frames of camera {camera} get no answer"
        return None

    def _on_alert(self, alert: Alert) -> None:
        self._publisher.retain(self._topics.alert(*alert.subject), alert.payload())
        fault, now = alert.fault, time.time()
        event = events.alert_event(
            *alert.subject,
            fault.severity,
            fault.text,
            fault.hint,
            alert.since,
            now,
            raised=alert.raised,
            synced=clock_synced(),
        )
        self._outbox.put(event)

    def _ladders(self) -> list[Ladder]:
        return [dispatcher.ladder for dispatcher in self._dispatchers()]

    def _dispatchers(self) -> list[Dispatcher]:
        return list({id(view.dispatcher): view.dispatcher for view in self.views.values()}.values())


def _state(view: View, status: CameraStatus) -> payloads.CameraState:
    return payloads.CameraState(
        enabled=view.camera.enabled,
        source=redact(view.config.source),
        width=status.width or None,
        height=status.height or None,
        fps=status.fps or None,
        model=view.model.name,
        engine=view.engine[0],
        motion=view.config.motion.enabled,
        confidence=view.config.confidence,
        since=status.since,
        engine_state=view.engine[1],
    )
