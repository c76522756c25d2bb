"""Whatever a file holds, loading gives a Config or a ConfigError with readable lines."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import ConfigError, parse
from tests.support.examples import examples

WORDS = st.sampled_from(
    [
        "device",
        "name",
        "mqtt",
        "url",
        "tls",
        "ca",
        "detections",
        "publish",
        "cameras",
        "gate",
        "source",
        "rtsp://h/x",
        "clip.mp4",
        "labels",
        "zones",
        "polygon",
        "points",
        "masks",
        "0.5",
        "fps",
        "on",
        "010",
        "1e5",
        "true",
        "null",
        "~",
        "<<",
        "&a",
        "*a",
        "!secret",
        "!env",
        "HOME",
        "-",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "|",
        ">",
        "#",
        "%",
        "@",
        "!",
        "?",
        "---",
        "...",
    ]
)
YAMLISH = st.lists(st.tuples(WORDS, st.sampled_from(["", " ", ": ", "\n", "\n  ", "\n    ", "\t"])), max_size=40)


def loads(data: str | bytes) -> None:
    try:
        config = parse(data, "f.yaml", Path("/nowhere"))
    except ConfigError as error:
        problems = error.problems
    else:
        assert config.cameras
        return
    assert problems
    assert all(problem.message and "\n" not in str(problem) for problem in problems)


@settings(max_examples=examples(120))
@given(YAMLISH.map(lambda parts: "".join(word + space for word, space in parts)))
def test_yaml_like_text(text: str) -> None:
    loads(text)


@given(st.text(st.characters(), max_size=200))
def test_any_text(text: str) -> None:
    loads(text)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    loads(data)


KEYS = ["device", "backend", "engine", "mqtt", "log", "cameras", "gate", "source", "labels", "rotate"]
KEYS += ["zones", "lines", "motion", "privacy", "snapshots", "weight"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(KEYS),
    VALUES,
)
def test_any_value_under_a_key(key: str, value: object) -> None:
    import json

    text = json.dumps(value)
    loads(f"{key}: {text}")
    loads(f"cameras: {{gate: {{source: clip.mp4, {key}: {text}}}}}")
    loads(f"cameras: {{gate: {{source: clip.mp4, zones: {{{key}: {{polygon: {text}}}}}, motion: {{masks: {text}}}}}}}")
    loads(f"cameras: {{gate: {{source: clip.mp4, labels: {{{key}: {text}}}}}}}")
