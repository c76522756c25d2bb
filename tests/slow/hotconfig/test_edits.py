"""Random edits of a running daemon's config, valid and broken: it never ends, and no camera that works stops working.

VEDETTE_EDITS says how many (60), VEDETTE_SEED which (0). What is right must be taken over, and what is not refused
with the former config running on; whether it is right, `check` says in a process of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from agent.config import ConfigError
from agent.runtime.reload.revision import read
from tests.slow.hotconfig.edits import Editor
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, free_port, mosquitto_process, wait_for
from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon
from tests.support.processes import descriptors_of, zombies_of
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.rooted

EDITS, SEED = int(os.environ.get("VEDETTE_EDITS", "60")), int(os.environ.get("VEDETTE_SEED", "0"))
DECIDED_S = 60.0
ALIVE_S = 10.0


def test_random_edits(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    broker = mosquitto_process(tmp_path)
    clips = [str(write_clip(tmp_path / f"{n}.mp4", scene(320, 240), frames=50)) for n in range(2)]
    models = [str(bright_network(tmp_path, name=name)) for name in ("one", "two")]
    editor = Editor(Random(SEED), broker.port, clips, models, f"http://127.0.0.1:{free_port()}/stream")
    daemon = Daemon(tmp_path, editor.text())
    daemon.start()
    wait_for(daemon.ready, 30, daemon.log)
    pid, good, waits, kinds = daemon.pid, editor.text(), [], Counter[str]()
    first: int | None = None
    try:
        for n in range(EDITS):
            kept, draw = editor.content, editor.random.random()
            text = editor.tuned() if draw < 0.5 else editor.slipped() if draw < 0.9 else editor.dead()
            began = time.monotonic()
            possible, told = write(daemon, pid, text)
            waits.append(time.monotonic() - began)
            state = told["state"]
            assert state in possible, f"edit {n}: {told}\n{text}\n{daemon.log()[-3000:]}"
            assert draw >= 0.5 or state == "ok", f"edit {n}: {told}\n{text}"
            if state == "rejected" and "ok" in possible:  # right in every word, but it does not work
                assert {error["key"].rpartition(".")[2] for error in told["errors"]} <= {"source", "mqtt"}, told
            kinds[state] += 1
            if state == "rejected":
                editor.content = kept
            elif text != editor.text():  # a slip that was right: back to what is meant
                write(daemon, pid, editor.text())
            good = editor.text() if state == "ok" else good
            assert json.loads((daemon.state / "last_good.json").read_text())["text"] == good
            if n % 10 == 9:
                all_see(daemon, good)
                first = first or descriptors_of(daemon.pid)
        write(daemon, pid, editor.text())
        all_see(daemon, editor.text())
        assert not zombies_of(daemon.pid)
        assert first is None or descriptors_of(daemon.pid) - first < 60, "descriptors leak"
        waits.sort()
        waited = f"{waits[len(waits) // 2]:.2f} s (p50), {waits[-1]:.2f} s (most)"
        print(f"\n{EDITS} edits: {dict(kinds)}, decided after {waited}")
        daemon.stop()
    finally:
        daemon.end()
        broker.kill()


def write(daemon: Daemon, pid: int, text: str) -> tuple[set[str], dict[str, Any]]:
    """As an editor does. What may become of it, and what became of it."""
    before = daemon.status()
    draft = daemon.file.with_suffix(".swp")
    draft.write_text(text)
    draft.replace(daemon.file)

    def decided() -> bool:
        assert daemon.process.poll() is None, f"{text}\n{daemon.log()[-5000:]}"
        assert daemon.pid == pid
        now = daemon.status()
        anew = now.get("boot_id", before["boot_id"]) != before["boot_id"]  # another device name
        return (anew and bool(now.get("ready"))) or now.get("reloads", 0) > before["reloads"]

    wait_for(decided, DECIDED_S, lambda: f"{text}\n{daemon.log()[-3000:]}")
    told = dict(daemon.status()["config"])
    if text == daemon.file.read_text():
        try:
            read(daemon.file)
        except ConfigError:
            return {"rejected"}, told
    return {"ok", "rejected"}, told


def all_see(daemon: Daemon, text: str) -> None:
    """Each camera of the config that runs delivers frames that are inferred."""
    before = {name: camera["frames"] for name, camera in daemon.status()["cameras"].items()}

    def moved() -> bool:
        now = daemon.status()["cameras"]
        return all(name in now and now[name]["frames"] > frames + 5 for name, frames in before.items())

    wait_for(moved, ALIVE_S, lambda: f"{text}\n{daemon.log()[-4000:]}")
