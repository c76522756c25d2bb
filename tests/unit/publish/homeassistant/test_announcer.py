from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
from agent.publish.homeassistant import memory
from agent.publish.homeassistant.announcer import TAKEN_S, Announcer
from agent.publish.homeassistant.birth import Birth
from agent.publish.homeassistant.documents import MIGRATE, documents
from agent.publish.homeassistant.presence import Presence
from agent.publish.message import Message
from tests.unit.publish.homeassistant.configs import GATE, presence

YARD = dataclasses.replace(GATE, id="yard")


class Broker:
    """Notes what it is told; the real publisher is in tests/slow/homeassistant."""

    def __init__(self) -> None:
        self.connected = False
        self.said: list[tuple[str, bytes]] = []
        self.repeated: list[str] = []

    def retain(self, topic: str, payload: bytes) -> None:
        self.said.append((topic, payload))

    def again(self, topics: Iterable[str]) -> None:
        self.repeated += topics

    def emptied(self) -> set[str]:
        return {topic for topic, payload in self.said if not payload}


def run(folder: Path, wanted: Presence) -> tuple[Announcer, Broker]:
    """A new run of the daemon."""
    announcer = Announcer(wanted.config, broker := Broker(), folder, draw=lambda: 0.5)
    announcer.announce(wanted)
    return announcer, broker


def settle(announcer: Announcer, broker: Broker) -> None:
    broker.connected = True
    for now in (100.0, 101.0, 106.0, 107.0):
        announcer.turn(now)


def message(topic: str, payload: bytes, at: float) -> Message:
    return Message(topic=topic, payload=payload, qos=0, retain=False, expiry=None, at=at)


def test_birth_is_answered_once_after_the_delay(tmp_path: Path) -> None:
    announcer, broker = run(tmp_path, wanted := presence(GATE))
    for topic, payload in (("homeassistant/status", b"offline"), ("other/status", b"online")):
        announcer.heard(message(topic, payload, 10.0))
        announcer.turn(20.0)
    assert not broker.repeated
    announcer.heard(message("homeassistant/status", b"online", 30.0))
    announcer.heard(message("homeassistant/status", b"online", 31.0))
    announcer.turn(32.4)
    assert not broker.repeated
    announcer.turn(32.5)
    announcer.turn(40.0)
    assert broker.repeated == list(documents(wanted))


def test_health_is_told_once_what_was_announced_is_taken(tmp_path: Path) -> None:
    announcer, broker = run(tmp_path, presence(GATE))
    assert not announcer.turn(10.0), "nobody has heard of it"
    broker.connected = True
    assert [announcer.turn(now) for now in (20.0, 20.9 + TAKEN_S - 1, 20.0 + TAKEN_S, 30.0)] == [
        False,
        False,
        True,
        False,
    ]
    announcer.announce(presence(GATE))
    assert [announcer.turn(now) for now in (40.0, 50.0)] == [False, False], "nothing new"
    announcer.announce(presence(GATE, YARD))
    assert [announcer.turn(now) for now in (60.0, 70.0)] == [False, True]
    announcer.heard(message("homeassistant/status", b"online", 80.0))
    assert [announcer.turn(now) for now in (83.0, 90.0, 91.0)] == [False, True, False]
    announcer.announce(presence(GATE, enabled=False))
    assert [announcer.turn(now) for now in (100.0, 110.0)] == [False, False]


@pytest.mark.parametrize(("draw", "delay"), [(0.0, 0.0), (1.0, 5.0)])
def test_the_delay_is_at_most_five_seconds(draw: float, delay: float) -> None:
    birth = Birth("t", lambda: draw)
    birth.heard("t", b"online", 1.0)
    assert not birth.due(0.999 + delay)
    assert birth.due(1.0 + delay)


def test_a_camera_that_is_gone_is_emptied_and_forgotten(tmp_path: Path) -> None:
    settle(*run(tmp_path, presence(GATE, YARD)))
    announcer, broker = run(tmp_path, presence(GATE))
    assert broker.emptied() == {"homeassistant/device/a1b2_yard/config"}
    settle(announcer, broker)
    assert not announcer.owns("homeassistant/device/a1b2_yard/config")
    assert announcer.owns("homeassistant/device/a1b2_gate/config")
    assert not run(tmp_path, presence(GATE))[1].emptied()


