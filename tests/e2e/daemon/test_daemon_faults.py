"""What goes wrong around a running daemon, and that it goes on."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import HOST, free_port, wait_for
from tests.support.clips import scene, write_clip
from tests.support.daemon import config
from tests.support.processes import descriptors_of, workers_of, zombies_of
from tests.support.servers import MJPEG_URL, mjpeg_server, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

pytestmark = pytest.mark.rooted

ENGINE = "openvino-person"


def inferred(audience: Audience, camera: str) -> int:
    """How many frames of the camera have been published as looked at."""
    topic = TOPICS.detections(camera)
    return sum(b'"inferred":true' in payload for heard, payload in audience.heard() if heard == topic)


def engine_states(audience: Audience) -> list[tuple[str, str | None]]:
    topic = TOPICS.engine_status(ENGINE)
    told = [json.loads(payload) for heard, payload in audience.heard() if heard == topic]
    return [(status["state"], status["cause"]) for status in told]


def test_a_killed_worker_is_replaced_and_the_daemon_goes_on(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    heard = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True, "fps": 10}}))
    wait_for(lambda: inferred(heard, "yard"), 30)
    descriptors = descriptors_of(run.pid)

    for death in (1, 2, 3):  # a fourth would wait for seconds: the same engine dying again and again backs off
        (worker,) = workers_of(run.pid)
        before = inferred(heard, "yard")
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda death=death: engine_states(heard).count(("serving", None)) == death + 1, 20, run.log)
        wait_for(lambda before=before: inferred(heard, "yard") > before, 10, "no detections after the worker died")

    assert run.process.poll() is None
    first = engine_states(heard).index(("serving", None))
    after = engine_states(heard)[first:]
    assert [state for state, _ in after] == ["serving", *["failed", "loading", "serving"] * 3]
    assert all(cause == "killed by SIGKILL, as when memory runs out" for state, cause in after if state != "serving")
    assert len(workers_of(run.pid)) == 1
    assert zombies_of(run.pid) == []
    assert descriptors_of(run.pid) == descriptors
    assert run.status()["engines"][ENGINE]["restarts"] == 3


def test_a_frozen_worker_is_replaced(mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path) -> None:
    heard = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}))
    wait_for(lambda: inferred(heard, "yard"), 30)
    (worker,) = workers_of(run.pid)
    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: any(state == "failed" for state, _ in engine_states(heard)), 15, "its silence is not noticed")
    before = inferred(heard, "yard")
    wait_for(lambda: inferred(heard, "yard") > before, 15, "no detections after the worker froze")
    assert worker not in workers_of(run.pid)
    assert zombies_of(run.pid) == []


def test_a_broker_that_comes_later_is_found(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    mosquitto.kill()
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}))
    wait_for(run.ready, 30, "not ready without a broker")
    assert run.status()["mqtt"]["connected"] is False
    assert "not connected" in run.verb("status").stdout
    mosquitto.start()
    heard = listen(mosquitto)
    wait_for(lambda: heard.statuses() == [b"online"], 15)
    wait_for(lambda: inferred(heard, "yard"), 10)
    wait_for(lambda: run.status()["mqtt"]["connected"], 5)


def test_a_missing_source_harms_no_other(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, tmp_path: Path
) -> None:
    late = tmp_path / "late.mp4"
    cameras = {
        "yard": {"source": str(clip), "loop": True, "fps": 10},
        "late": {"source": str(late), "loop": True, "fps": 10},
        "closed": {"source": f"rtsp://{HOST}:{free_port()}/live"},
    }
    heard = listen(mosquitto)
    run = daemon(config(mosquitto.port, cameras))
    wait_for(lambda: inferred(heard, "yard") > 5, 30)
    told = dict(heard.heard())
    assert told[TOPICS.camera_status("yard")] == b"online"
    assert told[TOPICS.camera_status("late")] == b"offline"
    assert told[TOPICS.camera_status("closed")] == b"offline"
    status = run.verb("status").stdout
    assert "Connection refused" in status
    assert "no such file" in status.lower()

    late.write_bytes(clip.read_bytes())  # it keeps trying
    wait_for(lambda: inferred(heard, "late"), 40, run.log)


SECRET, BROKER_SECRET = "Tr0ub4dor/&3", "corr3ct:h0rse@"


def test_no_secret_is_ever_shown(
    daemon: Start, listen: Listen, mosquitto_with: Callable[..., BrokerProcess], tmp_path: Path
) -> None:
    """In no log line, topic or status, at the most talkative level, whether the camera answers, refuses or is away."""
    broker = mosquitto_with()
    clip = write_clip(tmp_path / "clip.avi", scene(320, 240), frames=25, codec="mjpeg")
    with serve(mjpeg_server(clip, "--user", "viewer", "--password", SECRET), MJPEG_URL) as camera:
        cameras = {
            "right": {"source": camera.url, "username": "viewer", "password": SECRET},
            "wrong": {"source": camera.url, "username": "viewer", "password": f"{SECRET}x"},
            "away": {"source": f"rtsp://{HOST}:{free_port()}/live", "username": "viewer", "password": SECRET},
            "query": {"source": f"http://{HOST}:{free_port()}/cgi?user=viewer&pwd={SECRET}"},
        }
        mqtt = {"url": f"mqtt://{HOST}:{broker.port}", "username": "gate", "password": BROKER_SECRET}
        heard = listen(broker)
        run = daemon(config(broker.port, cameras, mqtt=mqtt, log={"level": "debug"}, health={"interval": 1}))
        wait_for(lambda: inferred(heard, "right"), 30, run.log)
        wait_for(lambda: run.status()["cameras"]["wrong"]["status"] == "offline", 20)
        wait_for(lambda: any(topic == TOPICS.health for topic, _ in heard.heard()), 5)
        shown = run.verb("status").stdout + run.verb("status", "--json").stdout
        status_file = (run.state / "status.json").read_text()
        run.stop()
    said = [run.log(), shown, status_file, *(payload.decode() for _, payload in heard.heard())]
    for part in (SECRET, BROKER_SECRET, "Tr0ub4dor", "corr3ct"):
        assert not [text for text in said if part in text]
    assert "pwd=***" in shown
    assert "401" in shown or "password" in shown, "the reason must be told without the secret"


def test_an_engine_that_cannot_load_is_told_and_tried_again(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "path" / "openvino" / "__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text('raise ImportError("libopenvino.so.2640: cannot open shared object file")\n')
    heard = listen(mosquitto)
    cameras = {"yard": {"source": str(clip), "loop": True}}
    run = daemon(config(mosquitto.port, cameras), {"PYTHONPATH": str(tmp_path / "path")})
    wait_for(run.ready, 20, "an engine that is being tried again must not keep the service from being ready")
    wait_for(lambda: any(state == "failed" for state, _ in engine_states(heard)), 20)
    assert all("libopenvino.so.2640" in (cause or "") for state, cause in engine_states(heard) if state == "failed")
    detections = [payload for topic, payload in heard.heard() if topic == TOPICS.detections("yard")]
    assert detections
    assert all(b'"inferred":false' in payload and b'"detections":' not in payload for payload in detections)
    assert dict(heard.heard())[TOPICS.camera_status("yard")] == b"online"
    broken.parent.rename(tmp_path / "mended")
    wait_for(lambda: inferred(heard, "yard"), 30, "once the library is mended, the engine comes by itself")
    run.stop()
