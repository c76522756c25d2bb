"""What goes into a bug report, and what never does."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config import ConfigError, load
from agent.tools.doctor import bundle as bundles
from agent.tools.doctor.bundle import bundle
from agent.tools.doctor.config_copy import clean, config_copy
from tests.support.secrets import forget

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=9, max_size=24).filter(
    lambda text: not text.startswith("!")
)
WHOLE = """\
device: gate-pi
mqtt:
  url: mqtts://gate-pi:{0}@broker.lan
  username: gate-pi
  password: {1}  # before: {2}
  tls: {{ca: /etc/ca.pem}}
cameras:
  gate:
    source: rtsp://viewer:{0}@10.0.0.7/stream2
    password: {1}
    pasword: {2}
    zones: {{porch: {{polygon: [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0]], labels: [person]}}}}
  yard: {{source: /dev/video0, password: !secret yard}}
"""


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    forget(monkeypatch)
    (tmp_path / "state").mkdir(exist_ok=True)


def contents(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name.removeprefix("vedette-doctor/"): held.read().decode() for name, held in files.items() if held}


def copied(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "vedette.yaml"
    file.write_text(text)
    return config_copy(file).get("config")


def test_what_it_holds(tmp_path: Path) -> None:
    config, target = tmp_path / "vedette.yaml", tmp_path / "report.tar.gz"
    config.write_text("mqtt: {password: abracadabra}\ncameras: {gate: {source: rtsp://10.0.0.7/}}")
    (tmp_path / "state/status.json").write_text('{"device": "gate", "said": "abracadabra"}')
    target.write_text("an older one")
    target.chmod(0o644)
    held = bundle(target, config, {"ok": True, "findings": [{"text": "abracadabra"}]})
    files = contents(target)
    assert list(files) == held
    assert {"doctor.json", "config.json", "versions.json", "board.json", "status.json"} <= set(files)
    assert "abracadabra" not in "".join(files.values())
    assert json.loads(files["status.json"]) == {"device": "gate", "said": "***"}
    assert "numpy" in json.loads(files["versions.json"])["packages"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_secrets_beside_the_config_are_known_though_it_does_not_name_them(tmp_path: Path) -> None:
    config, target = tmp_path / "vedette.yaml", tmp_path / "report.tar.gz"
    config.write_text("cameras: 7")
    (tmp_path / "secrets.yaml").write_text("gate: open-sesame\nyard: xyzzy-plugh")
    bundle(target, config, {"findings": ["open-sesame", "xyzzy-plugh"]})
    assert json.loads(contents(target)["doctor.json"]) == {"findings": ["***", "***"]}


def test_a_long_log_is_cut_at_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_LARGEST", 2000)
    target = tmp_path / "report.tar.gz"
    bundle(target, tmp_path / "none.yaml", {"lines": [f"line {number}" for number in range(1000)]})
    text = contents(target)["doctor.json"]
    assert text.startswith("(cut)\n")
    assert "line 999" in text
    assert len(text) <= 2006


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        bundle(target, tmp_path / "none.yaml", {})
    assert list(tmp_path.glob(".folder*")) == []
    with pytest.raises(FileNotFoundError):
        bundle(tmp_path / "missing" / "report", tmp_path / "none.yaml", {})


def test_a_command_that_hangs_or_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_SECONDS", 0.2)
    assert bundles._said("sleep", "60") == ""
    assert bundles._said("no-such-command") == ""


def test_what_is_shown_of_a_config(tmp_path: Path) -> None:
    assert copied(tmp_path, WHOLE.format("hunter2-a", "hunter2-b", "hunter2-c")) == {
        "device": "gate-pi",
        "mqtt": {
            "url": "mqtts://***@broker.lan",
            "username": "gate-pi",
            "password": "***",
            "tls": {"ca": "/etc/ca.pem"},
        },
        "cameras": {
            "gate": {
                "source": "rtsp://***@10.0.0.7/stream2",
                "password": "***",
                "pasword": "***",
                "zones": {"porch": {"polygon": [["0.1", "0.5"], ["0.9", "0.5"], ["0.9", "1.0"]], "labels": ["person"]}},
            },
            "yard": {"source": "/dev/video0", "password": "!secret yard"},
        },
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mqtt: hunter2", {"mqtt": "***"}),
        ("mqtt: {password: [hunter2]}", {"mqtt": {"password": ["***"]}}),
        ("mqtt: {password: {a: hunter2}}", {"mqtt": {"password": {"a": "***"}}}),
        ("mqtt: {password: 1234}", {"mqtt": {"password": "***"}}),
        ("nobody: [1, knows]", {"nobody": ["***", "***"]}),
        ("log: {level: }", {"log": {"level": None}}),
        ("a: &a [1, &b [*a, 2]]\nc: !env X", None),
        ("- hunter2", ["***"]),
        ("hunter2", "***"),
        ("", None),
    ],
)
def test_what_nobody_knows_is_masked(tmp_path: Path, text: str, shown: object) -> None:
    assert copied(tmp_path, text) == shown or "hunter2" not in str(copied(tmp_path, text))


def test_a_bomb_of_aliases_stays_small(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert len(json.dumps(copied(tmp_path, "\n".join(lines)))) < 400_000


def test_a_config_that_is_no_yaml_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "vedette.yaml"
    file.write_text("mqtt: {password: hunter2\n  : [")
    assert "hunter2" not in str(config_copy(file))
    assert "cannot be read" in config_copy(file)["left_out"]
    assert "No such file" in config_copy(tmp_path / "none")["left_out"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "rtspsrc location=rtsp://h/ user-id=me user-pw=hunter2 ! fakesink",
            "rtspsrc location=rtsp://h/ user-id=me user-pw=*** ! fakesink",
        ),
        ("line 3: password: hunter2, token=hunter3", "line 3: password: ***, token=***"),
        ("rtsp://me:hunter2@h/", "rtsp://***@h/"),
    ],
)
def test_words_that_passwords_follow(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_what_looks_like_a_password_for_long_is_looked_through_once() -> None:
    assert clean(f"{'pass' * 100_000}- token=abracadabra").endswith("- token=***")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secrets=st.lists(SECRETS, min_size=3, max_size=3, unique=True), broken=st.booleans())
def test_no_planted_secret_is_ever_in_it(tmp_path: Path, secrets: list[str], broken: bool) -> None:
    """In the config, in a comment, under a key with a slip of the pen, and in what other files quote of it."""
    in_url, password, put_aside = secrets
    quoted = [
        json.dumps(in_url)[1:-1],
        yaml.dump(password, allow_unicode=True, width=1000).partition("\n...")[0].strip(),
    ]
    config, target = tmp_path / "vedette.yaml", tmp_path / "report.tar.gz"
    url = "".join(char if char.isalnum() else "_" for char in quoted[0])
    config.write_text(WHOLE.format(url, quoted[1], "p" + "".join(c for c in put_aside if c.isalnum()) + "qqqqqqqq"))
    if not broken:
        config.write_text(config.read_text().replace("    pasword", "    # pasword").replace("!secret yard", "null"))
    try:
        load(config)
    except ConfigError as error:
        said = str(error)
    else:
        said = ""
    (tmp_path / "state/status.json").write_text(json.dumps({"error": f"refused {password}", "said": said}))
    bundle(target, config, {"findings": [f"{password} is wrong", f"rtsp://me:{password}@h/", said]})
    everything = "".join(contents(target).values())
    assert password not in everything
    assert json.dumps(password)[1:-1] not in everything
    assert url not in everything
    assert "qqqqqqqq" not in everything
