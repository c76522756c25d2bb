"""`vedette watch` against a real broker: what is retained, what comes, a broker that is away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.config.model import MqttConfig
from agent.publish import counts
from agent.publish.mqtt import Publisher
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted
WATCH = [sys.executable, "-m", "agent.cli", "watch"]


@pytest.fixture
def device(mosquitto: BrokerProcess) -> Iterator[Publisher]:
    url = f"mqtt://{HOST}:{mosquitto.port}"
    publisher = Publisher(MqttConfig(host=HOST, port=mosquitto.port, url=url), DEVICE)
    publisher.retain(TOPICS.camera_status("yard"), b"online")
    publisher.retain(TOPICS.count("yard", "person"), counts.count(2, stale=False, at=1e9))
    publisher.retain(TOPICS.line_count("yard", "door", "person"), counts.line_count(3, 1, since=1e9, at=1e9))
    publisher.start()
    wait_for(lambda: publisher.connected, 10)
    yield publisher
    publisher.stop(1)


def watch(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*WATCH, "--broker", f"mqtt://{HOST}:{port}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.usefixtures("device")
def test_the_table_once(mosquitto: BrokerProcess) -> None:
    run = watch(mosquitto.port, "--once")
    assert (run.returncode, run.stderr) == (0, "")
    assert f"{DEVICE}  online" in run.stdout
    assert "whole picture: person 2" in run.stdout
    assert "line door: person in 3 out 1" in run.stdout
    assert "\x1b" not in run.stdout


@pytest.mark.usefixtures("device")
def test_messages_for_programs_of_one_device(mosquitto: BrokerProcess) -> None:
    run = watch(mosquitto.port, DEVICE, "--once", "--json")
    heard = {body["topic"]: body["payload"] for body in map(json.loads, run.stdout.splitlines())}
    assert heard[TOPICS.status] == "online"
    assert heard[TOPICS.count("yard", "person")]["count"] == 2
    assert watch(mosquitto.port, "other", "--once", "--json").stdout == ""


def test_no_broker_is_a_clear_error() -> None:
    run = watch(free_port(), "--once")
    assert run.returncode == 1
    assert run.stderr.startswith("vedette: nothing listens at 127.0.0.1:")
    assert watch(0, "--broker", "http://x").returncode == 2


def test_the_password_comes_from_no_command_line() -> None:
    run = subprocess.run([*WATCH, "--password", "x"], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 2
