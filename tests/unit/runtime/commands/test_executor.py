"""What becomes of commands between the network thread and what they do; the actions are doubles and do nothing."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.model import CameraConfig, Config, RemoteConfig
from agent.publish.commands.copies import LARGEST
from agent.publish.message import Message
from agent.publish.topics import Topics
from agent.runtime.commands import executor as module
from agent.runtime.commands.executor import PENDING, CommandExecutor
from agent.runtime.commands.result import Later

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.events import Event

TOPICS = Topics("", "gate")
CONFIG = Config(
    "gate", (CameraConfig("yard", "rtsp://h/", "rtsp"),), remote=RemoteConfig(commands=("snapshot", "model.select"))
)


class Device:
    """The executor, what it answered, and which commands were begun. told: what the next one answers with."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.answers: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.told: Any = {}
        monkeypatch.setattr(module, "ACTIONS", {name: self._action(name) for name in module.ACTIONS})
        self.largest = LARGEST + 1000
        publisher = SimpleNamespace(
            reply=lambda _topic, body, _name: self.answers.append(json.loads(body)),
            takes=lambda _topic, body, _name: len(body) <= self.largest,
        )
        parts = SimpleNamespace(
            config=CONFIG,
            topics=TOPICS,
            publisher=publisher,
            outbox=SimpleNamespace(put=self.events.append),
            wake=lambda: None,
        )
        self.orders = CommandExecutor(parts, folder)  # type: ignore[arg-type]

    def _action(self, name: str) -> Any:
        def act(*_: Any) -> Any:
            self.begun.append(name)
            return self.told

        return act

    def ask(self, name: str, body: str = "{}", correlation: bytes | None = None) -> dict[str, Any]:
        called = correlation or os.urandom(8)
        at = time.monotonic()
        self.orders.heard(
            Message(TOPICS.command(name), body.encode(), 1, False, None, at, f"{TOPICS.replies}/me", called)
        )
        before = len(self.answers)
        self.orders.turn(0.0)
        return self.answers[-1] if len(self.answers) > before else {}


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    return Device(tmp_path, monkeypatch)


LEASE = '{"camera": "yard"}'


def test_who_empties_the_topic_of_a_retained_command_commands_nothing(device: Device) -> None:
    for body in (b"{}", b""):
        device.orders.heard(Message(TOPICS.command("restart"), body, 1, True, None, time.monotonic()))
        device.orders.turn(0.0)
    assert [event.data["code"] for event in device.events] == ["retained"]


def test_copies_keep_to_the_rate_of_commands_and_the_answer_to_the_first_stays(device: Device) -> None:
    device.told = {"n": 1}
    statuses = [device.ask("stream.lease", LEASE, b"same")["status"] for _ in range(150)]
    assert statuses == ["ok"] * 100 + ["rejected"] * 50
    assert device.answers[-1]["error"]["code"] == "rate_limited"
    assert device.begun == ["stream.lease"]
    device.orders._rates = module.Rates()
    assert device.ask("stream.lease", LEASE, b"same")["data"] == {"n": 1}


def test_without_room_nothing_is_begun_and_the_same_may_be_asked_again(device: Device) -> None:
    device.told = Later(time.monotonic() + 60, lambda: None)
    for _ in range(PENDING):
        device.ask("snapshot", LEASE)
    answer = device.ask("model.select", '{"model": "person"}', b"again")
    assert (answer["status"], answer["error"]["code"]) == ("rejected", "busy")
    assert "model.select" not in device.begun
    device.told = {}
    assert device.ask("ping")["status"] == "ok"
    device.orders._pending.clear()
    assert device.ask("model.select", '{"model": "person"}', b"again")["status"] == "ok"


def test_what_changed_something_is_not_done_again_for_its_long_answer(device: Device) -> None:
    device.told = {"text": "x" * LARGEST}
    assert device.ask("model.select", '{"model": "person"}', b"long")["status"] == "ok"
    assert device.ask("model.select", '{"model": "person"}', b"long")["error"]["code"] == "not_kept"
    assert device.begun == ["model.select"]
    for _ in range(2):
        assert device.ask("info", "{}", b"long")["status"] == "ok"
    assert device.begun == ["model.select", "info", "info"]


def test_an_answer_that_is_too_large_for_the_broker_is_said_to_be(device: Device) -> None:
    """As diagnostics may be: whoever asked would wait for nothing."""
    device.told, device.largest = {"text": "x" * 2000}, 1000
    answer = device.ask("info")
    assert (answer["status"], answer["error"]["code"]) == ("error", "too_large")
    assert "max_packet_size" in answer["error"]["text"]
