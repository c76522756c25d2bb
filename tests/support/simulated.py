"""What a simulated device says: made by the project's own builders, so that it is what a real one says. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agent import __version__
from agent.publish import counts, payloads
from agent.publish.counters import Counters
from agent.publish.detections import FrameStamp, Origin, unknown_message
from agent.publish.events import Event, Numbered, TrackData, event_message, track_uid
from agent.publish.payloads import CameraHealth, EngineHealth, Health, Info, ModelInfo, OutboxHealth
from agent.publish.summary import Summary
from agent.publish.topics import Topics

PERSON = ModelInfo("person", "7a23982e", ["person"], "MIT")
COCO = ModelInfo("coco-ssd", "b1d9ef02", [f"label {n}" for n in range(80)], "Apache-2.0")
BOOT = 1.7e9
FPS = 15.0
CAMERA, ZONE = "yard", "porch"


def name_of(n: int) -> str:
    return f"sim-{n:05d}"


@dataclass(slots=True)
class Simulated:
    """One device with one camera. Every fifth has a model of 80 labels; every tenth has an alert."""

    number: int
    prefix: str = ""
    seq: int = 0
    topics: Topics = field(init=False)
    model: ModelInfo = field(init=False)

    def __post_init__(self) -> None:
        self.topics = Topics(self.prefix, name_of(self.number))
        self.model = COCO if self.number % 5 == 0 else PERSON

    @property
    def boot_id(self) -> str:
        return f"{self.number:08x}"

    @property
    def engine(self) -> str:
        return f"openvino-{self.model.name}"

    @property
    def troubled(self) -> bool:
        return self.number % 10 == 0

    def retained(self) -> dict[str, bytes]:
        """All but `status`, in the order in which a device says it."""
        topics, health = self.topics, self.health()
        info = Info(
            topics.device,
            f"{self.number:016x}",
            topics.device,
            __version__,
            1,
            self.boot_id,
            "Raspberry Pi 5 Model B Rev 1.0",
            "Debian GNU/Linux 12 (bookworm)",
            [self.engine],
            [self.model],
            [CAMERA],
            ["ping", "info", "log.tail", "replay", "stream.lease"],
            "info",
            "clean",
        )
        state = payloads.CameraState(
            enabled=True,
            source="rtsp://10.0.0.7/stream2",
            width=1280,
            height=720,
            fps=FPS,
            model=self.model.name,
            engine=self.engine,
            motion=True,
            confidence=0.5,
            since=BOOT,
            engine_state="serving",
        )
        config = payloads.ConfigStatus("ok", "586464408210", "/etc/vedette/vedette.yaml", "586464408210", [], [], BOOT)
        summary = Summary().take(health, 0.0)
        assert summary is not None
        values = {
            topics.info: payloads.info(info),
            topics.config_status: payloads.config_status(config),
            topics.camera_status(CAMERA): payloads.camera_status("online"),
            topics.camera_state(CAMERA): payloads.camera_state(state),
            topics.engine_status(self.engine): payloads.engine_status("serving", "openvino", "cpu", None, None, BOOT),
            topics.summary: summary,
        }
        for label in ("all", "person"):
            for zone in ("", ZONE):
                values[topics.count(CAMERA, label, zone)] = counts.count(1, stale=False, at=BOOT)
                values[topics.occupancy(CAMERA, label, zone)] = counts.occupancy(occupied=True, stale=False, since=BOOT)
        for alert in health.alerts:
            topic = topics.alert(alert["code"], alert["subject"])
            values[topic] = payloads.alert("warning", BOOT, alert["text"], "give it air")
        return values

    def health(self) -> Health:
        hot = [{"code": "thermal", "subject": "device", "severity": "warning", "text": "looks less often: 81 degrees"}]
        drops = {"busy": 3, "gated": 40_000, "overtaken": 12, "rate": 90_000}
        return Health(
            device=self.topics.device,
            boot_id=self.boot_id,
            at=time.time(),
            synced=True,
            uptime=86_400.0,
            cameras={CAMERA: CameraHealth("online", 0.031, 0.204, FPS, 4.8, drops)},
            engines={self.engine: EngineHealth("serving", 24.012, 31.207, 0)},
            mqtt=Counters(sent=400_000, retained=1200, events=self.seq, connects=1),
            rss=126_000_000,
            load=(0.41, 0.39, 0.38),
            temperature=61.2,
            throttled=False,
            outbox=OutboxHealth(0, None, 0),
            alerts=hot if self.troubled else [],
        )

    def event(self) -> bytes:
        """The next of its stream: the end of somebody's walk, the largest kind of event there is."""
        self.seq += 1
        now, epoch = time.time(), self.epoch
        path = [(0.5 * step, 0.4127 + 0.002 * step, 0.5520) for step in range(24)]
        track = TrackData(
            track_uid(epoch, self.seq),
            self.seq,
            "person",
            0,
            0.88,
            0.97,
            (0.41276, 0.20139, 0.47135, 0.55208),
            now - 11.8,
            now - 0.5,
            11.8,
            stationary=False,
            stale=False,
            zones=[(ZONE, 6.2)],
            lines=[("door", "in")],
            path=path,
            frame=(1280, 720),
            model=self.model.name,
            model_rev=self.model.rev,
            end_reason="left",
        )
        event = Event("vedette.track.ended", now, True, track, CAMERA)
        return event_message(event, Numbered(epoch, self.seq), self.topics.device)

    @property
    def epoch(self) -> str:
        return f"{self.number + 1:012x}"

    def look(self, seq: int) -> bytes:
        """Its `detections` of a still scene: nobody looked."""
        origin = Origin(self.topics.device, CAMERA, self.boot_id)
        return unknown_message(origin, seq, FrameStamp(seq, 1280, 720, time.time(), seq / FPS), True, "gated")
