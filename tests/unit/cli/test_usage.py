"""What is said to those who call it otherwise."""

from __future__ import annotations

import json
import os
import re
from argparse import Namespace
from typing import TYPE_CHECKING

import pytest

from agent import __version__
from agent.cli import main
from agent.cli.broker import target
from agent.config import Secret
from agent.runtime.startup import Unusable, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("words", "hint"), [(["check", "a.yaml"], True), (["check", "--all"], False)])
def test_a_config_is_named_by_an_option(words: list[str], hint: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"unrecognized arguments: {words[1]}" in (said := capsys.readouterr().err)
    assert ("-c FILE" in said) == hint


@pytest.mark.parametrize("words", [["tail", "gate", "--grep"], ["doctor", "--client-id"]])
def test_what_goes_to_a_broker_is_text(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, os.fsdecode(b"t\xfcr")])
    assert ended.value.code == 2
    assert "'t\\udcfcr' is not text: write it in UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["watch", "tail", "fleet"])
def test_a_password_from_the_environment_is_text(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", os.fsdecode(b"hunter\xe4"))
    assert main([verb, "gate", "--username", "me"]) == 2
    said = capsys.readouterr().err
    assert "$VEDETTE_SECRET_MQTT_PASSWORD: is not text: write it in UTF-8" in said
    assert "hunter" not in said


def test_a_password_file_may_come_from_a_windows_editor(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    names = ("config", "device", "broker", "ca", "insecure", "prefix")
    found = target(Namespace(username="me", password_file=file, **dict.fromkeys(names)))
    assert found.endpoint.password == Secret("hunter2")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where its status file is looked for."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    return tmp_path / "status.json"


@pytest.mark.parametrize("verb", ["status", "reload"])
def test_it_says_where_it_looked_for_a_daemon(verb: str, service: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb]) == 1
    assert f"there is no {service}" in capsys.readouterr().err


OURS = {
    "device": "gate-pi",
    "version": __version__,
    "boot_id": "9f1c",
    "uptime": 1.0,
    "rss": 1e8,
    "mqtt": {"connected": True},
    "outbox": {"depth": 0, "age": None},
    "cameras": {},
    "engines": {},
    "config": {"state": "ok", "running_hash": "a", "file": "v", "file_hash": "a", "errors": [], "overrides": []},
    "alerts": [],
    "reloads": 0,
}


PID = 4711
"""Whose it is does not matter: nobody is asked."""
STRANGE = [
    "",
    "[1]",
    "7",
    "{}",
    "[" * 100_000,
    *(f'{{"pid": {pid}}}' for pid in ('"1"', "true", "0", "-1", "1e99", 1 << 80, PID)),  # to -1 is to all
]


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        *((verb, text) for verb in ("status", "reload") for text in STRANGE),
        ("status", json.dumps({"pid": PID, **OURS, "cameras": 3})),
        ("status", json.dumps({"pid": PID, **OURS, "engines": {"e": {}}})),
        ("status", json.dumps({"pid": PID, **OURS, "uptime": "long"})),
        ("reload", json.dumps({"pid": PID, **OURS, "reloads": "3"})),
        ("reload", json.dumps({"pid": PID, **OURS, "config": []})),
    ],
)
def test_a_status_file_that_is_not_ours_is_named_with_the_fix(
    verb: str, text: str, service: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("somebody was signalled"))
    monkeypatch.setattr("agent.runtime.paths.runs", lambda _: True)
    service.write_text(text)
    assert main([verb]) == 1
    said = capsys.readouterr().err
    assert said == f"vedette: {service} is not a status file of vedette; restart vedette, which writes a new one\n"


def test_a_status_file_of_another_version_says_which(
    service: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.runtime.paths.runs", lambda _: True)
    service.write_text(json.dumps({"pid": os.getpid(), "version": "9.1"}))
    for verb in ("status", "reload"):
        assert main([verb]) == 1
        assert f"{service} is of vedette 9.1, not {__version__}; restart vedette" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["status", "reload"])
@pytest.mark.parametrize("state", ["none", "file/none"])
def test_a_reader_needs_no_state_directory_and_makes_none(
    verb: str, state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / state))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert main([verb]) == 1
    assert f"no vedette is running here: there is no {tmp_path / state}/status.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_state_directory_that_cannot_be_used_is_named_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file"))
    said = f"cannot use the state directory: {tmp_path}/file: File exists; make room or give"
    with pytest.raises(Unusable, match=re.escape(said)):
        run(tmp_path / "none.yaml", lambda _: None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "FILE cannot be read: No such file or directory"),
        (b"\xff\xfe", "FILE is not text; write the password into it in UTF-8"),
    ],
)
def test_a_password_file_that_cannot_be_read_is_named(
    content: bytes | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    assert main(["watch", "--username", "me", "--password-file", str(file)]) == 2
    assert capsys.readouterr().err == f"vedette: --password-file: {says.replace('FILE', str(file))}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "a", "b", "--images", ".", "--at-least", "2"], "--at-least: '2' is not a number from 0 to 1"),
        (["compare", "a", "b", "--images", ".", "--confidence", "x"], "--confidence: 'x' is not a number from 0 to 1"),
        (["export", "a.pt", "--for", "cpu", "--timeout", "-3"], "--timeout: '-3' is not a time; give seconds"),
        (["export", "a.pt", "--for", "cpu", "--timeout", "nan"], "--timeout: 'nan' is not a time; give seconds"),
    ],
)
def test_a_number_out_of_range_says_the_range(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", *words])
    assert ended.value.code == 2
    assert f"argument {says}" in capsys.readouterr().err
