"""Installed from the package on a clean Debian without a network: it runs, boots, and goes without a trace (in order).

What the figures do not tell: the disk is memory, the processor a server's.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.service import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.slow.deb.machine import Machine
    from tests.slow.deb.packages import Package

pytestmark = pytest.mark.rooted

FIRST_S = 60.0
"""From `apt install` to the first published detection."""


@pytest.fixture(scope="module")
def before(machine: Machine) -> set[str]:
    """The files of the clean machine."""
    return machine.files()


def test_from_apt_install_to_the_first_detection(
    machine: Machine, before: set[str], package: Package, tell: Callable[[str], None]
) -> None:
    began = time.monotonic()
    said = machine.install(package)
    installed = time.monotonic() - began
    assert f"sudo nano {CONFIG}" in said
    machine.configure()
    machine.systemctl("start")
    took = machine.wait_to_see(began)
    tell(f"apt install: {installed:.1f} s; first person published {took:.1f} s after its start (bar {FIRST_S:.0f} s)")
    assert took <= FIRST_S
    assert machine.running() == package.version.partition("-")[0]
    assert machine.container.run("stat", "-c", "%U:%G %a", CONFIG).stdout == "root:vedette 640\n"
    assert machine.container.run("dpkg", "--verify", "vedette").stdout.split() in ([], ["??5??????", "c", CONFIG])


def test_its_engines_and_its_model_are_there(machine: Machine) -> None:
    reports = json.loads(machine.container.run("vedette", "backends", "--json").stdout)
    states = {report["name"]: report["status"] for report in reports}
    assert (states["openvino"], states["litert"]) == ("available", "available")
    listed = machine.container.run("env", "VEDETTE_MODELS=/var/cache/vedette/models", "vedette", "models", "list")
    person = next(line for line in listed.stdout.splitlines() if line.startswith("person"))
    assert person.split()[1:4:2] == ["yes", "MIT"]


def test_the_list_of_its_parts_is_that_of_what_is_there(machine: Machine) -> None:
    bill = json.loads(machine.container.run("cat", "/usr/share/doc/vedette/sbom.cdx.json").stdout)
    told = {f"{part['name']} {part['version']}" for part in bill["components"] if part["type"] == "library"}
    code = (
        "import importlib.metadata as m, re, sys; "
        "print(*(re.sub('[-_.]+', '-', d.metadata['Name']).lower() + ' ' + d.version"
        " for d in m.distributions(path=[p for p in sys.path if p.startswith('/opt/vedette')])), sep='\\n')"
    )
    there = set(machine.container.run("/opt/vedette/bin/python", "-c", code).stdout.splitlines())
    own = bill["metadata"]["component"]
    assert told | {f"{own['name']} {own['version']}"} == there
    assert all(part.get("licenses") for part in bill["components"]), bill["components"]


def test_after_a_reboot_it_runs(machine: Machine, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    machine.container.reboot()
    tell(f"rebooted; a person published {machine.wait_to_see(began):.1f} s after the order")
    assert machine.systemctl("is-active") == "active"


def test_a_second_instance_has_its_own_unit(machine: Machine) -> None:
    machine.container.run("sh", "-c", f"sed s/device:.*/device:\\ two/ {CONFIG} >/etc/vedette/two.yaml")
    machine.container.run("sh", "-c", f"chown --reference={CONFIG} /etc/vedette/two.yaml")
    machine.container.run("systemctl", "start", "vedette@two")
    assert machine.container.run("systemctl", "is-active", "vedette@two").stdout.strip() == "active"
    machine.container.run("systemctl", "stop", "vedette@two")


def test_removed_it_leaves_config_and_state(machine: Machine) -> None:
    said = machine.apt("remove", "vedette")
    assert "not empty" not in said.stdout + said.stderr
    assert machine.container.run("pgrep", "-f", "agent.cli|bin/vedette", check=False).stdout == ""
    for path in (CONFIG, "/var/lib/vedette/device_uid", "/var/lib/vedette/outbox.db"):
        machine.container.run("test", "-e", path)
    for path in ("/opt/vedette", "/usr/bin/vedette", "/usr/lib/systemd/system/vedette.service"):
        assert machine.container.run("test", "-e", path, check=False).returncode == 1, path


def test_purged_it_leaves_nothing(machine: Machine, before: set[str]) -> None:
    machine.apt("purge", "vedette")
    left = machine.files() - before
    assert left <= {"/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"}
    assert machine.container.run("id", "-u", "vedette", check=False).returncode == 1
    assert "vedette" not in machine.container.run("cat", "/etc/group", "/etc/passwd").stdout
