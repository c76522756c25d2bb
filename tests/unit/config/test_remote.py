"""What a config sent over MQTT may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config import ConfigError
from agent.config.load import parse
from agent.config.remote import granted, remote_problems

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import Config

OWN = """
device: gate
model: person
mqtt: {url: mqtts://broker.lan, username: gate, password: !secret broker}
cameras:
  yard: {source: rtsp://10.0.0.7/a, username: viewer, password: !secret yard}
  clip: {source: clip.mp4}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets.yaml").write_text("broker: xyzzy-1\nyard: xyzzy-2\nunused: xyzzy-3\n")
    (tmp_path / "secrets.yaml").chmod(0o600)
    return tmp_path


def read(folder: Path, text: str) -> Config:
    return parse(text, "remote.yaml", folder)


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("clip: {source: clip.mp4}", "clip: {source: /etc/passwd}", "cameras.clip.source"),
        ("clip: {source: clip.mp4}", "more: {source: /etc}", "cameras.more.source"),
        ("clip: {source: clip.mp4}", "more: {source: /dev/../etc/passwd}", "cameras.more.source"),
        ("10.0.0.7/a", "10.6.6.6/a", "cameras.yard.password"),
        ("10.0.0.7/a", "10.0.0.7:5540/a", "cameras.yard.password"),
        ("!secret yard", "!secret unused", "cameras.yard.password"),
        ("!secret yard", "!secret broker", "cameras.yard.password"),
        ("mqtts://broker.lan", "mqtts://elsewhere.lan", "mqtt.url"),
        ("mqtts://broker.lan", "mqtts://broker.lan:1", "mqtt.url"),
        ("mqtts://broker.lan", "mqtt://broker.lan", "mqtt.url"),
        ("!secret broker", "!secret unused", "mqtt.password"),
        ("username: gate,", "username: gate, tls: {insecure: true},", "mqtt.tls"),
        ("model: person", "model: /dev/zero", "model"),
        ("device: gate", "device: gate\nremote: {commands: [restart]}", "remote"),
        ("device: gate", "device: gate\nremote: {config: full}", "remote"),
        ("device: gate", "device: gate\nhomeassistant: {enabled: true}", "homeassistant.enabled"),
    ],
)
def test_what_needs_more_rights(folder: Path, before: str, after: str, key: str) -> None:
    assert before in OWN
    wanted = read(folder, OWN.replace(before, after))
    problems = remote_problems(wanted, read(folder, OWN))
    assert key in {problem.key for problem in problems}
    assert all("remote.config: full" in problem.message for problem in problems)
    assert "xyzzy" not in str(problems)
    allowed = read(folder, OWN + "remote: {config: full}\n")
    assert remote_problems(wanted, allowed) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clip: {source: clip.mp4}", "clip: {source: clip.mp4, confidence: 0.8}"),
        ("10.0.0.7/a", "10.0.0.7/b"),
        ("  clip: {source: clip.mp4}\n", "  front: {source: rtsp://10.0.0.9/x}\n"),
        ("model: person", "model: coco-ssd"),
        ("device: gate", "device: gate\nname: The gate"),
    ],
)
def test_what_anybody_with_the_command_may_do(folder: Path, before: str, after: str) -> None:
    assert remote_problems(read(folder, OWN.replace(before, after)), read(folder, OWN)) == ()


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("device: gate", "device: !secret yard", "device"),
        ("device: gate", "device: gate\nname: !secret yard", "name"),
        ("device: gate", "device: gate\nname: !env XYZZY", "name"),
        ("model: person", "model: !env XYZZY", "model"),
        ("rtsp://10.0.0.7/a", "!env XYZZY", "cameras.yard.source"),
        ("username: viewer", "username: !secret broker", "cameras.yard.username"),
        ("clip: {", "clip: {labels: [person, !env XYZZY], ", "cameras.clip.labels"),
        ("clip: {", "clip: {fps: !env XYZZY, ", "cameras.clip.fps"),
    ],
)
def test_nothing_is_looked_up_where_it_would_be_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, key: str
) -> None:
    monkeypatch.setenv("XYZZY", "xyzzy-4")
    assert before in OWN
    with pytest.raises(ConfigError) as refused:
        parse(OWN.replace(before, after), "remote.yaml", folder, granted(read(folder, OWN)))
    assert [problem.key for problem in refused.value.problems] == [key]
    assert "remote.config: full" in str(refused.value)
    assert "xyzzy-" not in str(refused.value)
    assert granted(read(folder, OWN + "remote: {config: full}\n")) is None


def test_what_the_device_looks_up_itself_stays_where_it_is(folder: Path) -> None:
    own = OWN.replace("username: viewer", "username: !secret unused").replace("device: gate", "device: !secret broker")
    running = read(folder, own)
    wanted = parse(own.replace("10.0.0.7/a", "10.0.0.7/b"), "remote.yaml", folder, granted(running))
    assert remote_problems(wanted, running) == ()
    moved = parse(own.replace("10.0.0.7", "10.6.6.6"), "remote.yaml", folder, granted(running))
    assert {problem.key for problem in remote_problems(moved, running)} == {
        "cameras.yard.username",
        "cameras.yard.password",
    }
    alone = own.replace(", password: !secret yard", "")
    moved = parse(alone.replace("10.0.0.7", "10.6.6.6"), "remote.yaml", folder, granted(running))
    assert [problem.key for problem in remote_problems(moved, running)] == ["cameras.yard.username"]


def test_home_assistant_may_come_from_afar_where_its_commands_are_allowed(folder: Path) -> None:
    own = OWN + "remote: {commands: [camera.set, snapshot, config.apply]}\n"
    wanted = read(folder, own + "homeassistant: {enabled: true}\n")
    assert remote_problems(wanted, read(folder, own)) == ()


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("username: gate", "username: '***'", "mqtt.username"),
        ("username: viewer", "username: '***'", "cameras.yard.username"),
        ("10.0.0.7/a", "10.0.0.7/a?token=***", "cameras.yard.source"),
    ],
)
def test_what_is_shown_in_place_of_a_credential_is_not_taken_for_one(
    folder: Path, before: str, after: str, key: str
) -> None:
    for own in (OWN, OWN + "remote: {config: full}\n"):
        (problem,) = remote_problems(read(folder, own.replace(before, after)), read(folder, own))
        assert problem.key == key
        assert "write it out" in problem.message
