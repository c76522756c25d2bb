"""What docs/fleet.md shows is what the code prints, and its commands can be run."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cli import main
from agent.publish import payloads
from agent.publish.payloads import CameraHealth
from agent.publish.summary import Summary
from agent.tools.fleet.messages import hear
from agent.tools.fleet.rows import rows
from agent.tools.fleet.state import Fleet
from agent.tools.fleet.table import table
from tests.support import load, simulated
from tests.support.simulated import CAMERA, Simulated

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "fleet.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PLAIN = [text for kind, text in BLOCKS if kind == ""]
SHELL = [line.partition("  #")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


def lines(start: str) -> list[str]:
    found = [line for line in SHELL if line.startswith(start)]
    assert found, start
    return found


def test_the_list_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["gate-pi", "porch", "shed", "yard"]
    monkeypatch.setattr(simulated, "name_of", lambda n: names[n - 1])
    fleet = Fleet()
    for n in (1, 2, 3, 4):
        device = Simulated(n)
        monkeypatch.setattr(device, "model", simulated.PERSON)
        status = payloads.OFFLINE if n == 3 else payloads.ONLINE
        kept = {**device.retained(), device.topics.status: status}
        if n == 2:
            away = {"code": "camera-offline", "subject": "yard", "severity": "error", "text": "no answer"}
            cameras = {CAMERA: CameraHealth("offline", None, None, 0.0, 0.0, {})}
            summary = Summary().take(replace(device.health(), alerts=[away], cameras=cameras), 0.0)
            kept[device.topics.summary] = summary or b""
        if n == 4:
            del kept[device.topics.summary]
        for topic, payload in kept.items():
            hear(fleet, topic, payload)
    assert PLAIN[0].splitlines() == table(rows(fleet), fleet, 1000)


def test_the_options_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fleet", "--help"])
    told = capsys.readouterr().out
    for line in lines("vedette fleet"):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in told
    assert "--timeout" in told


def test_its_commands_make_certificates(tmp_path: Path) -> None:
    for line in lines("sh certificates.sh"):
        script = str(ROOT / "config/fleet/certificates.sh")
        command = [script if word == "certificates.sh" else word for word in line.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
    for file in ("ca.pem", "server.pem", "gate-pi.pem"):
        assert (tmp_path / "pki" / file).exists()
    shown = ["openssl", "x509", "-in", str(tmp_path / "pki/server.pem"), "-noout", "-ext", "subjectAltName"]
    names = subprocess.run(shown, capture_output=True, text=True, check=True, timeout=10).stdout
    assert "DNS:broker.lan" in names
    assert "IP Address:10.0.0.2" in names


def test_its_rules_for_a_site_are_those_that_the_bridge_is_tested_with() -> None:
    (line,) = lines("sed")
    shipped = ROOT / "config" / "mosquitto"
    made = subprocess.run(line, shell=True, cwd=shipped, capture_output=True, text=True, check=True, timeout=10).stdout
    assert made == (shipped / "vedette.acl").read_text().replace(" vedette/1/", " site-a/vedette/1/")
    assert "pattern write site-a/vedette/1/%u/#" in made


def test_what_it_says_of_loads_is_what_is_reckoned() -> None:
    assert load.tables() in PAGE
    prose = " ".join(PAGE.split())
    event = len(Simulated(11).event())
    events = load.kinds()["events"].rate
    assert f"{load.QUEUE:,} bytes / ({load.SITE * events:.1f}/s x {event:,})" in prose
    assert round(load.QUEUE / (load.SITE * events * event), -2) == 6400
    assert f"{8 * 3600 * load.SITE * events * event / 1e9:.1f} GB" in prose
    bridge = (ROOT / "config/fleet/bridge.conf").read_text()
    assert f"max_queued_bytes {load.QUEUE}\n" in bridge
    assert "max_inflight_messages 100\n" in bridge
    for devices, us, cores in re.findall(r"([\d,]+) x (\d+) us = (\d+\.\d+)", prose):
        factor = 2 if f"2 x {devices} x" in prose else 1
        assert float(cores) == pytest.approx(factor * int(devices.replace(",", "")) * int(us) * 1e-6, rel=0.05)