def test_it_is_emptied_again_until_the_broker_was_there(tmp_path: Path) -> None:
    run(tmp_path, presence(GATE, YARD))
    for _ in range(2):
        assert run(tmp_path, presence(GATE))[1].emptied() == {"homeassistant/device/a1b2_yard/config"}


def test_a_zone_that_is_gone_stays_named_in_later_runs(tmp_path: Path) -> None:
    run(tmp_path, presence(GATE))
    bare = presence(dataclasses.replace(GATE, zones=()))
    for _ in range(2):
        said = dict(run(tmp_path, bare)[1].said)
        parts = json.loads(said["homeassistant/device/a1b2_gate/config"])["components"]
        assert parts["Zone_porch_Count_all"] == {"platform": "sensor"}
    said = dict(run(tmp_path, presence(GATE))[1].said)
    parts = json.loads(said["homeassistant/device/a1b2_gate/config"])["components"]
    assert "unique_id" in parts["Zone_porch_Count_all"]


def test_one_entity_a_document_is_emptied_by_itself(tmp_path: Path) -> None:
    run(tmp_path, presence(GATE, form="entity"))
    _, broker = run(tmp_path, presence(dataclasses.replace(GATE, zones=()), form="entity"))
    assert broker.emptied() == {
        f"homeassistant/{platform}/a1b2_gate/{key}/config"
        for platform, key in (
            ("binary_sensor", "Zone_porch_Occupancy_all"),
            ("binary_sensor", "Zone_porch_Occupancy_person"),
            ("sensor", "Zone_porch_Count_all"),
            ("sensor", "Zone_porch_Count_person"),
            ("event", "Visit_porch"),
        )
    }


def test_another_form_migrates_before_the_old_one_goes(tmp_path: Path) -> None:
    settle(*run(tmp_path, old := presence(GATE, form="entity")))
    announcer, broker = run(tmp_path, new := presence(GATE))
    gone = set(documents(old))
    assert broker.said == [*((topic, MIGRATE) for topic in documents(old)), *documents(new).items()]
    announcer.turn(1000.0)
    assert not broker.emptied(), "the broker was not there"
    assert all(map(announcer.owns, gone)), "nobody else may empty it meanwhile"
    settle(announcer, broker)
    assert broker.emptied() == gone
    assert not run(tmp_path, new)[1].emptied()


def test_all_is_taken_back_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    settle(*run(tmp_path, old := presence(GATE)))
    _, broker = run(tmp_path, presence(GATE, enabled=False))
    assert broker.said == [(topic, b"") for topic in documents(old)]


def test_the_same_again_says_nothing(tmp_path: Path) -> None:
    announcer, broker = run(tmp_path, presence(GATE, counted={"gate": ["person"]}))
    told = len(broker.said)
    announcer.announce(presence(GATE, counted={"gate": ["person"]}))
    assert len(broker.said) == told


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"topics": 1}', '{"topics": {"t": 1}}', "\x00"])
def test_a_broken_memory_is_said_and_begun_anew(tmp_path: Path, junk: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / memory.FILE).write_text(junk)
    _, broker = run(tmp_path, wanted := presence(GATE))
    assert [topic for topic, _ in broker.said] == list(documents(wanted))
    assert "cannot read" in caplog.text
    assert not memory.Memory(tmp_path).topics.keys() ^ documents(wanted).keys()


def test_nothing_is_kept_of_what_was_never_wanted(tmp_path: Path) -> None:
    settle(*run(tmp_path, presence(GATE, enabled=False)))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, broker = run(tmp_path / "missing", presence(GATE))
    assert broker.said
    assert "cannot write" in caplog.text


def test_what_is_gone_is_bounded(tmp_path: Path) -> None:
    kept = memory.Memory(tmp_path)
    for number in range(3 * memory.MOST_GONE):
        kept.add({"t": {f"K{number}": "sensor"}})
    assert len(kept.topics["t"]) == memory.MOST_GONE + 1
    assert f"K{3 * memory.MOST_GONE - 2}" in kept.topics["t"]
