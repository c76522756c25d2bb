"""A clean Debian 12 under a systemd of its own, the package of this tree, and a broker: once for all tests here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends.contract import BackendError
from backends.models import store
from tests.slow.deb import packages, root
from tests.slow.deb.machine import CHECKOUT, Machine
from tests.support.audience import Audience
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process
from tests.support.container import Container, container_missing, one_at_a_time
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.slow.deb.packages import Package
    from tests.support.brokers import BrokerProcess


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seen inside at the same path."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="session")
def package(folder: Path, tell: Callable[[str], None]) -> Package:
    if missing := packages.unbuildable():
        pytest.skip(missing)
    made = packages.built()
    copy = folder / made.file.name
    shutil.copy(made.file, copy)
    tell(f"built {copy.name}, {copy.stat().st_size >> 20} MB")
    return packages.Package(copy, made.version)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    started = mosquitto_process(tmp_path_factory.mktemp("broker"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory,
    folder: Path,
    package: Package,
    broker: BrokerProcess,
    tell: Callable[[str], None],
) -> Iterator[Machine]:
    """Without the package. Its disk is memory, so what it measures is faster than a card."""
    if missing := packages.unbuildable() or container_missing():
        pytest.skip(missing)
    if not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed (apt install debootstrap)")
    base = root.clean(tell)
    try:
        clip = store.clip("bikes", lambda *_: None)
    except BackendError as e:
        pytest.skip(f"no clip: {e}")
    with one_at_a_time():
        own = tmp_path_factory.mktemp("machine")
        binds = {folder: str(folder), packages.REPOSITORY / "systemd": CHECKOUT}
        container = Container(own, binds, str(base), "multi-user.target")
        try:
            container.write("/srv/clip.mp4", clip.read_bytes())
            audience, way = Audience(broker), Proxy(broker.port)
            yield Machine(container, way, audience)
            audience.subscriber.stop()
            way.stop()
        finally:
            container.stop()
