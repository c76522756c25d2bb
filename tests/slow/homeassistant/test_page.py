"""The automation of docs/homeassistant.md in a real Home Assistant, set off by people in a real clip."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from backends.models import store
from tests.slow.homeassistant.home import Home
from tests.slow.homeassistant.venvs import DEVICE, venv
from tests.support.daemon import Daemon
from tests.support.pages import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted

PAGE = "docs/homeassistant.md"


@pytest.fixture
def automations() -> list[dict[str, object]]:
    (text,) = [block.text for block in BLOCKS if (block.page, block.mark) == (PAGE, "automations.yaml")]
    found: list[dict[str, object]] = yaml.safe_load(text)
    return found


@pytest.fixture
def home(automations: list[dict[str, object]], mosquitto: BrokerProcess, tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "home"
    made = Home(folder, venv(DEVICE), mosquitto.port)
    with (folder / "configuration.yaml").open("a") as file:
        file.write(f"automation: {json.dumps(automations)}\n")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def device(tmp_path: Path, mosquitto: BrokerProcess) -> Iterator[Daemon]:
    """The page's own config, with a clip of the catalog for a camera."""
    clip = store.folder() / "clips/bikes.mp4"
    if not clip.exists() or not (store.folder() / "person").exists():
        pytest.skip("the model `person` and the clip `bikes` are not here (make run gets them)")
    (text,) = [block.text for block in BLOCKS if (block.page, block.language, block.mark) == (PAGE, "yaml", "")]
    config = yaml.safe_load(text.replace("!secret mqtt_password", "abcdefgh"))
    config["mqtt"] = {"url": f"mqtt://127.0.0.1:{mosquitto.port}"}
    config["cameras"]["gate"] |= {"source": str(clip), "loop": True, "fps": 10}
    daemon = Daemon(tmp_path, json.dumps(config), {"VEDETTE_MODELS": str(store.folder())})
    daemon.start()
    yield daemon
    daemon.end()


def test_the_automation_of_the_page_runs(home: Home, device: Daemon) -> None:
    home.wait(lambda: home.state("binary_sensor.gate_person_occupancy") in {"on", "off"}, 60)
    for entity in ("sensor.gate_person_count", "image.gate_last_snapshot", "event.gate_track"):
        assert home.state(entity) is not None, device.log()

    def ran() -> bool:
        found = home.states()["automation.somebody_is_on_the_porch"]
        return found["attributes"]["last_triggered"] is not None

    home.wait(ran, 60)
    assert not home.complaints("ERROR")
