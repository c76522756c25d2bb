"""The daemon, a small clip for it, and a subscriber."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import HOST, MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process
from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon
from tests.support.reloading import Stage
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 pictures a second."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", scene(320, 240), frames=50)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two that find what is bright."""
    pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")
    folder = tmp_path_factory.mktemp("bright")
    return str(bright_network(folder, name="one")), str(bright_network(folder, name="two"))


@pytest.fixture(scope="session")
def model(models: tuple[str, str]) -> str:
    return models[0]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def daemon(person_model: str, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """`daemon(config text)` starts one; more of them share the state directory."""
    started: list[Daemon] = []

    def start(text: str, environment: Mapping[str, str] | None = None) -> Daemon:
        started.append(Daemon(tmp_path, text, environment))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def stage(tmp_path: Path, clip: Path, models: tuple[str, str]) -> Iterator[Stage]:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    broker = mosquitto_process(tmp_path)
    found = Stage(tmp_path, broker, clip, models)
    yield found
    found.daemon.end()
    found.heard.subscriber.stop()
    broker.kill()
    assert not found.heard.violations()
