"""What a real daemon keeps at its broker is what `vedette fleet` needs of it: its summary, told seldom."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import HOST, wait_for
from tests.support.daemon import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

WATCHED_S = 10.0


@pytest.mark.rooted
def test_a_daemon_is_listed_with_its_rate_and_says_so_seldom(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    heard = listen(mosquitto)
    cameras = {"yard": {"source": str(clip), "loop": True, "fps": 5}, "gone": {"source": str(clip.parent / "none.mp4")}}
    run = daemon(config(mosquitto.port, cameras))

    def listed() -> dict[str, Any]:
        done = run.verb("fleet", "--broker", f"mqtt://{HOST}:{mosquitto.port}", "--json")
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)["devices"]
        return dict(row)

    def says(way: Callable[[dict[str, Any]], object]) -> bool:
        """Whether its summary says so: asking the command again and again would cost a process each time."""
        payload = dict(heard.heard()).get(TOPICS.summary)
        return payload is not None and bool(way(json.loads(payload)))

    wait_for(lambda: says(lambda summary: summary["alerts"]), 30, run.log)
    wait_for(lambda: says(lambda s: s["cameras"]["yard"]["fps"] > 15), 30, "the clip has 25 pictures a second")
    row = listed()
    assert row["state"] == "degraded"
    assert row["fps"] > 15
    assert (row["device"], row["version"], row["models"]) == ("gate", "0.1.0", ["person"])
    assert row["cameras"]["yard"] == "online"
    assert row["cameras"]["gone"] != "online"
    assert row["alerts"] == {"camera-offline/gone": "error"}
    assert (row["outbox"], row["unknown"], row["notes"]) == (0, [], [])
    before = len([m for m in heard.messages if m.topic == TOPICS.summary])
    assert before <= 6
    time.sleep(WATCHED_S)
    told = len([m for m in heard.messages if m.topic == TOPICS.summary]) - before
    assert told <= 1, "nothing has changed"
    run.stop()
    row = listed()
    assert (row["state"], row["fps"], row["alerts"], row["outbox"]) == ("offline", None, None, None)
    assert row["unknown"] == []
