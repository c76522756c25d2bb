"""What a subscriber learns of somebody who walks by: real clip, decoder, engine and broker; the model finds brightness.

The model is a network of our own that draws a box around bright pixels, so that what is told can be held to what was
drawn. It proves nothing of a detector's errors; tests/bench does, on real people.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.clips import walk, write_clip
from tests.support.daemon import config
from tests.support.processes import workers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

pytestmark = pytest.mark.rooted
FPS = 10
HALL = {
    "labels": ["person"],
    "zones": {"right": {"polygon": [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}},
    "lines": {"middle": {"points": [[0.5, 1], [0.5, 0]]}},
}
"""The arrow points up, so that walking to the right is "in"."""


def there_and_away(stand: float = 1.5) -> Iterable[float | None]:
    """Nobody for half a second; in from the left, over the line, into the zone, stands there, and is gone."""
    yield from [None] * (FPS // 2)
    yield from (0.1 + 0.7 * i / (3 * FPS) for i in range(3 * FPS))
    yield from [0.8] * round(stand * FPS)
    yield from [None] * (3 * FPS)


@pytest.fixture(scope="module")
def passer_by(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walk") / "walk.mp4"
    return write_clip(path, walk(there_and_away()), frames=200, fps=FPS, counted=False)


def events(audience: Audience) -> list[dict[str, Any]]:
    return [json.loads(payload) for topic, payload in audience.heard() if topic == TOPICS.events]


def kinds(audience: Audience) -> list[str]:
    """What happened to tracks, in order and each once, without the updates."""
    once = {event["id"]: event for event in events(audience)}.values()
    found = [event["type"].removeprefix("vedette.") for event in once]
    return [kind for kind in found if kind.split(".")[0] in {"track", "zone", "line"} and kind != "track.updated"]


def values(audience: Audience, topic: str) -> list[dict[str, Any]]:
    return [json.loads(payload) for heard, payload in audience.heard() if heard == topic and payload]


def known(audience: Audience, topic: str) -> list[int]:
    """The counts while they held; at the end they are stale."""
    assert values(audience, topic)[-1]["stale"]
    return [value["count"] for value in values(audience, topic) if not value["stale"]]


def test_somebody_walks_by(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, passer_by: Path, model: str
) -> None:
    audience = listen(mosquitto)
    camera = {"source": str(passer_by), "pace": "max", "snapshots": {"enabled": True, "box": True}, **HALL}
    text = config(mosquitto.port, {"hall": camera}, own=model)
    run = daemon(text)
    assert run.wait(40) == 0, run.log()
    wait_for(lambda: audience.statuses()[-1:] == [b"offline"], 5)

    assert kinds(audience) == ["track.started", "line.crossed", "zone.entered", "zone.left", "track.ended"], run.log()
    told = {event["type"].removeprefix("vedette."): event for event in events(audience)}
    assert events(audience)[0]["type"] == "vedette.agent.started"
    sequence = [event["seq"] for event in events(audience)]
    assert sequence == list(range(1, len(sequence) + 1))
    assert {event["id"] for event in events(audience)} == {
        f"{event['epoch']}-{event['seq']}" for event in events(audience)
    }

    ended = told["track.ended"]["data"]
    assert (ended["label"], ended["end_reason"], ended["lines"]) == (
        "person",
        "lost",
        [{"line": "middle", "direction": "in"}],
    )
    assert ended["duration"] == pytest.approx(4.4, abs=0.25)
    assert ended["box"] == pytest.approx([0.7375, 0.5, 0.8625, 0.833], abs=0.02)
    (zone,) = ended["zones"]
    assert (zone["zone"], zone["seconds"]) == ("right", pytest.approx(2.3, abs=0.35))
    assert {event["data"]["track_uid"] for event in events(audience) if "track_uid" in event["data"]} == {
        f"{told['track.ended']['epoch']}-{ended['track_id']}"
    }
    path = ended["path"]
    assert path[0][1] < 0.3
    assert path[-1][1] > 0.7
    assert told["line.crossed"]["data"]["direction"] == "in"

    pictures = {topic: payload for topic, payload in audience.heard() if "/snapshot/" in topic}
    named = [event["data"]["snapshot"] for event in events(audience) if event["data"].get("snapshot")]
    assert {event["type"] for event in events(audience) if event["data"].get("snapshot")} >= {
        "vedette.track.started",
        "vedette.track.ended",
    }
    for snapshot in named:
        jpeg = pictures[f"{TOPICS.root}/{snapshot['topic']}"]
        assert jpeg[:2] == b"\xff\xd8"
        assert hashlib.sha256(jpeg).hexdigest() == snapshot["sha256"]
    assert any(topic == TOPICS.camera_snapshot("hall") for topic, _ in audience.heard())

    assert known(audience, TOPICS.count("hall", "person")) == [0, 1, 0]
    assert known(audience, TOPICS.count("hall", "all", "right")) == [0, 1, 0]
    assert [v["occupied"] for v in values(audience, TOPICS.occupancy("hall", "person"))][:2] == [False, True]
    (line,) = values(audience, TOPICS.line_count("hall", "middle", "person"))[-1:]
    assert (line["in"], line["out"]) == (1, 0)

    # Again, in the same state: the totals go on, and so do the numbers of tracks.
    again = listen(mosquitto)
    run = daemon(text)
    assert run.wait(40) == 0, run.log()
    wait_for(lambda: again.statuses()[-1:] == [b"offline"], 5)
    (line,) = values(again, TOPICS.line_count("hall", "middle", "all"))[-1:]
    assert (line["in"], line["out"]) == (2, 0)
    numbers = [event["data"]["track_id"] for event in events(again) if event["type"] == "vedette.track.ended"]
    assert numbers
    assert min(numbers) > ended["track_id"]


def test_unknown_ends_nobody_and_marks_counts_as_stale(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, tmp_path: Path, model: str
) -> None:
    standing = write_clip(tmp_path / "stand.mp4", walk([0.8] * 40), frames=40, fps=FPS, counted=False)
    audience = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"hall": {"source": str(standing), "loop": True, **HALL}}, own=model))
    count = TOPICS.count("hall", "person")
    wait_for(lambda: [v["count"] for v in values(audience, count)][-1:] == [1], 30, run.log)
    (worker,) = workers_of(run.pid)
    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: values(audience, count)[-1]["stale"], 15, "never stale")
    assert values(audience, count)[-1]["count"] == 1
    wait_for(lambda: not values(audience, count)[-1]["stale"], 30, "stale for ever")
    time.sleep(1.0)
    assert values(audience, count)[-1]["count"] == 1
    told = Counter(kinds(audience))
    assert told["track.ended"] == 0
    assert told["track.started"] == 1, "the same person, the same track"
    assert any(event["data"].get("stale") for event in events(audience))
    run.stop()
    wait_for(lambda: "track.ended" in kinds(audience), 5)
    (end,) = [event for event in events(audience) if event["type"] == "vedette.track.ended"]
    assert end["data"]["end_reason"] == "stopped"


def test_what_a_killed_run_has_told_of_is_ended_by_the_next(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, tmp_path: Path, model: str
) -> None:
    """The next one sees nobody: without it they would be there for ever."""
    standing = write_clip(tmp_path / "stand.mp4", walk([0.8] * 40), frames=40, fps=FPS, counted=False)
    empty = write_clip(tmp_path / "empty.mp4", walk([None] * 5), frames=5, fps=FPS, counted=False)
    audience = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"hall": {"source": str(standing), "loop": True, **HALL}}, own=model))
    wait_for(lambda: "zone.entered" in kinds(audience), 30, run.log)
    run.process.kill()
    run.process.wait(5)
    run = daemon(config(mosquitto.port, {"hall": {"source": str(empty), "pace": "max", **HALL}}, own=model))
    assert run.wait(40) == 0, run.log()
    wait_for(lambda: audience.statuses()[-1:] == [b"offline"], 5)
    assert kinds(audience) == ["track.started", "zone.entered", "zone.left", "track.ended"]
    told = {event["type"]: event["data"] for event in events(audience)}
    began, end = told["vedette.track.started"], told["vedette.track.ended"]
    assert (end["track_uid"], end["end_reason"], end["stale"]) == (began["track_uid"], "stopped", True)


def test_where_nothing_moves_nothing_is_inferred(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, tmp_path: Path, model: str
) -> None:
    places = [None] * (6 * FPS) + [0.3 + 0.4 * i / (2 * FPS) for i in range(2 * FPS)] + [None] * (3 * FPS)
    clip = write_clip(tmp_path / "quiet.mp4", walk(places), frames=len(places), fps=FPS, counted=False)
    audience = listen(mosquitto)
    text = json.loads(config(mosquitto.port, {"hall": {"source": str(clip), "motion": {"enabled": True}}}, own=model))
    text["mqtt"]["detections"] = {"max_rate": 0}
    run = daemon(json.dumps(text))
    wait_for(lambda: TOPICS.detections("hall") in {topic for topic, _ in audience.heard()}, 30, run.log)
    wait_for(lambda: run.status().get("cameras", {}).get("hall", {}).get("inferred"), 20)
    assert run.wait(40) == 0, run.log()
    wait_for(lambda: audience.statuses()[-1:] == [b"offline"], 5)
    messages = values(audience, TOPICS.detections("hall"))
    gated = [message for message in messages if not message["inferred"] and message["reason"] == "gated"]
    inferred = [message for message in messages if message["inferred"]]
    assert len(gated) >= 3, "a gated second says so"
    assert all("detections" not in message for message in gated)
    assert len(inferred) < 60, f"{len(inferred)} of {len(places)} frames"
    assert kinds(audience) == ["track.started", "track.ended"]
    assert known(audience, TOPICS.count("hall", "person")) == [1, 0]
