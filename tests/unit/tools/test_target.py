"""Whom `vedette watch` listens to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.config import ConfigError
from agent.tools.target import Options, target
from agent.tools.watch.watching import topics

CONFIG = """
device: gate-pi
mqtt: {url: mqtts://broker:8884, username: gate, password: of-the-config, prefix: site/a, tls: {insecure: true}}
cameras: {gate: {source: clip.mp4}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "vedette.yaml"
    file.write_text(CONFIG)
    return file


def complaint(**options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        target(Options(**options))
    return str(error.value)


def test_without_anything_all_devices_of_the_local_broker() -> None:
    found = target(Options())
    assert (found.endpoint.host, found.endpoint.port, found.endpoint.tls) == ("localhost", 1883, None)
    assert (found.endpoint.username, found.endpoint.password, found.device, found.prefix) == (None, None, None, "")
    assert "vedette/1/+/cam/+/detections" in topics(found)


def test_what_a_config_says_holds(config: Path) -> None:
    found = target(Options(config=config))
    assert (found.endpoint.place, found.endpoint.username, found.device) == ("broker:8884", "gate", "gate-pi")
    assert found.endpoint.password is not None
    assert found.endpoint.password.reveal() == "of-the-config"
    assert found.endpoint.tls is not None
    assert "site/a/vedette/1/gate-pi/events" in topics(found)


def test_options_win_over_the_config(config: Path, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    options = Options(config, device="other", username="me", password="of-mine", ca=str(ca), prefix="")
    found = target(options)
    assert (found.device, found.prefix, found.endpoint.username) == ("other", "", "me")
    assert found.endpoint.password is not None
    assert found.endpoint.password.reveal() == "of-mine"
    assert found.endpoint.tls is not None
    assert (found.endpoint.tls.ca, found.endpoint.tls.insecure) == (str(ca), False)


@pytest.mark.parametrize("other", [{"insecure": True}, {"ca": "own.pem"}])
def test_another_check_of_the_broker_leaves_our_own_certificate(
    other: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ca", "own", "cert", "key"):
        (tmp_path / f"{name}.pem").write_text("")
    config = tmp_path / "vedette.yaml"
    config.write_text(CONFIG.replace("insecure: true", "ca: ca.pem, cert: cert.pem, key: key.pem"))
    tls = target(Options(config, **other)).endpoint.tls
    assert tls is not None
    assert (tls.cert, tls.key) == (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    elsewhere = target(Options(config, broker="mqtts://elsewhere", **other)).endpoint.tls
    assert elsewhere is not None
    assert elsewhere.cert is None


def test_no_password_goes_to_another_broker_or_with_another_user(config: Path) -> None:
    found = target(Options(config, broker="mqtt://elsewhere"))
    assert (found.endpoint.place, found.endpoint.username, found.endpoint.password) == ("elsewhere:1883", None, None)
    assert found.device == "gate-pi"
    assert target(Options(config, username="me")).endpoint.password is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "#"}, "DEVICE: '#' is not a device's id: 1 to 32 of"),
        ({"device": "a/b"}, "DEVICE: "),
        ({"prefix": "a/+"}, "--prefix: 'a/+' is not a topic prefix"),
        ({"prefix": "a\udcff"}, "--prefix: 'a\\udcff' is not text: write it in UTF-8"),
        ({"username": "a\udcff"}, "--username: 'a\\udcff' is not text"),
        ({"broker": "broker"}, "--broker: a broker's URL begins with mqtt://"),
        ({"broker": "mqtt://u:p@h"}, "--broker: a user name or password inside the URL"),
        ({"broker": "mqtt://u:p@h"}, "take them out and give --username and --password-file"),
        ({"ca": "/nowhere/ca.pem", "broker": "mqtts://h"}, "--ca: no such file: /nowhere/ca.pem"),
        ({"insecure": True}, "--insecure: TLS is off, for the broker is mqtt://localhost:1883; write mqtts://"),
        ({"ca": __file__, "broker": "mqtt://h"}, "--ca: TLS is off"),
        ({"config": Path("/nowhere/vedette.yaml")}, "no such file; put it there, or name another with -c"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], said: str) -> None:
    assert said in complaint(**options)


def test_all_of_them_at_once() -> None:
    assert len(complaint(device="#", prefix="#", broker="x").splitlines()) == 3


def test_faults_name_the_options_where_no_config_was_given(config: Path) -> None:
    said = "check `mqtt.url`, `mqtt.username` and `mqtt.tls.ca`"
    assert target(Options()).words(said) == "check --broker, --username and --ca"
    assert target(Options(config)).words(said) == said
    assert target(Options(config, broker="mqtt://h")).words(said) == "check --broker, --username and --ca"
    assert target(Options(config, username="me")).words(said) == "check `mqtt.url`, --username and `mqtt.tls.ca`"
