"""What the parts say, on its way out: results and states to MQTT, health and progress to whoever asks."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from agent.config.redact import redact
from agent.publish import events, payloads
from agent.publish.clock import clock_synced
from agent.publish.detections import FrameStamp, Latency, ModelStamp, Origin, detections_message, unknown_message
from agent.publish.rate import DetectionsRate
from agent.publish.summary import Summary
from agent.runtime import machine
from agent.runtime.alerts import Alerts
from agent.runtime.faults import camera_faults, engine_faults
from agent.runtime.health import camera_health, engine_health, in_service, ladders
from agent.runtime.raised import Raised
from agent.runtime.scene_report import SceneReport
from agent.runtime.view import View
from backends.detections import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.capture.camera import Camera
    from agent.capture.status import CameraStatus
    from agent.config.model import Config
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
    from agent.runtime.heat import Heat
    from agent.runtime.last_exit import LastExit
    from agent.runtime.model_runner import ModelRunner
    from agent.runtime.raised import Fault, Subject
    from agent.runtime.state import SceneState

_DETECTIONS_EXPIRY = 5.0
log = logging.getLogger("vedette.alert")


class Report:
    """The `on_...` methods are called on the threads of the parts they hear from; `health` on any; the rest on main."""

    def __init__(
        self,
        config: Config,
        topics: Topics,
        publisher: Publisher,
        outbox: Outbox,
        state: SceneState,
        leases: Leases,
        heat: Heat,
        boot_id: str,
    ) -> None:
        self._config = config
        self._topics = topics
        self._publisher = publisher
        self._outbox = outbox
        self._state = state
        self._boot_id = boot_id
        self._leases = leases
        self._heat = heat
        self._started = time.monotonic()
        self._lock = threading.RLock()  # of the views, and of what is told of cameras and engines
        self.views: dict[str, View] = {}
        self._scenes: dict[str, SceneReport] = {}
        self._seqs: dict[str, int] = {}  # of cameras that are gone
        self._alerts = Alerts(self._on_alert, Raised(state.folder))
        self._summary = Summary()

    def add(self, camera: Camera, lane: Lane, runner: ModelRunner) -> None:
        """A camera more, or one that is built anew: what was counted of it goes on."""
        before = self.views.get(lane.camera)
        model = ModelStamp(runner.artifact.name, runner.artifact.rev, "", runner.artifact.labels)
        view = View(
            camera.config,
            camera,
            lane,
            runner.dispatcher,
            model,
            Origin(self._config.device, lane.camera, self._boot_id),
            self._topics.detections(lane.camera),
            DetectionsRate(self._config.mqtt.detections.max_rate),
        )
        if before is not None:
            view.count_on(before)
        else:
            view.seq = self._seqs.pop(lane.camera, 0)
        scene = SceneReport(view, self._topics, self._publisher, self._outbox, self._state)
        with self._lock:  # new dicts, since others may be going through them on their threads
            self._scenes = {**self._scenes, lane.camera: scene}
            self.views = {**self.views, lane.camera: view}

    def remove(self, camera: str) -> None:
        """Nothing more is said of it."""
        with self._lock:
            if (view := self.views.get(camera)) is not None:
                self._seqs[camera] = view.seq  # it may come back, and its messages are numbered on
            self.views = {name: view for name, view in self.views.items() if name != camera}
            self._scenes = {name: scene for name, scene in self._scenes.items() if name != camera}

    def use(self, config: Config) -> None:
        """What is not of one camera is as `config` says from now on."""
        before, self._config = self._config, config
        if config.mqtt.detections.max_rate != before.mqtt.detections.max_rate:
            for view in self.views.values():
                view.limit = DetectionsRate(config.mqtt.detections.max_rate)

    def on_facts(self, camera: str, facts: Facts, pictures: Mapping[int, Pixels]) -> None:
        if facts.counts or facts.happenings:
            self._scenes[camera].tell(facts, pictures)

    def on_result(self, result: Result) -> None:
        view = self.views[result.frame.camera]
        self.on_facts(result.frame.camera, result.facts, result.pictures)
        now = time.monotonic()
        answer = not isinstance(result.facts.seen, Unknown)
        if answer:
            view.latency.observe(now - result.frame.monotonic)
        if not self._wanted(view, now) or not view.limit.allows(now, answer=answer):
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
        if (s := status) is not None:
            payload = payloads.engine_status(s.state, s.backend, s.device, s.cause or None, s.fallback, s.since)
        with self._lock:
            self._publisher.retain(self._topics.engine_status(engine), payload)

    def tell_engines(self, ladder: Ladder) -> None:
        """How they are. As `tell`: what their own thread says meanwhile comes after."""
        with self._lock:
            for engine, status in list(ladder.statuses.items()):
                self.on_engine(engine, status)

    def on_camera(self, camera: Camera, _: CameraStatus | None = None) -> None:
        """Tells how it is by now: what was read before would come late where another thread has told of it meanwhile.

        Of one that is not the camera of this name, not yet or not any more, nothing is told.
        """
        name = camera.config.id
        with self._lock:
            view = self.views.get(name)
            if view is None or view.camera is not camera:
                return
            status = camera.status(time.monotonic())
            self._publisher.retain(self._topics.camera_status(name), payloads.camera_status(status.state))
            if status.state != view.told:
                view.told = status.state
                error, at, synced = redact(status.error) or None, time.time(), clock_synced()
                self._outbox.put(events.camera_status_event(name, status.state, error, at, synced=synced))
            view.engine = view.serving()
            self._publisher.retain(self._topics.camera_state(name), payloads.camera_state(view.state(status)))

    def tell(self, name: str) -> None:
        """How the camera is, now that something of it has changed."""
        self.on_camera(self.views[name].camera)

    def info(self, info: payloads.Info) -> None:
        self._publisher.retain(self._topics.info, payloads.info(info))

    def announce(self, info: payloads.Info, last: LastExit) -> None:
        """What is told from the first moment: info, and each camera and engine as it stands."""
        self.info(info)
        started = events.agent_started_event(
            info.version, self._boot_id, last.reason, last.lines, time.time(), synced=clock_synced()
        )
        self._outbox.put(started)
        for camera in self.views:
            self.tell(camera)
        for ladder in ladders(self.views.values()):
            self.tell_engines(ladder)

    def config(self, status: payloads.ConfigStatus) -> None:
        self._publisher.retain(self._topics.config_status, payloads.config_status(status))

    def config_changed(self, status: payloads.ConfigStatus, origin: str, changed: Sequence[str]) -> None:
        """A config was taken over, refused or taken back."""
        self._outbox.put(
            events.config_event(
                status.state, status.running_hash, origin, changed, status.errors, time.time(), synced=clock_synced()
            )
        )

    def sample(self, now: float, faults: Faults) -> None:
        """Once a second: rates, alerts, and which engine each camera's frames go to. faults: of the device itself."""
        for camera, view in self.views.items():
            view.sample(now)
            if view.engine != view.serving():
                self.tell(camera)
        own = {**camera_faults(self.views.values(), now), **engine_faults(ladders(self.views.values()))}
        self._alerts.update(now, {**faults, **own})
        if now >= self._summary.due and (summary := self._summary.take(self.health(now), now)) is not None:
            self._publisher.retain(self._topics.summary, summary)

    def health(self, now: float) -> payloads.Health:
        board = self._heat.board
        return payloads.Health(
            device=self._config.device,
            boot_id=self._boot_id,
            at=time.time(),
            synced=clock_synced(),
            uptime=self.uptime(now),
            cameras={camera: camera_health(view, now) for camera, view in self.views.items()},
            engines={
                rung.spec.id: engine_health(rung, status)
                for ladder in ladders(self.views.values())
                for rung, status in in_service(ladder)
            },
            mqtt=self._counters(),
            rss=machine.own_resident_bytes(),
            load=machine.load(),
            temperature=board.temperature,
            throttled=board.throttled,
            board=board.to_json(),
            outbox=self._outbox.health(),
            alerts=[
                {"code": subject.code, "subject": subject.subject, "severity": fault.severity, "text": fault.text}
                for subject, fault in self.alerts.items()
            ],
        )

    @property
    def alerts(self) -> Mapping[Subject, Fault]:
        """Those that are raised."""
        return self._alerts.raised

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
        level, (code, subject) = logging.WARNING if alert.raised else logging.INFO, alert.subject
        fields = {"EVENT": event.type} | ({"CAMERA": subject} if subject in self.views else {})
        told = f"raised: {redact(fault.text)} ({fault.hint})" if alert.raised else "is over"
        log.log(level, "%s of %s %s", code, subject, told, extra=fields)
