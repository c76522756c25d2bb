"""How a run begins and ends: readiness, signals, exit codes, what is left behind."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from agent.runtime.paths import lives
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, free_port, wait_for
from tests.support.daemon import BUSY_SECONDS, STOP_SECONDS, config
from tests.support.processes import workers_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]


@pytest.mark.rooted
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(
    signum: signal.Signals,
    mosquitto: BrokerProcess,
    daemon: Start,
    listen: Listen,
    clip: Path,
) -> None:
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True, "fps": 10}}))
    before = listen(mosquitto)
    wait_for(lambda: any(topic == TOPICS.detections("yard") for topic, _ in before.heard()), 30)
    worker = workers_of(run.pid)
    assert len(worker) == 1

    assert run.stop(signum) < STOP_SECONDS + BUSY_SECONDS, run.log()

    wait_for(lambda: before.statuses()[-1:] == [b"offline"], 10)
    retained = listen(mosquitto)  # who comes later learns it too
    wait_for(lambda: retained.statuses() == [b"offline"], 10)
    assert not run.status()
    assert json.loads((run.state / "last_exit").read_text())["state"] == "clean"
    assert not lives(worker[0])


@pytest.mark.rooted
def test_a_frozen_broker_does_not_hold_up_the_stop(mosquitto: BrokerProcess, daemon: Start, clip: Path) -> None:
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}))
    wait_for(lambda: run.status().get("mqtt", {}).get("connected"), 30, "never connected")
    mosquitto.freeze()
    assert run.stop() < STOP_SECONDS + BUSY_SECONDS, run.log()


def test_a_camera_that_never_answers_does_not_hold_up_the_stop(daemon: Start, silent_port: int) -> None:
    cameras = {
        "rtsp": {"source": f"rtsp://{HOST}:{silent_port}/live"},
        "http": {"source": f"http://{HOST}:{silent_port}/live"},
    }
    run = daemon(config(free_port(), cameras))
    wait_for(lambda: run.status().get("cameras", {}).get("http", {}).get("status") == "connecting", 30)
    assert run.stop() < STOP_SECONDS + BUSY_SECONDS, run.log()


def test_it_ends_by_itself_when_all_files_have(daemon: Start, clip: Path) -> None:
    run = daemon(config(free_port(), {"yard": {"source": str(clip), "pace": "max"}}))
    assert run.wait(30) == 0, run.log()
    assert "all sources have ended" in run.log()


@pytest.mark.rooted
def test_events_that_wait_are_sent_before_it_ends_by_itself(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    camera = {"yard": {"source": str(clip), "pace": "max"}}
    alone = daemon(config(free_port(), camera))
    assert alone.wait(30) == 0, alone.log()
    left = re.search(r"events that are not sent yet, and wait for the next start: (\d+)", alone.log())
    assert left is not None, alone.log()
    heard = listen(mosquitto)
    mqtt = {"url": f"mqtt://{HOST}:{mosquitto.port}", "drain_rate": 1}
    run = daemon(config(mosquitto.port, camera, mqtt=mqtt))
    assert run.wait(60) == 0, run.log()
    assert run.log().count("not sent yet") == 1, "of the run before"
    wait_for(lambda: heard.statuses()[-1:] == [b"offline"], 10)
    ids = [json.loads(payload)["id"] for topic, payload in heard.heard() if topic == TOPICS.events]
    assert [int(name.rpartition("-")[2]) for name in ids] == [*range(1, len(ids) + 1)]
    assert len(ids) > int(left[1]), "those of both runs"


@pytest.mark.rooted
def test_subscribers_learn_that_a_file_has_ended(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    heard = listen(mosquitto)
    mqtt = {"url": f"mqtt://{HOST}:{mosquitto.port}", "detections": {"max_rate": 0}}
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "pace": "max"}}, mqtt=mqtt))
    assert run.wait(30) == 0, run.log()
    wait_for(lambda: heard.statuses()[-1:] == [b"offline"], 10)
    states = [payload for topic, payload in heard.heard() if topic == TOPICS.camera_status("yard")]
    assert states[-1] == b"ended"
    seen = [json.loads(payload) for topic, payload in heard.heard() if topic == TOPICS.detections("yard")]
    assert [message["frame"]["index"] for message in seen if message["inferred"]] == list(range(50))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("cameras: {a: {sorce: x.mp4}, b: {source: y.mp4, rotate: 45}}\nlog: {level: loud}", 3, id="three"),
        pytest.param("cameras: [", 1, id="no-yaml"),
    ],
)
def test_a_bad_config_is_exit_code_2_with_every_problem(text: str, said: int, daemon: Start) -> None:
    run = daemon(text)
    assert run.wait(30) == 2
    places = [line for line in run.log().splitlines() if f"{run.file}:" in line]
    assert len(places) >= said, run.log()
    assert "Traceback" not in run.log()


def test_a_model_that_is_not_there_is_exit_code_2_with_the_command(daemon: Start, clip: Path, tmp_path: Path) -> None:
    run = daemon(config(1, {"yard": {"source": str(clip)}}), {"VEDETTE_MODELS": str(tmp_path / "none")})
    assert run.wait(30) == 2
    assert "vedette models pull person" in run.log()


def test_the_second_one_in_a_state_directory_is_exit_code_75(daemon: Start, silent_port: int) -> None:
    text = config(free_port(), {"yard": {"source": f"rtsp://{HOST}:{silent_port}/live"}})
    first = daemon(text)
    wait_for(first.status, 30)
    second = daemon(text)
    assert second.wait(30) == 75
    assert f"pid {first.pid}" in second.log()
    assert first.process.poll() is None


@pytest.mark.rooted
def test_killed_it_leaves_no_worker_and_no_false_word(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path
) -> None:
    text = config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}})
    run = daemon(text)
    heard = listen(mosquitto)
    wait_for(lambda: any(topic == TOPICS.detections("yard") for topic, _ in heard.heard()), 30)
    (worker,) = workers_of(run.pid)

    run.process.kill()
    run.process.wait(5)

    wait_for(lambda: not lives(worker), 15, "its worker lives on")
    wait_for(lambda: heard.statuses()[-1:] == [b"offline"], 5, "the last will has not been published")
    told = run.verb("status")
    assert told.returncode == 1
    assert "no vedette is running here" in told.stderr

    again = daemon(text)
    wait_for(lambda: heard.statuses()[-1:] == [b"online"], 30, "not online again")
    infos = [json.loads(payload) for topic, payload in heard.heard() if topic == TOPICS.info]
    assert [info["last_exit"] for info in infos] == ["first", "unclean"]
    assert infos[0]["boot_id"] != infos[1]["boot_id"]
    assert infos[0]["device_uid"] == infos[1]["device_uid"]
    again.stop()
