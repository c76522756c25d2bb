"""What earlier releases left on a device is what this one goes on with: configs, and a state directory as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.config import load
from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.release import FOLDER, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess

RELEASES = sorted(folder for folder in FOLDER.iterdir() if folder.is_dir())


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/configs/*.yaml")), ids=lambda f: f"{f.parents[1].name}-{f.stem}")
def test_configs_load(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warned of is only what has a new name."""
    for secret in ("MQTT", "GATE"):
        monkeypatch.setenv(f"VEDETTE_SECRET_{secret}_PASSWORD", "abcdefgh")
    config = load(file)
    assert config.cameras
    assert [w for w in map(str, config.warnings) if "is now called" not in w] == []


def test_there_is_a_set_of_each_release() -> None:
    """The version in pyproject.toml, too: it is made before that one is released."""
    project = (FOLDER.parents[2] / "pyproject.toml").read_text()
    (version,) = (line.split('"')[1] for line in project.splitlines() if line.startswith("version = "))
    assert version in {folder.name for folder in RELEASES}


@pytest.mark.rooted
@pytest.mark.made_up  # the unsent events are of the release that wrote them
@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
def test_the_daemon_goes_on_with_its_state(
    release: Path,
    tmp_path: Path,
    mosquitto: BrokerProcess,
    listen: Callable[[BrokerProcess], Audience],
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")
    expected: dict[str, Any] = json.loads((release / "expected.json").read_text())
    audience = listen(mosquitto)
    daemon = laid_out(tmp_path, mosquitto, release)
    daemon.start()
    try:
        wait_for(daemon.ready, 30)
        wait_for(lambda: _ids(audience)[len(expected["unsent"]) - 1 :], 30, daemon.log)
        assert _ids(audience)[: len(expected["unsent"])] == expected["unsent"], "unsent events come first, in order"
        values = audience.values()
        assert json.loads(values[TOPICS.info])["device_uid"] == expected["device_uid"]
        overrides = json.loads(values[TOPICS.config_status])["overrides"]
        assert {o["key"]: o["value"] for o in overrides} == expected["overridden"]
        crossed = TOPICS.line_count("yard", "middle", "person")
        wait_for(lambda: crossed in audience.values(), 30)
        total = json.loads(audience.values()[crossed])
        assert (total["in"] >= expected["line"][0], total["out"] >= expected["line"][1]) == (True, True)
        wait_for(lambda: _new_tracks(audience, expected), 30)
        assert min(_new_tracks(audience, expected)) >= expected["next_track_id"]
        for said in ("cannot read", "is kept as", "Traceback"):
            assert said not in daemon.log()
        assert [file.name for file in daemon.state.glob("*.newer*")] == []
    finally:
        daemon.end()


def _ids(audience: Audience) -> list[str]:
    return [json.loads(payload)["id"] for topic, payload in audience.heard() if topic == TOPICS.events]


def _new_tracks(audience: Audience, expected: dict[str, Any]) -> list[int]:
    """The numbers of the tracks that began in this run."""
    events = [json.loads(payload) for topic, payload in audience.heard() if topic == TOPICS.events]
    started = [e for e in events if e["type"] == "vedette.track.started" and e["id"] not in expected["unsent"]]
    return [e["data"]["track_id"] for e in started]
