"""The service where only /run and its state directory can be written, as on an image whose root is read-only.

/proc, /sys and /dev (with /dev/shm) are the kernel's own, as on any system. It does not prove that systemd boots so.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.caller import Caller
from tests.support.service import CLIP, CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Service

pytestmark = pytest.mark.rooted

STATE = "/var/lib/vedette"
TRIAL_S = 30.0
# Nothing below / may be open for writing then, so journald goes to /run, where it is on such a system.
_CLOSE = f"""
set -e
journalctl --relinquish-var
mount --bind {STATE} {STATE}
for place in / /tmp /opt/checkout; do
    if mountpoint -q $place; then mount -o remount,bind,ro $place; fi
done
"""
_OPEN = f"mount -o remount,bind,rw /tmp; mount -o remount,bind,rw /; umount {STATE}; journalctl --flush"
PLACES = ("/etc/vedette", "/opt/vedette", "/var/cache/vedette/models", "/var/tmp", "/tmp", "/var/log", "/root")


@pytest.fixture
def read_only(service: Service) -> Iterator[Service]:
    text = service.container.run("cat", CONFIG).stdout
    service.container.run("tee", CONFIG, stdin=text.replace("[restart]", "[restart, config.apply]").encode())
    service.systemctl("stop")
    service.container.run("sh", "-c", _CLOSE)
    try:
        yield service
    finally:
        service.systemctl("stop")
        service.container.run("sh", "-c", _OPEN)
        service.configure()
        service.systemctl("start")


def test_nothing_is_missed(read_only: Service) -> None:
    container = read_only.container
    for place in PLACES:
        said = container.run("touch", f"{place}/x", check=False).stderr
        assert "Read-only file system" in said, f"{place} can be written: {said}"
    container.run("sh", "-c", f"touch {STATE}/x /run/x && rm {STATE}/x /run/x")

    read_only.systemctl("start")
    read_only.wait_for_detections()
    assert read_only.show("ActiveState") == "active"

    caller = Caller(SimpleNamespace(port=read_only.port))
    applied = container.run("cat", CONFIG).stdout.replace(json.dumps(CLIP), json.dumps({**CLIP, "hall": CLIP["yard"]}))
    assert caller.ask("config.apply", {"yaml": applied})["status"] == "accepted"

    def state() -> str:
        told = dict(read_only.audience.heard()).get(TOPICS.config_status, b"{}")
        return str(json.loads(told).get("state"))

    wait_for(lambda: state() == "pending", 10, read_only.journal)
    wait_for(lambda: state() == "ok", TRIAL_S + 15, read_only.journal)
    read_only.systemctl("restart")
    read_only.wait_for_detections()
    heard = len(read_only.audience.messages)
    hall = TOPICS.detections("hall")
    wait_for(lambda: hall in dict(read_only.audience.heard()[heard:]), 20, read_only.journal)
    container.run("test", "-s", f"{STATE}/remote.yaml")
    container.run("kill", "-KILL", str(read_only.pid))
    read_only.wait_for_detections()

    journal = read_only.journal()
    assert "Read-only file system" not in journal, journal
    assert "Traceback" not in journal, journal
    caller.subscriber.stop()
