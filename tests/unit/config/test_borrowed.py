"""Configs into which something was copied from a web page, a word processor or another program's config."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config, ConfigError, load, parse

CAMERA = "cameras: {gate: {source: clip.mp4}}"


def read(text: str) -> Config:
    return parse(text, "vedette.yaml", Path("/"))


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        read(text)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"mqtt: {{url: \u200bmqtt://broker}}\n{CAMERA}", "1:13: mqtt.url: begins or ends with U+200B"),
        (
            f"mqtt: {{username: u, password: hunter2\u00a0}}\n{CAMERA}",
            "1:31: mqtt.password: begins or ends with U+00A0",
        ),
        (
            "cameras:\n  gate:\n    source: clip.mp4\n\u00a0\u00a0\u00a0\u00a0fps: 3",
            "unknown key; it begins or ends with",
        ),
    ],
)
def test_a_blank_that_is_none_is_told(text: str, complaint: str) -> None:
    (said,) = complaints(text)
    assert complaint in said
    assert "hunter" not in said


def test_typographic_quotes_are_no_quotes() -> None:
    config = read(f"mqtt: {{username: u, password: \u201chunter2\u201d}}\n{CAMERA}")
    assert [warning.key for warning in config.warnings] == ["mqtt.password"]
    assert "these quotes are part of the value" in config.warnings[0].message


def test_in_quotes_everything_is_meant() -> None:
    config = read(f'name: "\u201cGate\u201d"\nmqtt: {{username: u, password: "hunter2\u00a0"}}\n{CAMERA}')
    assert (config.name, config.warnings) == ("\u201cGate\u201d", ())


@pytest.mark.parametrize(("value", "errors", "warnings"), [("x\u00a0", 1, 0), ("\u201cx\u201d", 0, 1)])
def test_so_it_is_in_the_file_of_secrets(value: str, errors: int, warnings: int, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text(f"word: {value}\n")
    (tmp_path / "secrets.yaml").chmod(0o640)
    file = tmp_path / "vedette.yaml"
    file.write_text(f"mqtt: {{username: u, password: !secret word}}\n{CAMERA}")
    try:
        found = load(file).warnings
        assert len(found) == warnings
    except ConfigError as error:
        found = error.problems
        assert len(found) == errors
    assert f"{tmp_path}/secrets.yaml:1:7: " in str(found[0])


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (f"mqtt: {{host: broker}}\n{CAMERA}", "url"),
        ("cameras: {gate: {source: clip.mp4, objects: {track: [person]}}}", "labels"),
        (
            "cameras: {gate: {source: c.mp4, zones: {a: {polygon: [[0, 0], [1, 0], [1, 1]], loitering_time: 5}}}}",
            "dwell",
        ),
    ],
)
def test_the_word_of_another_program_is_known(text: str, ours: str) -> None:
    (said,) = complaints(text)
    assert f'unknown key; did you mean "{ours}"?' in said


def test_a_key_of_everything_belongs_nowhere_in_particular() -> None:
    (said,) = complaints(f"mqtt: {{enabled: true}}\n{CAMERA}")
    assert "unknown key; known here: url" in said
