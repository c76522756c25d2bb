"""What goes wrong shows on MQTT, by a name of its own, within 15 seconds; and is over when it is over."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import HOST, free_port, make_ca, make_certificates, sign_client, wait_for
from tests.support.clips import scene, write_clip
from tests.support.daemon import config
from tests.support.servers import MJPEG_URL, mjpeg_server, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

pytestmark = pytest.mark.rooted

TOLD_WITHIN = 15.0
CERTIFICATES = {"ca": "ca.pem", "cert": "server.pem", "key": "server.key"}


class BrokerPort(NamedTuple):
    """A second way into a broker."""

    port: int


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "state"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False, timeout=10).returncode:
        pytest.skip("no volume can be mounted here (root, and a kernel that lets it)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=10)


def value(audience: Audience, code: str, subject: str = "device") -> bytes | None:
    """The alert as a subscriber has it now; None when it was never told, empty when it is over."""
    topic = TOPICS.alert(code, subject)
    return next((payload for heard, payload in reversed(audience.heard()) if heard == topic), None)


def raised(audience: Audience, code: str, subject: str = "device") -> bool:
    return bool(value(audience, code, subject))


def alert_events(audience: Audience, code: str) -> list[str]:
    told = [json.loads(payload) for topic, payload in audience.heard() if topic == TOPICS.events]
    return [event["type"].rpartition(".")[2] for event in told if event["data"].get("code") == code]


def test_a_camera_that_freezes_and_dies_and_comes_back(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, model: str, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", scene(320, 240), frames=25, codec="mjpeg")
    heard = listen(mosquitto)
    with serve(mjpeg_server(clip), MJPEG_URL) as camera:
        run = daemon(config(mosquitto.port, {"yard": {"source": camera.url, "timeout": 8}}, own=model))
        wait_for(lambda: dict(heard.heard()).get(TOPICS.camera_status("yard")) == b"online", 20, run.log)
        camera.freeze()
        wait_for(lambda: raised(heard, "camera-stalled", "yard"), TOLD_WITHIN, run.log)
        camera.kill()
        wait_for(lambda: raised(heard, "camera-offline", "yard"), TOLD_WITHIN, run.log)
        camera.start()
        wait_for(lambda: value(heard, "camera-offline", "yard") == b"", 45, run.log)
    assert value(heard, "camera-stalled", "yard") == b""
    for code in ("camera-stalled", "camera-offline"):  # events come by way of the disk, after the alert itself
        wait_for(lambda code=code: len(alert_events(heard, code)) == 2, 10)
        assert alert_events(heard, code) == ["raised", "cleared"]
    lines = [line for line in run.log().splitlines() if " camera-offline of yard " in line]
    assert "raised: " in lines[0]
    assert lines[0].endswith("camera=yard event=vedette.alert.raised")
    assert lines[-1].endswith("camera-offline of yard is over camera=yard event=vedette.alert.cleared")


def test_a_config_that_was_edited_wrongly(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, model: str
) -> None:
    heard = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}, own=model))
    wait_for(run.ready, 20)
    right = run.file.read_text()
    run.file.write_text("cameras: {yard: {source: clip.mp4, fsp: 3}}\n")
    wait_for(lambda: raised(heard, "config-rejected"), TOLD_WITHIN)
    status = json.loads(dict(heard.heard())[TOPICS.config_status])
    assert status["state"] == "rejected"
    assert {(e["line"], e["key"]) for e in status["errors"]} >= {(1, "cameras.yard.fsp")}
    told = json.loads(value(heard, "config-rejected") or b"")
    wait_for(lambda: [alert.get("hint") for alert in run.status()["alerts"]] == [told["hint"]], TOLD_WITHIN)
    run.file.write_text(right)
    wait_for(lambda: value(heard, "config-rejected") == b"", TOLD_WITHIN)
    assert json.loads(dict(heard.heard())[TOPICS.config_status])["state"] == "ok"
    assert run.process.poll() is None


def test_a_disk_that_is_full(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, model: str, volume: Path
) -> None:
    heard = listen(mosquitto)
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}, own=model))
    wait_for(run.ready, 20, run.log)
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    wait_for(lambda: raised(heard, "disk-full"), TOLD_WITHIN, run.log)
    wait_for(lambda: alert_events(heard, "disk-full") == ["raised"], TOLD_WITHIN, "the event must not need the disk")
    filler.unlink()
    wait_for(lambda: value(heard, "disk-full") == b"", TOLD_WITHIN, run.log)
    wait_for(lambda: alert_events(heard, "disk-full") == ["raised", "cleared"], TOLD_WITHIN)
    assert run.process.poll() is None


def test_a_renewed_certificate_that_is_wrong_is_told_of_and_not_used(
    mosquitto_with: Callable[..., BrokerProcess], daemon: Start, model: str, tmp_path: Path
) -> None:
    """And the good one that follows is, without the device ever being called offline."""
    make_certificates(tmp_path, HOST)
    make_ca(tmp_path, "foreign")
    cert, key = sign_client(tmp_path, DEVICE)
    plain = free_port()
    files = [f"{what}file {tmp_path / name}" for what, name in CERTIFICATES.items()]
    broker = mosquitto_with(*files, "require_certificate true", f"listener {plain} {HOST}")
    heard = Audience(BrokerPort(plain))
    tls = {"ca": str(tmp_path / "ca.pem"), "cert": cert, "key": key}
    where = {"url": f"mqtts://{HOST}:{broker.port}", "tls": tls}
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=25)
    run = daemon(config(broker.port, {"yard": {"source": str(clip), "loop": True}}, own=model, mqtt=where))
    wait_for(lambda: raised(heard, "certificate-expiry"), TOLD_WITHIN, run.log())  # in two days, as made above
    sign_client(tmp_path, DEVICE, ca="foreign")
    wait_for(lambda: raised(heard, "certificate"), TOLD_WITHIN, run.log)
    assert b"the renewed certificates are not used" in (value(heard, "certificate") or b"")
    sign_client(tmp_path, DEVICE, days=100)
    wait_for(lambda: value(heard, "certificate") == b"", TOLD_WITHIN, run.log)
    assert b"offline" not in heard.statuses()
    assert run.log().count("connected to") == 2
    heard.subscriber.stop()
    assert heard.violations() == []


def test_a_topic_that_the_broker_rejects(
    mosquitto_with: Callable[..., BrokerProcess], daemon: Start, listen: Listen, model: str, clip: Path, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    root = TOPICS.root
    acl.write_text(f"topic readwrite {root}/alert/#\ntopic readwrite {root}/status\ntopic readwrite {root}/events\n")
    acl.chmod(0o600)
    broker = mosquitto_with(f"acl_file {acl}")
    heard = listen(broker)
    run = daemon(config(broker.port, {"yard": {"source": str(clip), "loop": True}}, own=model))
    wait_for(lambda: raised(heard, "mqtt-rejected"), TOLD_WITHIN, run.log)
    told = json.loads(value(heard, "mqtt-rejected") or b"")
    assert root in told["text"]
    assert "ACL" in told["hint"]
    wait_for(lambda: "raised" in alert_events(heard, "mqtt-rejected"), TOLD_WITHIN)
