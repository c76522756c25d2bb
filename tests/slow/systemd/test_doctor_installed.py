"""`vedette doctor` on an installed device: root asks, and sees what the service's user sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.service import CONFIG, PASSWORD

if TYPE_CHECKING:
    from tests.support.service import Service

pytestmark = pytest.mark.rooted


def doctor(service: Service, *options: str) -> list[dict[str, Any]]:
    done = service.container.run("vedette", "doctor", "--json", *options, check=False, timeout=120)
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


def test_root_sees_what_the_service_sees(service: Service) -> None:
    service.wait_for_detections()
    found = doctor(service)
    said = {f"{finding['group']} {finding['state']}": finding["text"] for finding in found}
    assert said["access ok"].startswith("checked as vedette, the service's user")
    assert [f["text"][:37] for f in found if f["group"] == "service"][:1] == ["vedette.service is active (running), "]
    assert "/var/lib/vedette" in json.dumps([finding["text"] for finding in found if finding["group"] == "disk"])
    assert said["models ok"].startswith("person ")
    assert said["cameras ok"].endswith("as the running vedette says")
    assert not [text for place, text in said.items() if place.startswith(("config failed", "access failed"))]
    assert [finding["text"] for finding in found if finding["what"] == "login"] != []
    assert PASSWORD not in json.dumps(found)


def test_a_file_that_only_root_can_read_is_found(service: Service) -> None:
    service.container.run("chmod", "600", CONFIG)
    try:
        texts = [finding["text"] for finding in doctor(service, "--only", "config")]
    finally:
        service.container.run("chmod", "640", CONFIG)
    assert [f"{CONFIG}: cannot be read: Permission denied" in text for text in texts] == [True]


def test_the_bundle_of_an_installed_device(service: Service) -> None:
    doctor(service, "--only", "service", "--bundle", "/tmp/report.tar.gz")
    listed = service.container.run("tar", "tvzf", "/tmp/report.tar.gz").stdout
    for name in ("doctor.json", "config.json", "status.json", "journal.txt", "versions.json"):
        assert f"vedette-doctor/{name}" in listed
    everything = service.container.run("tar", "xOzf", "/tmp/report.tar.gz").stdout
    assert PASSWORD not in everything
    assert "!secret mqtt_password" in everything
    assert service.container.run("stat", "-c", "%a %U", "/tmp/report.tar.gz").stdout.strip() == "600 root"


def test_a_service_that_is_down_is_where_the_doctor_is_needed(service: Service) -> None:
    """Its credentials are not laid out then."""
    service.systemctl("stop")
    try:
        found = doctor(service, "--only", "service", "--only", "cameras", "--only", "broker")
    finally:
        service.systemctl("start")
    said = {f"{finding['what']} {finding['state']}": finding["text"] for finding in found}
    assert "inactive" in said["service failed"]
    assert said["camera ok"].startswith("yard: 320x240, ")
    assert "first picture after" in said["camera ok"]
    assert "login ok" in said
    assert PASSWORD not in json.dumps(found)
