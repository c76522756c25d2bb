"""Upgrades of the package (in this order): a good one loses nothing, a bad one is taken back.

The newer versions are this one under other numbers, so what this does not prove is that a future format of the state is
read: tests/fixtures/releases is for that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.slow.deb import broken
from tests.slow.deb.packages import REPOSITORY, another
from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.service import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.slow.deb.machine import Machine
    from tests.slow.deb.packages import Package

pytestmark = pytest.mark.rooted

EVENTS = 1000
BACK_S = 90.0
"""From the start of a broken version until the one before publishes again."""
PATIENCE = "/etc/systemd/system/vedette-trial.service.d/patience.conf"
_FILL = """
import sys, time
from pathlib import Path
from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.events import Event
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.topics import Topics
folder = Path("/var/lib/vedette")
publisher = Publisher(MqttConfig(host="127.0.0.1", port=1), "gate", memory=folder / "none.json")
outbox = Outbox(OutboxConfig(), "gate", Topics("", "gate"), publisher, folder)
outbox.start()
for n in range(int(sys.argv[1])):
    outbox.put(Event("vedette.camera.status", time.time(), True, {"n": n, "error": "x" * 300}, "yard"))
outbox.finish(30)
outbox.stop(5)
"""


@pytest.fixture(scope="module")
def plugin(folder: Path) -> Path:
    """A backend's wheel."""
    copy = shutil.copytree(REPOSITORY / "tests/support/plugin", folder / "plugin")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(copy)], check=True, capture_output=True, timeout=120)
    return next(folder.glob("vedette_edges*.whl"))


@pytest.fixture(scope="module")
def installed(machine: Machine, package: Package, plugin: Path) -> Machine:
    """This version, with a config, a plug-in, and somebody in the picture."""
    machine.install(package)
    machine.container.write(PATIENCE, b"[Service]\nEnvironment=VEDETTE_TRIAL_SECONDS=15\n")
    machine.container.run("/opt/vedette/bin/pip", "install", "-q", "--no-index", str(plugin))
    machine.start()
    return machine


@pytest.fixture
def tried(installed: Machine) -> Iterator[Machine]:
    """With no trial before and after."""
    installed.wait_until_tried()
    installed.wait_for_detections()
    yield installed
    installed.wait_until_tried()


@pytest.mark.made_up  # the events
def test_a_good_upgrade_loses_nothing(
    tried: Machine, package: Package, folder: Path, tell: Callable[[str], None]
) -> None:
    newer = another(package, "0.1.1", folder)
    edited = tried.container.run("cat", CONFIG, "/var/lib/vedette/device_uid").stdout
    tried.way.refuse()
    tried.systemctl("stop")
    fill = ("runuser", "-u", "vedette", "--", "/opt/vedette/current/bin/python", "-c", _FILL, str(EVENTS))
    tried.container.run(*fill)
    tried.systemctl("start")
    wait_for(lambda: _waiting(tried) >= EVENTS, 30, "the events do not wait")
    said = tried.install(newer)
    assert f"{newer.version} is healthy" in said
    assert (tried.running(), tried.current()) == ("0.1.1", newer.version)
    assert _waiting(tried) >= EVENTS
    tried.way.accept()
    wait_for(lambda: len(_numbers(tried)) >= EVENTS, 60, lambda: f"only {len(_numbers(tried))} events arrived")
    assert sorted(_numbers(tried)) == list(range(EVENTS))
    tell(f"an upgrade with {EVENTS} unsent events: all arrived, each once")
    assert tried.container.run("cat", CONFIG, "/var/lib/vedette/device_uid").stdout == edited
    assert "edges" in tried.container.run("vedette", "backends").stdout, "the plug-in is gone"


def test_the_version_before_is_kept_until_the_new_one_is_proven(tried: Machine) -> None:
    assert tried.container.run("ls", "/opt/vedette/versions").stdout.split() == [tried.current()]
    assert "0.1.1-1~deb12 stays" in tried.container.run("journalctl", "-u", "vedette-trial", "-o", "cat").stdout


