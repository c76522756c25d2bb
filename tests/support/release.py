"""What a release leaves on a device, kept in tests/fixtures/releases so that each later one can be held to it.

    python -m tests.support.release 0.1.0

makes the set of the release that is about to be: it runs the daemon on a drawn clip and keeps its state as it is, with
events that no broker has had. A set that is there is never made again.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.audience import TOPICS, Audience
from tests.support.brokers import HOST, BrokerProcess, mosquitto_process, wait_for
from tests.support.caller import Caller
from tests.support.clips import walk, write_clip
from tests.support.daemon import Daemon
from tests.support.synthetic import bright_network
from tests.unit.config.test_sample import SAMPLE, full

FOLDER = Path(__file__).parents[1] / "fixtures" / "releases"
UNSENT = 12
_FPS = 10
_PASSING = {"lock", "status.json", "last_lines", "workers.pid"}
"""What means nothing once the daemon has ended."""
_CONFIG = """\
device: gate
model: @FOLDER@/bright.xml
mqtt: {url: "mqtt://@BROKER@"}
homeassistant: {enabled: true}
remote: {commands: [camera.set, config.apply]}
cameras:
  yard:
    source: @FOLDER@/walk.mp4
    loop: true
    labels: [person]
    snapshots: {enabled: true, max_kb: 20}
    zones: {right: {polygon: [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}}
    lines: {middle: {points: [[0.5, 1], [0.5, 0]]}}
"""


def laid_out(folder: Path, broker: BrokerProcess, release: Path | None = None) -> Daemon:
    """A daemon, not started, on the drawn clip; with the state of `release`, where one is given."""
    bright_network(folder)
    places = [*[None] * 5, *(0.1 + 0.7 * i / 30 for i in range(30)), *[0.8] * 15, *[None] * 30]
    write_clip(folder / "walk.mp4", walk(places), frames=len(places), fps=_FPS, counted=False)
    text = _CONFIG if release is None else (release / "run" / "vedette.yaml").read_text()
    daemon = Daemon(folder, placed(text, folder, broker))
    if release is not None:
        shutil.copytree(release / "run" / "state", daemon.state)
        for file in daemon.state.glob("*.json"):
            file.write_text(placed(file.read_text(), folder, broker))
    return daemon


def placed(text: str, folder: Path, broker: BrokerProcess) -> str:
    return text.replace("@FOLDER@", str(folder)).replace("@BROKER@", f"{HOST}:{broker.port}")


def kept(text: str, folder: Path, broker: BrokerProcess) -> str:
    return text.replace(str(folder), "@FOLDER@").replace(f"{HOST}:{broker.port}", "@BROKER@")


def unsent(outbox: Path) -> list[str]:
    """The ids of the events that were not answered, in order."""
    with sqlite3.connect(f"file:{outbox}?mode=ro&immutable=1", uri=True) as db:
        answered = db.execute("SELECT coalesce(max(value), 0) FROM meta WHERE key = 'answered'").fetchone()[0]
        ahead = db.execute("SELECT first, last FROM ahead").fetchall()
        rows = db.execute("SELECT n, epoch, seq FROM events WHERE n > ? ORDER BY n", (answered,)).fetchall()
    return [f"{epoch}-{seq}" for n, epoch, seq in rows if not any(first <= n <= last for first, last in ahead)]


def make(release: Path) -> None:
    configs, run = release / "configs", release / "run"
    configs.mkdir(parents=True)
    shutil.copy(SAMPLE, configs / "sample.yaml")
    (configs / "every-key.yaml").write_text(full() + "\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = mosquitto_process(folder)
        daemon = laid_out(folder, broker)
        daemon.start()
        try:
            _live(daemon, broker)
        finally:
            daemon.end()
            broker.kill()
        run.mkdir()
        (run / "vedette.yaml").write_text(_CONFIG)
        shutil.copytree(daemon.state, run / "state", ignore=lambda _, names: [n for n in names if n in _PASSING])
        for file in (run / "state").glob("*.json"):
            file.write_text(kept(file.read_text(), folder, broker))
    state = run / "state"
    scenes: dict[str, Any] = json.loads((state / "scenes.json").read_text())
    expected = {
        "device_uid": (state / "device_uid").read_text().strip(),
        "unsent": unsent(state / "outbox.db"),
        "overridden": {"cameras.yard.confidence": 0.4},
        "next_track_id": scenes["next_track_id"],
        "line": scenes["lines"]["yard"]["middle"]["person"],
    }
    (release / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def _live(daemon: Daemon, broker: BrokerProcess) -> None:
    """Until it has something of everything, and is stopped without a broker."""
    wait_for(daemon.ready, 30)
    audience, caller = Audience(broker), Caller(broker)
    said = caller.ask("camera.set", {"camera": "yard", "confidence": 0.4})
    assert said["status"] == "ok", said
    crossed = TOPICS.line_count("yard", "middle", "person")
    wait_for(lambda: json.loads(audience.values().get(crossed, b"{}")).get("in", 0), 60)
    broker.kill()
    wait_for(lambda: daemon.status()["outbox"]["depth"] >= UNSENT, 60)
    time.sleep(1)  # the totals are written
    daemon.stop()
    audience.subscriber.stop()
    caller.subscriber.stop()


if __name__ == "__main__":
    if (FOLDER / sys.argv[1]).exists():
        raise SystemExit(f"{FOLDER / sys.argv[1]} is there, and stays as that release wrote it")
    make(FOLDER / sys.argv[1])
