"""Vedette installed by `make install` into a booted systemd, once for each file: one ends with its removal."""

from __future__ import annotations

import io
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends.models import store
from tests.support.audience import Audience
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process
from tests.support.clips import scene, write_clip
from tests.support.container import Container, container_missing, one_at_a_time
from tests.support.service import DROP_IN, PASSWORD, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
SYSTEM_PYTHON = "/usr/bin/python3"
PACKAGES = "/opt/packages"


def system_python_differs() -> str:
    """The packages of this test run serve inside too, so both Pythons must be of one minor version."""
    probe = [SYSTEM_PYTHON, "-c", "import ensurepip, sys; print(*sys.version_info[:2], sep='.')"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return f"no {SYSTEM_PYTHON}"
    if done.returncode:
        return "python3-venv is not installed (apt install python3-venv)"
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return "" if done.stdout.strip() == own else f"{SYSTEM_PYTHON} is {done.stdout.strip()}, the tests run on {own}"


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    missing = container_missing() or system_python_differs()
    if missing:
        pytest.skip(missing)
    with one_at_a_time():
        booted = Container(
            tmp_path_factory.mktemp("systemd"),
            {CHECKOUT: "/opt/checkout", Path(sysconfig.get_path("purelib")): PACKAGES},
        )
        yield booted
        booted.stop()


@pytest.fixture(scope="module")
def service(container: Container, person_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Installed twice: with nothing there, and over an edited config, which starts it.

    What PyPI would give is there already: the packages by a .pth file, the model as a copy. So this proves what the
    scripts do, not that the downloads work.
    """
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    folder = tmp_path_factory.mktemp("service")
    site = f"/opt/vedette/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    container.write(f"{site}/packages.pth", PACKAGES.encode())
    container.run("mkdir", "-p", "/var/cache/vedette")
    container.run("tar", "-x", "-C", "/var/cache/vedette", stdin=_packed(store.folder() / person_model))
    container.write("/srv/clip.mp4", write_clip(folder / "clip.mp4", scene(320, 240), frames=50).read_bytes())
    container.write("/etc/systemd/system/vedette.service.d/test.conf", DROP_IN.encode())
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "gate", PASSWORD], check=True, timeout=10)
    broker = mosquitto_process(folder, f"password_file {passwords}")
    audience = Audience(broker)
    installed = Service(container, broker.port, audience)
    installed.first_install = installed.make("install")
    installed.configure()
    installed.second_install = installed.make("install")
    yield installed
    audience.subscriber.stop()
    broker.kill()


def _packed(model: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(model, f"models/{model.name}")
    return buffer.getvalue()
