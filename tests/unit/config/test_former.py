"""Keys by names of earlier releases. No key of ours has been renamed yet, so a table of its own stands for ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agent.config import schema
from agent.config.kinds import Number, Text
from agent.config.lookup import Lookup
from agent.config.nodes import compose
from agent.config.problems import ConfigError, Findings
from agent.config.reading import Given, Reading
from agent.config.sections import Field, Section

RATE = Section((Field("max", Number(0, 100), 5.0, "messages a second at most"),))
TABLE = Section(
    (
        Field("device", Text(), "", "the device's id", required=True),
        Field("detections", RATE, None, "the topic"),
        Field("health", Section((Field("interval", Number(1, 3600), 10.0, "between two"),)), None, "the topic"),
    ),
    former={
        "host": "device",
        "rate": "detections.max",
        "log.every": "health.interval",
        "health.rate": "detections.max",
    },
)


def read(text: str) -> tuple[Given, list[str]]:
    """What is read, and the warnings. Raises ConfigError."""
    findings = Findings("v.yaml")
    node = compose(text)
    assert node is not None
    given = Reading(TABLE, Path("/etc"), Lookup(Path("/etc"), findings)).section(TABLE, node, "")
    findings.raise_if_any()
    return given, [str(warning) for warning in findings.warnings]


def test_a_renamed_key_works_and_its_place_is_told() -> None:
    given, warnings = read("detections: {max: 3}\nhost: gate\n")
    assert given["device"] == "gate"
    assert warnings == [
        "v.yaml:2:1: host: is now called device; the old name still works, but please write the new one"
    ]


def test_a_key_that_went_into_a_section_works() -> None:
    given, warnings = read("device: gate\nrate: 7\n")
    assert given["detections"]["max"] == 7
    assert warnings[0].startswith("v.yaml:2:1: rate: is now called detections.max;")


@pytest.mark.parametrize("text", ["log: {every: 20}", "<<: {log: {every: 20}}", "log:\n  every: 20\nhealth: {}"])
def test_a_key_that_went_to_another_section_works(text: str) -> None:
    given, warnings = read(f"device: gate\n{text}\n")
    assert given["health"]["interval"] == 20
    assert "log.every: is now called health.interval" in warnings[0]


def test_a_key_that_left_a_section_which_still_is_there_works() -> None:
    given, _ = read("device: gate\nhealth: {interval: 20, rate: 7}\n")
    assert (given["health"]["interval"], given["detections"]["max"]) == (20, 7)


def test_the_value_is_judged_under_the_new_name_at_the_old_place() -> None:
    with pytest.raises(ConfigError) as caught:
        read("device: gate\nrate: fast\n")
    assert str(caught.value).startswith("v.yaml:2:7: detections.max: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device: a\nhost: b", "v.yaml:2:1: host is now called device, which stands in line 1, too; remove this one"),
        (
            "device: a\ndetections: {max: 3}\nrate: 7",
            "v.yaml:3:1: rate is now called detections.max, which stands in line 2, too; remove this one",
        ),
    ],
)
def test_under_both_names_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value) == message


def test_another_key_of_a_section_that_is_gone_is_unknown() -> None:
    with pytest.raises(ConfigError) as caught:
        read("device: gate\nlog: {every: 20, level: info}\n")
    assert "log: unknown key" in str(caught.value)


@pytest.mark.parametrize(
    "value", [{"host": "a"}, {"device": "a", "rate": 7}, {"device": "a", "log": {"every": 20}, "health": {"rate": 7}}]
)
def test_an_editor_takes_the_old_names_and_marks_them(value: dict[str, Any]) -> None:
    made = schema._section(TABLE)
    Draft202012Validator(made).validate(value)
    assert made["properties"]["rate"]["deprecated"] is True
    assert "detections.max" in made["properties"]["rate"]["description"]
    assert made["properties"]["health"]["properties"]["rate"]["deprecated"] is True
