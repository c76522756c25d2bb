"""A daemon whose config file is edited while it runs, and what a subscriber sees of that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.audience import TOPICS, Audience
from tests.support.brokers import wait_for
from tests.support.daemon import UNMEASURED, Daemon, config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.support.brokers import BrokerProcess

WITHIN = 10.0
_COMMANDS = ("config.apply", "config.validate", "config.rollback", "config.get", "model.select", "camera.set")


class Stage:
    """A broker, a daemon with two cameras, and a subscriber; `edit` writes the config file anew.

    models: two that find what is bright; it begins with the first.
    """

    def __init__(self, folder: Path, broker: BrokerProcess, clip: Path, models: Sequence[str]) -> None:
        self.broker, self.clip, self.models = broker, clip, models
        camera = {"source": str(clip), "loop": True, "fps": 10}
        self.content: dict[str, Any] = {
            "cameras": {"yard": dict(camera), "hall": dict(camera)},
            "model": self.models[0],
            "engine": dict(UNMEASURED),
            "health": {"interval": 1},
            "remote": {"commands": [*_COMMANDS]},
        }
        self.heard = Audience(broker)
        self.daemon = Daemon(folder, self.text())
        self.daemon.start()
        wait_for(self.daemon.ready, 30, self.daemon.log)
        wait_for(lambda: self.value(TOPICS.status) == b"online", WITHIN, self.daemon.log)
        wait_for(lambda: all(len(self.frames(camera)) > 3 for camera in ("yard", "hall")), WITHIN, self.daemon.log)

    def text(self) -> str:
        return config(self.broker.port, **self.content)

    def edit(self, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """What `config/status` says to it, once it is decided."""
        change(self.content)
        return self.write(self.text())

    def write(self, text: str) -> dict[str, Any]:
        """As an editor does: a new file in place of the old one."""
        before = self.daemon.status()["reloads"]
        draft = self.daemon.file.with_suffix(".swp")
        draft.write_text(text)
        draft.replace(self.daemon.file)
        wait_for(lambda: self.daemon.status()["reloads"] > before, 3 * WITHIN, self.daemon.log)
        return self.status()

    def status(self) -> dict[str, Any]:
        told = self.daemon.status()["config"]
        wait_for(lambda: json.loads(self.value(TOPICS.config_status) or b"{}").get("at", "") >= told["at"], WITHIN)
        return dict(json.loads(self.value(TOPICS.config_status) or b""))

    def value(self, topic: str) -> bytes | None:
        return self.heard.values().get(topic)

    def messages(self, camera: str) -> list[dict[str, Any]]:
        return [json.loads(p) for topic, p in self.heard.heard() if topic == TOPICS.detections(camera)]

    def frames(self, camera: str) -> list[int]:
        """Of each frame that was looked at, its number; what says that nobody looks may name one again."""
        return [message["frame"]["index"] for message in self.messages(camera) if message["inferred"]]

    def events(self, kind: str) -> list[dict[str, Any]]:
        events = [json.loads(payload) for topic, payload in self.heard.heard() if topic == TOPICS.events]
        return [event for event in events if event["type"] == kind]

    def statuses(self, camera: str) -> list[bytes]:
        return [payload for topic, payload in self.heard.heard() if topic == TOPICS.camera_status(camera)]

    def goes_on(self, camera: str) -> None:
        seen = len(self.frames(camera))
        wait_for(lambda: len(self.frames(camera)) > seen + 3, WITHIN, self.daemon.log)
        frames = self.frames(camera)
        assert frames == sorted(set(frames)), "its frames are counted anew"
