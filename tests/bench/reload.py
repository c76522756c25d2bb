"""What an edit of the config costs while everything runs.

    python -m tests.bench.reload

The real daemon on two clips at 25 frames a second, each frame inferred and published, the model `person`. `zone`: from
the file being saved to the new zone's count and `config/status` at a subscriber; `missing`: numbers of frames that no
message came for, `dropped` what the daemon itself counts. `model`: the longest time without a message of a camera while
the model is swapped for the same one under another name, beside the longest in as long a time without a swap.
`source`: the same for the camera whose source is changed. Bars: zone 1.0 s with no frame lost; model one inference and
0.2 s.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from agent.tools.broker import start_broker
from tests.support.audience import TOPICS, Audience
from tests.support.brokers import wait_for
from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon, config
from tests.support.staged import staged

if TYPE_CHECKING:
    from agent.publish.message import Message

CAMERAS = ("yard", "hall")
AROUND_S = 3.0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.broker = start_broker()
        self.clips = [write_clip(folder / f"{n}.mp4", scene(640, 480), frames=250) for n in range(2)]
        camera = {"source": str(self.clips[0]), "loop": True, "fps": 0}
        self.content: dict[str, Any] = {"model": "person", "cameras": {name: dict(camera) for name in CAMERAS}}
        self.audience = Audience(self.broker)
        self.daemon = Daemon(folder, self.text())
        self.daemon.start()
        wait_for(self.daemon.ready, 60, self.daemon.log)
        time.sleep(AROUND_S)

    def text(self) -> str:
        text = json.loads(config(self.broker.port, **self.content))
        text["mqtt"]["detections"] = {"max_rate": 0}
        return json.dumps(text)

    def end(self) -> None:
        self.daemon.end()
        self.audience.subscriber.stop()
        self.broker.stop()

    def save(self) -> float:
        """Returns time.monotonic() of it."""
        draft = self.daemon.file.with_suffix(".swp")
        draft.write_text(self.text())
        now = time.monotonic()
        draft.replace(self.daemon.file)
        return now

    def first(self, topic: str, since: float) -> Message:
        def found() -> Message | None:
            return next(
                (m for m in list(self.audience.messages) if m.topic == topic and m.at > since and m.payload), None
            )

        wait_for(lambda: found() is not None, 60, self.daemon.log)
        message = found()
        assert message is not None
        return message

    def decided(self, since: float) -> float:
        """Seconds until `config/status` says that it is so."""
        while True:
            message = self.first(TOPICS.config_status, since)
            told = json.loads(message.payload)
            if told["state"] == "ok" and told["running_hash"] == told["file_hash"]:
                return message.at
            assert told["state"] == "pending", told
            since = message.at

    def frames(self, camera: str, first: float, last: float) -> list[tuple[float, int]]:
        """When each came, and its number."""
        topic = TOPICS.detections(camera)
        found = [m for m in list(self.audience.messages) if m.topic == topic and first <= m.at <= last]
        return [(m.at, json.loads(m.payload)["frame"]["index"]) for m in found]

    def longest(self, camera: str, first: float, last: float) -> float:
        return max(b - a for (a, _), (b, _) in pairwise(self.frames(camera, first, last)))

    def missing(self, first: float, last: float) -> int:
        numbers = [[n for _, n in self.frames(camera, first, last)] for camera in CAMERAS]
        return sum(b - a - 1 for found in numbers for a, b in pairwise(found))

    def dropped(self) -> int:
        return sum(sum(camera["drops"].values()) for camera in self.daemon.status()["cameras"].values())


def calm(bench: Bench, seconds: float) -> tuple[int, int]:
    """Frames missing and dropped while nothing is changed."""
    dropped, began = bench.dropped(), time.monotonic()
    time.sleep(seconds)
    missing = bench.missing(began, time.monotonic())
    time.sleep(1.5)
    return missing, bench.dropped() - dropped


def zones(bench: Bench, rounds: int) -> tuple[list[float], list[float], int, int]:
    """Seconds to the count and to the status of each; frames missing and dropped in all."""
    counted, told = [], []
    dropped, began = bench.dropped(), time.monotonic()
    for n in range(rounds):
        place = {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
        bench.content["cameras"]["yard"]["zones"] = {f"zone{n}": place}
        saved = bench.save()
        told.append(bench.decided(saved) - saved)
        counted.append(bench.first(TOPICS.count("yard", "all", f"zone{n}"), saved).at - saved)
        time.sleep(0.5)
    time.sleep(1.5)
    return counted, told, bench.missing(began, time.monotonic()), bench.dropped() - dropped


def gaps(bench: Bench, rounds: int, change: Any) -> list[tuple[float, float]]:
    """The longest time without a message of `yard`, without and with the change."""
    found = []
    for n in range(rounds):
        calm = time.monotonic()
        time.sleep(2 * AROUND_S)
        quiet = bench.longest("yard", calm, time.monotonic())
        change(n)
        saved = bench.save()
        bench.decided(saved)
        time.sleep(AROUND_S)
        found.append((quiet, bench.longest("yard", saved, time.monotonic())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        other = str(staged("person", folder / "other", name="other"))
        bench = Bench(folder)
        try:
            quiet = calm(bench, rounds)
            counted, told, missing, dropped = zones(bench, rounds)
            print(f"zone    to its count: p50 {median(counted):.2f} s, most {max(counted):.2f} s (bar 1.0);", end=" ")
            print(
                f"to config/status: {median(told):.2f}, {max(told):.2f} s; missing {missing}, dropped {dropped}; ",
                end="",
            )
            print(f"without a change {quiet[0]}, {quiet[1]}")
            swaps = gaps(bench, rounds, lambda n: bench.content.update(model=("person", other)[(n + 1) % 2]))
            print(_gaps("model", swaps))
            yard = bench.content["cameras"]["yard"]
            print(_gaps("source", gaps(bench, rounds, lambda n: yard.update(source=str(bench.clips[(n + 1) % 2])))))
        finally:
            bench.end()


def _gaps(name: str, found: list[tuple[float, float]]) -> str:
    quiet, swap = zip(*found, strict=True)
    return (
        f"{name:7} longest time without a message: p50 {1e3 * median(swap):.0f} ms, most {1e3 * max(swap):.0f} ms; "
        f"without a change {1e3 * median(quiet):.0f}, {1e3 * max(quiet):.0f} ms"
    )


if __name__ == "__main__":
    main()
