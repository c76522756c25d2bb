"""What an administrator may do wrong gets a clear answer and costs nothing: what is installed runs on (in order)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.slow.deb.machine import CHECKOUT
from tests.slow.deb.packages import another, packed, replace, unpacked
from tests.support.brokers import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.slow.deb.machine import Machine
    from tests.slow.deb.packages import Package

pytestmark = pytest.mark.rooted

APT_FAILED = 100


@pytest.fixture(scope="module")
def newer(package: Package, folder: Path) -> Package:
    return another(package, "0.2.0", folder)


@pytest.fixture(scope="module")
def upgraded(machine: Machine, newer: Package) -> Machine:
    """With the newer package, and its daemon. Not for the tests before the first that asks for it."""
    machine.install(newer)
    machine.start()
    return machine


@pytest.fixture
def undisturbed(upgraded: Machine) -> Iterator[Machine]:
    """Whatever a test does, the daemon that ran before runs after it, and its package is whole."""
    machine, pid = upgraded, upgraded.pid
    yield machine
    machine.wait_for_detections()
    assert machine.pid == pid
    listed = machine.container.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "vedette").stdout
    assert listed.strip() == "ii"
    changed = machine.container.run("dpkg", "--verify", "vedette").stdout.splitlines()
    assert [line for line in changed if "/etc/vedette/vedette.yaml" not in line] == []


def test_over_make_install_it_is_refused(machine: Machine, package: Package) -> None:
    """A file stands for what `make install` leaves."""
    machine.container.run("sh", "-c", "mkdir -p /opt/vedette && touch /opt/vedette/pyvenv.cfg")
    done = machine.apt("install", str(package.file), check=False)
    assert done.returncode == APT_FAILED
    assert "sudo make uninstall" in done.stdout + done.stderr
    assert machine.container.run("ls", "/opt/vedette").stdout.split() == ["pyvenv.cfg"]
    machine.container.run("rm", "-r", "/opt/vedette")


def test_without_space_for_it_nothing_is_unpacked(machine: Machine, package: Package) -> None:
    machine.container.run("mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", "/opt")
    done = machine.apt("install", str(package.file), check=False)
    assert done.returncode == APT_FAILED
    assert "/opt has 300 MB free" in done.stdout + done.stderr
    assert machine.container.run("ls", "/opt").stdout == ""
    machine.container.run("umount", "/opt")


def test_where_its_python_is_not_apt_says_so(machine: Machine, package: Package, folder: Path) -> None:
    root = unpacked(package, folder / "other-python")
    control = root / "DEBIAN/control"
    replace(control, control.read_text().replace("python3 (>= 3.11)", "python3 (>= 3.19)"))
    other = folder / "vedette_0.1.0-1~deb19_amd64.deb"
    packed(root, other)
    done = machine.apt("install", str(other), check=False)
    assert done.returncode == APT_FAILED
    assert "Depends: python3 (>= 3.19)" in done.stdout + done.stderr


def test_a_downgrade_is_refused(undisturbed: Machine, package: Package) -> None:
    plainly = undisturbed.apt("install", str(package.file), check=False)
    assert plainly.returncode == APT_FAILED
    assert "--allow-downgrades" in plainly.stdout + plainly.stderr  # apt's own word
    insisting = undisturbed.apt("install", "--allow-downgrades", str(package.file), check=False)
    assert insisting.returncode == APT_FAILED
    assert "VEDETTE_DOWNGRADE=yes" in insisting.stdout + insisting.stderr
    assert "0.2.0-1~deb12 is installed, and 0.1.0-1~deb12 is older" in insisting.stdout + insisting.stderr


def test_a_disk_that_fills_up_while_it_is_unpacked(undisturbed: Machine, package: Package, folder: Path) -> None:
    """The check before is made to believe that there is room: the disk below is made small, then as it was."""
    hungry = another(package, "0.2.1", folder, deceive=True)
    with undisturbed.container.little_space(200 << 20):
        done = undisturbed.apt("install", str(hungry.file), check=False)
    assert done.returncode == APT_FAILED
    assert "No space left on device" in done.stdout + done.stderr


def test_an_upgrade_without_space_is_refused(undisturbed: Machine, package: Package, folder: Path) -> None:
    newest = another(package, "0.2.2", folder)
    with undisturbed.container.little_space(200 << 20):
        done = undisturbed.apt("install", str(newest.file), check=False)
    assert done.returncode == APT_FAILED
    assert "are needed (an upgrade keeps the version before" in done.stdout + done.stderr


def test_two_at_once(undisturbed: Machine, package: Package, newer: Package) -> None:
    """Two packages in one order, and an order while another is under way (dpkg's lock)."""
    both = undisturbed.apt("install", str(package.file), str(newer.file), check=False)
    assert both.returncode in {0, APT_FAILED}
    assert undisturbed.running() == "0.2.0"
    locked = (
        "import fcntl, subprocess, sys; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "sys.exit(subprocess.run(['apt-get', '-y', 'install', sys.argv[1]]).returncode)"
    )
    second = undisturbed.container.run("python3", "-c", locked, str(newer.file), check=False)
    assert second.returncode == APT_FAILED
    assert "Could not get lock /var/lib/dpkg/lock-frontend" in second.stderr


def test_make_install_over_it_is_refused(undisturbed: Machine) -> None:
    for script in ("install.sh", "uninstall.sh"):
        done = undisturbed.container.run("sh", f"{CHECKOUT}/{script}", check=False)
        assert done.returncode == 1
        assert "sudo apt remove vedette" in done.stderr


def test_a_downgrade_that_is_wanted_works(upgraded: Machine, package: Package, tell: Callable[[str], None]) -> None:
    done = upgraded.apt("install", "--allow-downgrades", str(package.file), VEDETTE_DOWNGRADE="yes")
    assert f"{package.version} is healthy" in done.stdout
    wait_for(lambda: upgraded.running() == "0.1.0", 5)
    tell("a downgrade that is wanted: done")
