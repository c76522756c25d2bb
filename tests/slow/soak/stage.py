"""Four cameras, a broker behind a proxy, somebody who listens, and a daemon: what is broken and mended for hours."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, mosquitto_process, wait_for
from tests.support.clips import film, scene, walk, write_clip
from tests.support.daemon import Daemon, config
from tests.support.processes import workers_of
from tests.support.proxy import Proxy
from tests.support.servers import MJPEG_URL, RTSP_URL, CameraServer, mjpeg_server, rtsp_server, serve
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.message import Message

FPS = 10
DECIDED_S = 60.0


class Stage:
    """folder: empty. film_of: a clip of a street, or None for a pattern that moves. person: a real model's name.

    `gate` and `yard` are RTSP cameras, `hall` an MJPEG camera, all of somebody who walks by again and again, seen by a
    network that finds what is bright; `street` is a file, looked at by the real model.
    """

    def __init__(self, folder: Path, film_of: Path | None, person: str) -> None:
        self._folder = folder
        self._closing = ExitStack()
        self.servers = self._cameras(folder)
        street = film(film_of) if film_of else scene(640, 480)
        street_clip = write_clip(folder / "street.mp4", street, frames=600, fps=FPS, counted=False)
        self.models = [str(bright_network(folder, name=name)) for name in ("one", "two")]
        self.broker = mosquitto_process(folder)
        self.proxy = Proxy(self.broker.port)
        self.heard: dict[str, int] = {}
        self.twice = self.out_of_order = self.detections = 0
        self._last = 0
        self._listen()
        walkers = {name: self._walker(name) for name in self.servers}
        self.content: dict[str, Any] = {
            "model": self.models[0],
            "outbox": {"max_age": "30d"},
            "cameras": {
                **walkers,
                "street": {
                    "source": str(street_clip),
                    "loop": True,
                    "fps": 2,
                    "model": person,
                    "motion": {"enabled": True},
                },
            },
        }
        self.daemon = Daemon(folder, self.text())
        self.daemon.start()
        wait_for(self.daemon.ready, 60, "the daemon did not start")

    def _cameras(self, folder: Path) -> dict[str, CameraServer]:
        found = {}
        for number, name in enumerate(("gate", "yard", "hall")):
            places: list[float | None] = [None] * (3 * FPS)
            places += [0.1 + 0.8 * i / (4 * FPS) for i in range(4 * FPS)]
            places += [None] * ((5 + 3 * number) * FPS)
            jpeg = name == "hall"
            path, codec = (folder / f"{name}.avi", "mjpeg") if jpeg else (folder / f"{name}.mp4", "libx264")
            clip = write_clip(path, walk(places), frames=len(places), fps=FPS, counted=False, codec=codec)
            command = mjpeg_server(clip, fps=FPS) if jpeg else rtsp_server(clip, fps=FPS)
            command.remove("--report")
            found[name] = self._closing.enter_context(serve(command, MJPEG_URL if jpeg else RTSP_URL))
        return found

    def _walker(self, name: str) -> dict[str, Any]:
        return {
            "source": self.servers[name].url,
            "timeout": 3,
            "fps": 5,
            "zones": {"right": {"polygon": [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}},
            "lines": {"middle": {"points": [[0.5, 1], [0.5, 0]]}},
            "snapshots": {"enabled": True},
        }

    def text(self) -> str:
        return config(
            self.proxy.port, self.content["cameras"], **{k: v for k, v in self.content.items() if k != "cameras"}
        )

    def write(self, text: str) -> str:
        """As an editor does; what became of it."""
        before = self.daemon.status()["reloads"]
        draft = self.daemon.file.with_suffix(".swp")
        draft.write_text(text)
        draft.replace(self.daemon.file)
        wait_for(lambda: self.daemon.status()["reloads"] > before, DECIDED_S, "an edit was not decided")
        return str(self.daemon.status()["config"]["state"])

    def _listen(self) -> None:
        topics = [TOPICS.events, TOPICS.detections("+")]
        self._subscriber = Subscriber(Endpoint(HOST, self.broker.port), topics, self._hear, verb="soak")
        self._subscriber.start(30)

    def _hear(self, message: Message) -> None:
        if message.topic != TOPICS.events:
            self.detections += 1
            return
        body = json.loads(message.payload)
        if body["id"] in self.heard:
            self.twice += 1
            return
        self.heard[body["id"]] = body["seq"]
        self.out_of_order += body["seq"] < self._last
        self._last = max(self._last, body["seq"])

    def lose_broker(self) -> None:
        """What the broker has acknowledged before must have reached its listener: no device can mend that loss."""
        self.proxy.refuse()
        time.sleep(0.5)
        self._subscriber.stop()
        self.broker.kill()

    def bring_broker_back(self) -> None:
        self.broker.start()
        self._listen()
        self.proxy.accept()

    def kill_workers(self) -> None:
        for pid in workers_of(self.daemon.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def lost(self) -> list[int]:
        """The numbers of all events that were on the disk and were never heard; the disk itself must have no hole."""
        (file,) = self.daemon.state.glob("outbox.db")
        with closing(sqlite3.connect(file)) as database:
            rows = [seq for (seq,) in database.execute("SELECT seq FROM events ORDER BY n")]
        assert rows == list(range(1, len(rows) + 1)), "the disk itself has lost some"
        return sorted(set(rows) - set(self.heard.values()))

    def end(self) -> None:
        self.daemon.end()
        self._subscriber.stop()
        self.proxy.stop()
        self.broker.kill()
        self._closing.close()