def test_one_that_hangs_is_taken_back(
    tried: Machine, package: Package, folder: Path, tell: Callable[[str], None]
) -> None:
    """With the minute that it has."""
    tried.container.run("rm", PATIENCE)
    bad = another(package, "0.1.2", folder, broken.hangs)
    last = tried.seen_at()[-1]
    done = tried.apt("install", str(bad.file), check=False)
    assert done.returncode == 100
    assert f"{bad.version} is not healthy: vedette.service is not ready" in done.stdout
    assert "0.1.1-1~deb12 runs again" in done.stdout
    tried.wait_for_detections()
    gap = max(later - earlier for earlier, later in pairwise(at for at in tried.seen_at() if at >= last))
    tell(f"a version that hangs: the one before publishes again after {gap:.1f} s without (bar {BACK_S:.0f} s)")
    assert gap <= BACK_S
    assert (tried.running(), tried.current()) == ("0.1.1", "0.1.1-1~deb12")


def test_it_is_told_to_all_and_dpkg_is_not_stuck(tried: Machine) -> None:
    wait_for(lambda: tried.audience.values().get(TOPICS.alert("upgrade-refused", "device")), 15)
    assert "upgrade-refused" in tried.container.run("vedette", "status").stdout.lower()
    pid = tried.pid
    said = tried.container.run("dpkg", "--configure", "-a").stdout
    assert "was not healthy on this machine; 0.1.1-1~deb12 runs" in said
    assert tried.container.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "vedette").stdout == "installed"
    assert tried.pid == pid


def test_one_that_crashes_is_taken_back_and_what_it_did_to_the_outbox_is_kept(
    tried: Machine, package: Package, folder: Path, tell: Callable[[str], None]
) -> None:
    bad = another(package, "0.1.3", folder, broken.crashes)
    tried.way.refuse()
    wait_for(lambda: _waiting(tried) > 0, 60, "no event waits")
    began = time.monotonic()
    done = tried.apt("install", str(bad.file), check=False)
    took = time.monotonic() - began
    tried.way.accept()
    assert done.returncode == 100, done.stdout
    tried.wait_for_detections()
    tell(f"a version that crashes: apt returned after {took:.1f} s, the one before running")
    assert tried.running() == "0.1.1"
    count = (
        "import sqlite3; d = sqlite3.connect('file:/var/lib/vedette/outbox.newer.db?mode=ro', uri=True);"
        "print(d.execute('PRAGMA user_version').fetchone()[0], d.execute('SELECT count(*) FROM events').fetchone()[0])"
    )
    version, waiting = tried.container.run("python3", "-c", count).stdout.split()
    assert (version, int(waiting) > 0) == ("2", True)
    wait_for(lambda: tried.audience.values().get(TOPICS.alert("outbox-newer", "device")), 15)


def test_one_that_crashes_after_apt_has_gone_is_taken_back(tried: Machine, package: Package, folder: Path) -> None:
    tried.container.write(PATIENCE, b"[Service]\nEnvironment=VEDETTE_TRIAL_SECONDS=15\n")
    bad = another(package, "0.1.4", folder, broken.crashes_later)
    assert f"{bad.version} is healthy" in tried.install(bad)
    tried.wait_until_tried()
    wait_for(lambda: tried.current() == "0.1.1-1~deb12", 5)
    tried.wait_for_detections()
    assert tried.running() == "0.1.1"
    wait_for(lambda: tried.audience.values().get(TOPICS.alert("upgrade-refused", "device")), 15)


def test_a_power_cut_in_the_middle_of_a_trial(
    tried: Machine, package: Package, folder: Path, tell: Callable[[str], None]
) -> None:
    """The trial goes on at the next start, and dpkg is whole again after its usual order."""
    bad = another(package, "0.1.5", folder, broken.hangs)
    with ThreadPoolExecutor(1) as apart:
        apt = apart.submit(tried.apt, "install", str(bad.file), check=False)
        wait_for(lambda: tried.current() == bad.version, 120, "the trial does not begin")
        began = time.monotonic()
        tried.container.power_cut()
        assert apt.result(60).returncode != 0
    tried.wait_until_tried()
    took = tried.wait_to_see(began)
    tell(f"power cut while a version that hangs was tried for 15 s: the one before publishes after {took:.1f} s")
    assert (tried.running(), tried.current()) == ("0.1.1", "0.1.1-1~deb12")
    assert "was not healthy on this machine" in tried.container.run("dpkg", "--configure", "-a").stdout
    assert tried.running() == "0.1.1"


def _waiting(machine: Machine) -> int:
    """How many events the broker has yet to be told."""
    return int(machine.status()["outbox"]["depth"])


def _numbers(machine: Machine) -> list[int]:
    return [event["data"]["n"] for event in machine.events() if "n" in event["data"]]
