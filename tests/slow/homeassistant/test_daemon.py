"""A whole Vedette and a whole Home Assistant, with nothing between them but mosquitto."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon
from tests.support.daemon import config as text
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.slow.homeassistant.home import Home
    from tests.slow.homeassistant.venvs import Release
    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted


@pytest.fixture
def device(tmp_path: Path, mosquitto: BrokerProcess, release: Release) -> Iterator[Daemon]:
    pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=50)
    camera = {"source": str(clip), "loop": True, "fps": 5}
    home = {"enabled": True, "discovery": release.form}
    model = str(bright_network(tmp_path))
    daemon = Daemon(tmp_path, text(mosquitto.port, {"yard": camera}, model=model, homeassistant=home))
    daemon.start()
    yield daemon
    daemon.end()


def test_a_camera_is_switched_tuned_and_pictured_from_home_assistant(home: Home, device: Daemon) -> None:
    def entity(key: str) -> str:
        """Its id there."""
        found = {unique: entry["entity_id"] for unique, entry in home.entities().items()}
        return next((name for unique, name in found.items() if unique.endswith(f"_yard_{key}")), "")

    home.wait(lambda: home.state(entity("Detection")) == "on", 60)
    home.wait(lambda: home.state(entity("Rate")) not in {"unknown", "unavailable", "0.0"}, 30)
    home.call("switch/turn_off", entity("Detection"))
    home.wait(lambda: home.state(entity("Status")) == "disabled")
    home.wait(lambda: home.state(entity("Occupancy_all")) == "unavailable")
    home.call("switch/turn_on", entity("Detection"))
    home.wait(lambda: home.state(entity("Status")) == "online")
    home.call("number/set_value", entity("Confidence"), value=0.25)
    home.wait(lambda: home.state(entity("Confidence")) == "0.25")
    before = home.state(entity("Snapshot"))
    home.call("button/press", entity("Take"))
    home.wait(lambda: home.state(entity("Snapshot")) not in {before, "unavailable"})
    (override,) = json.loads((device.state / "overrides.json").read_text())["overrides"]
    assert (override["key"], override["value"]) == ("confidence", 0.25)
    assert not home.complaints("ERROR")
