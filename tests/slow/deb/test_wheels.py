"""The tree for pip: as a wheel, as a source distribution, and as a folder of wheels for machines without the internet.

All of it without a network, in environments of the system's Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.slow.deb.packages import REPOSITORY, unbuildable
from tests.slow.systemd.conftest import system_python_differs
from tests.support.container import Container, container_missing, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.rooted

ALONE = ["unshare", "--net"]


def made(what: str) -> list[Path]:
    command = [sys.executable, str(REPOSITORY / "systemd/deb/wheelhouse.py"), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return [REPOSITORY / line for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def wheelhouse() -> Path:
    if missing := unbuildable() or system_python_differs():
        pytest.skip(missing)
    return made("wheelhouse")[0]


@pytest.fixture(scope="module")
def dist(wheelhouse: Path) -> list[Path]:
    return made("dist")


@pytest.mark.parametrize("kind", ["vedette-*.whl", "vedette-*.tar.gz"])
def test_it_installs_with_pip(kind: str, wheelhouse: Path, dist: list[Path], tmp_path: Path) -> None:
    (file,) = (path for path in dist if path.match(kind))
    subprocess.run(["/usr/bin/python3", "-m", "venv", str(tmp_path)], check=True, timeout=120)
    own = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    install = ["install", "-q", "--no-index", f"--find-links={wheelhouse}", f"{file}[openvino,edgetpu]"]
    subprocess.run([*ALONE, str(tmp_path / "bin/pip"), *install], check=True, env=own, timeout=300)
    asked = [str(tmp_path / "bin/vedette"), "backends", "--json"]
    done = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=120)
    states = {report["name"]: report["status"] for report in json.loads(done.stdout)}
    assert (states["openvino"], states["litert"]) == ("available", "available")


def test_make_install_takes_it_where_there_is_no_internet(
    wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]
) -> None:
    """The service's default model, too."""
    if missing := container_missing():
        pytest.skip(missing)
    with one_at_a_time():
        binds = {wheelhouse: "/opt/wheelhouse", REPOSITORY: "/opt/checkout"}
        container = Container(tmp_path_factory.mktemp("offline"), binds)
        try:
            pip = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/opt/wheelhouse", f"PIP_CONFIG_FILE={os.devnull}"]
            said = container.run(*ALONE, "env", *pip, "sh", "/opt/checkout/systemd/install.sh", timeout=400).stdout
            assert "vedette: installed" in said
            container.run("test", "-e", "/var/cache/vedette/models/person/model.xml")
        finally:
            container.stop()
    tell("make install, without a network: done")
