"""Every message of many configs against Home Assistant's own schemas, in its own Python."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from agent.publish.homeassistant.documents import documents
from tests.slow.homeassistant.playing import config, presence
from tests.slow.homeassistant.venvs import DEVICE, ENTITY, Release, venv

VALIDATING = Path(__file__).with_name("validating.py")


def complaints(release: Release, messages: dict[str, bytes]) -> list[str]:
    body = json.dumps([[topic, json.loads(payload)] for topic, payload in messages.items()])
    command = [str(venv(release) / "bin/python"), str(VALIDATING)]
    done = subprocess.run(command, input=body, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("release", "form"), [(ENTITY, "entity"), (DEVICE, "entity"), (DEVICE, "device")], ids=lambda x: str(x)[:24]
)
def test_every_message_meets_the_schema(release: Release, form: str) -> None:
    messages = documents(presence(config(1883, "gate", "yard-2", "a_b"), form))
    assert len(messages) >= 4
    assert complaints(release, messages) == []


def test_the_schemas_find_what_is_wrong() -> None:
    messages = documents(presence(config(1883, "gate"), "entity"))
    topic = next(topic for topic in messages if "Count_all" in topic)
    body = json.loads(messages[topic])
    for wrong in ({"state_class": "growing"}, {"state_topic": "a/#/b"}, {"value_template": "{{ x"}, {"nonsense": 1}):
        assert complaints(ENTITY, {topic: json.dumps({**body, **wrong}).encode()}), wrong
