from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import listen
from tests.slow.homeassistant.home import Home
from tests.slow.homeassistant.playing import Played
from tests.slow.homeassistant.venvs import DEVICE, ENTITY, Release, venv
from tests.support.brokers import BrokerProcess

__all__ = ["listen"]


@pytest.fixture(scope="session", params=[ENTITY, DEVICE], ids=lambda release: release.version)
def release(request: pytest.FixtureRequest) -> Release:
    return request.param


@pytest.fixture
def home(release: Release, mosquitto: BrokerProcess, tmp_path: Path) -> Iterator[Home]:
    """A Home Assistant that runs and is connected to the test's broker."""
    started = Home(tmp_path / "home", venv(release), mosquitto.port)
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Played]]:
    running: list[Played] = []

    def start(wanted) -> Played:
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        running.append(Played(wanted, state).start())
        return running[-1]

    yield start
    for played in running:
        played.stop()
