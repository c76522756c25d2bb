"""The agent's side of the broker, without cameras and engines: real publisher, real announcer, real payloads.

It does not prove that the daemon says these things at the right time.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

from agent.config.model import (
    CameraConfig,
    Config,
    HomeAssistantConfig,
    LabelConfig,
    LineConfig,
    MqttConfig,
    ZoneConfig,
)
from agent.publish import counts, payloads
from agent.publish.counters import Counters
from agent.publish.events import Event, Numbered, TrackData, as_historical, event_message
from agent.publish.homeassistant.announcer import Announcer
from agent.publish.homeassistant.presence import Presence
from agent.publish.mqtt import Publisher
from agent.publish.topics import ALL, Topics
from tests.support.brokers import HOST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.publish.message import Message

UID = "a1b2c3d4e5f60718"
COMMANDS = ("ping", "info", "camera.set", "snapshot", "restart")
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
_WHERE = ((0.1, 0.5), (0.9, 0.5), (0.9, 1.0))


def camera(name: str) -> CameraConfig:
    return CameraConfig(
        name,
        "rtsp://10.0.0.7/stream",
        "rtsp",
        labels=(LabelConfig("person"), LabelConfig("car")),
        zones=(ZoneConfig("porch", _WHERE, name="Front porch", labels=("person",)),),
        lines=(LineConfig("door", ((0.2, 0.8), (0.8, 0.8))),),
    )


def config(port: int, *cameras: str, device: str = "pi", enabled: bool = True) -> Config:
    return Config(
        device,
        tuple(map(camera, cameras)),
        name="Garden",
        mqtt=MqttConfig(host=HOST, port=port),
        homeassistant=HomeAssistantConfig(enabled=enabled),
    )


def presence(of: Config, form: str) -> Presence:
    return Presence(of, UID, "1.2.3", "A board", ["person"], ["openvino-person"], COMMANDS, {}, form)  # type: ignore[arg-type]


class Played:
    """One run. Everything is as it should be until it is told otherwise."""

    def __init__(self, wanted: Presence, folder: Path) -> None:
        self.presence, mqtt = wanted, wanted.config.mqtt
        self.topics = Topics(mqtt.prefix, wanted.config.device)
        self.publisher = Publisher(
            mqtt,
            wanted.config.device,
            listen=[f"{wanted.config.homeassistant.prefix}/status"],
            on_message=self._heard,
        )
        self.announcer = Announcer(wanted.config, _Broker(self.publisher), folder, draw=lambda: 0.0)
        self._alerts: list[dict[str, str]] = []
        self._stopped = threading.Event()
        self._turning = threading.Thread(target=self._turn, daemon=True)
        self._seq = 0

    def _heard(self, message: Message) -> None:
        self.announcer.heard(message)

    def start(self) -> Played:
        self.announcer.announce(self.presence)
        self.info()
        for each in self.presence.config.cameras:
            self.status(each.id, "online")
            self.state(each.id)
            self.counts(each.id, 0)
            self.publisher.show(self.topics.camera_snapshot(each.id), JPEG)
        self.publisher.start()
        self._turning.start()
        wait_for(lambda: self.publisher.connected)
        return self

    def stop(self) -> None:
        self._stopped.set()
        self._turning.join(5)
        self.publisher.stop(2.0)

    def announced(self) -> bool:
        """Whether nothing of former runs is left to be taken back."""
        return not self.announcer._leaving and not self.announcer._gone

    def kill(self) -> None:
        """As a crash: no goodbye."""
        self._stopped.set()
        self._turning.join(5)
        link = self.publisher._link
        assert link is not None
        self.publisher._stopping.set()
        link.abort()

    def info(self) -> None:
        model = payloads.ModelInfo("person", "77ab01ce", ["person", "car"], None)
        value = payloads.Info(
            self.presence.config.device, UID, "Garden", "1.2.3", 1, "b", "A board", "Linux", ["openvino-person"],
            [model], [c.id for c in self.presence.config.cameras], COMMANDS, "info", None,
        )  # fmt: skip
        self.publisher.retain(self.topics.info, payloads.info(value))

    def status(self, name: str, status: payloads.CameraStatus) -> None:
        self.publisher.retain(self.topics.camera_status(name), payloads.camera_status(status))

    def state(self, name: str, **changes: Any) -> None:
        usual = payloads.CameraState(
            True, "rtsp://10.0.0.7", 640, 480, 5.0, "person", "openvino-person", True, 0.5, time.time(), "serving"
        )
        payload = payloads.camera_state(dataclasses.replace(usual, **changes))
        self.publisher.retain(self.topics.camera_state(name), payload)

    def counts(self, name: str, number: int) -> None:
        now = time.time()
        for label in (ALL, "person", "car"):
            for zone in ("", "porch"):
                count = counts.count(number, stale=False, at=now)
                self.publisher.retain(self.topics.count(name, label, zone), count)
                occupied = counts.occupancy(occupied=number > 0, stale=False, since=now)
                self.publisher.retain(self.topics.occupancy(name, label, zone), occupied)
            line = counts.line_count(number, 0, since=now, at=now)
            self.publisher.retain(self.topics.line_count(name, "door", label), line)

    def alert(self, *alerts: dict[str, str]) -> None:
        self._alerts = list(alerts)
        self.health()

    def health(self) -> None:
        cameras = {
            c.id: payloads.CameraHealth("online", 0.1, 0.2, 14.98, 5.02, {}) for c in self.presence.config.cameras
        }
        engines = {"openvino-person": payloads.EngineHealth("serving", 6.23, 9.0, 0)}
        value = payloads.Health(
            self.presence.config.device, "b", time.time(), True, 10.0, cameras, engines, Counters(), 104857600,
            (0.1, 0.2, 0.3), 48.4, None, payloads.OutboxHealth(3, 1.0, 900), self._alerts,
        )  # fmt: skip
        self.publisher.send(self.topics.health, payloads.health(value), 30.0)

    def event(self, name: str, kind: str, *, historical: bool = False, **changes: Any) -> str:
        """Its id. As the outbox would send it."""
        self._seq += 1
        now = time.time()
        data = TrackData(
            "e-7", 7, "person", 0, 0.88, 0.97, (0.1, 0.2, 0.3, 0.4), now - 5, now, 5.0, False, False, (), (), (),
            (640, 480), "person", "77ab01ce",
        )  # fmt: skip
        body = event_message(
            Event(kind, now, True, dataclasses.replace(data, **changes), name),
            number := Numbered("e", self._seq),
            self.presence.config.device,
        )
        assert self.publisher.send(self.topics.events, as_historical(body) if historical else body)
        return number.id

    def _turn(self) -> None:
        beat = 0.0
        while not self._stopped.wait(0.1):
            self.announcer.turn(now := time.monotonic())
            if now - beat >= 1.0:
                beat = now
                self.publisher.tick(now)
                self.health()


class _Broker:
    """The publisher, as the announcer knows it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.retain = publisher.retain

    @property
    def connected(self) -> bool:
        return self._publisher.connected

    def again(self, topics: Iterable[str]) -> None:
        with self._publisher._lock:
            for topic in topics:
                self._publisher._ledger.retained.again(topic)
            self._publisher._pump()
