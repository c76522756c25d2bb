"""The JSON Schema that editors get, and the loader, hold each other to the same table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators

from agent.config import ConfigError, parse
from agent.config.schema import as_text, json_schema
from agent.config.sections import ById, Listing, Section
from agent.config.shapes import LineKind, PolygonKind
from agent.config.table import ROOT
from tests.support.examples import examples

SHIPPED = Path(__file__).parents[3] / "config" / "vedette.schema.json"


def _pattern(_validator: object, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    """JSON Schema has ECMA's expressions, where `$` is the very end; in Python it is also before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


VALIDATOR = validators.extend(Draft202012Validator, {"pattern": _pattern})(json_schema())

# What only the loader can know, since it is about two keys, the disk, or the inside of an address.
ONLY_LOADER = (
    "needs a username",
    "TLS is off",
    "needs tls.cert",
    "no such file",
    "is for",
    "auto is an order",
    "outside",
    "address",
    "sources are not in this version",
    "without file://",
    "scheme",
    "/dev/video",
    "inside the URL",
    "home folder",
    "crosses itself",
    "no area",
    "is smaller than about 0.003",
    "in the polygon twice",
    "it needs at least 3",
    "no length",
    "cover the whole picture",
)


TRIANGLE = [[0, 0], [0.5, 0], [0.5, 0.5]]


def loader_says(config: Any) -> list[str]:
    """JSON is YAML, so what the schema judges is what the loader reads."""
    try:
        parse(json.dumps(config), "f", Path("/nowhere"))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_the_shipped_schema_is_fresh() -> None:
    assert SHIPPED.read_text() == as_text(), "run: python -m agent.config.schema > config/vedette.schema.json"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_its_patterns_are_those_of_javascript() -> None:
    """Editors check with it, and refuse a whole schema for a group named as Python does."""
    assert "(?P" not in as_text()


def with_camera(**keys: Any) -> dict[str, Any]:
    return {"cameras": {"gate": {"source": "rtsp://h/x", **keys}}}


def with_top(**keys: Any) -> dict[str, Any]:
    return {**with_camera(), **keys}


GOOD = [
    with_camera(),
    with_camera(username="u", password="p", transport="udp", timeout="5s", rotate=90, fps=0, labels=["a", "b"]),
    with_camera(backend="openvino", model=None, hwaccel="none", confidence=1),
    with_camera(backend=["a", "b"]),
    with_camera(zones={}, lines={}, labels={}, motion=None, weight=0.1),
    with_camera(zones={"a": {"polygon": TRIANGLE, "name": 1, "labels": ["x"], "dwell": "5m", "min_height": 0.1}}),
    with_camera(lines={"a": {"points": [[0, 0.5], [1, 0.5]], "reverse": True}}, regions={"enabled": True}),
    with_camera(labels={"a": None, "b": {"confidence": 0.6, "min_height": 0.05, "masks": [TRIANGLE]}}),
    with_camera(motion={"enabled": True, "masks": [TRIANGLE]}, privacy={"masks": [TRIANGLE]}),
    with_camera(snapshots={"enabled": True, "crop": False, "box": True, "max_kb": 20}),
    with_camera(source="rtsps://h/x", tls={"ca": None, "insecure": True}),
    with_top(device="gate-pi", name=12, engine={"mode": "latency", "threads": 4}, log=None),
    with_top(mqtt={"url": "mqtts://[::1]:8883/", "prefix": "a/b", "tls": {"insecure": True}, "username": 5}),
    with_top(mqtt={"detections": {"publish": "on", "max_rate": 0.5}, "reconnect_max": "500ms"}),
    with_top(health={"interval": "2m"}),
    with_top(metrics={"listen": 65535}),
]
BAD = [
    {},
    [],
    {"cameras": {}},
    {"cameras": None},
    {"cameras": {"gate": {}}},
    {"cameras": {"gate": {"source": None}}},
    {"cameras": {"Gate": {"source": "a.mp4"}}},
    {"cameras": {"all": {"source": "a.mp4"}}},
    with_camera(rotate=45),
    with_camera(rotate="90"),
    with_camera(fps=True),
    with_camera(fps="5"),
    with_camera(timeout="5 parsecs"),
    with_camera(timeout=500),
    with_camera(labels="person"),
    with_camera(labels=["a", "a"]),
    with_camera(labels=[1]),
    with_camera(backend=[None]),
    with_camera(tls={"cert": "a.pem"}),
    with_camera(confidence=1.5),
    with_camera(weight=0),
    with_camera(labels={"person": 0.6}),
    with_camera(labels={"person": {"colour": "red"}}),
    with_camera(motion=True),
    with_camera(motion={"masks": [[[0, 0], [1, 0]]]}),
    with_camera(snapshots={"max_kb": 5}),
    with_camera(zones={"Porch": {"polygon": TRIANGLE}}),
    with_camera(zones={"porch": {"polygon": [[0, 0], [413, 0], [1, 1]]}}),
    with_camera(zones={"porch": {"polygon": [0, 0, 1, 0, 1, 1]}}),
    with_camera(zones={"porch": None}),
    with_camera(zones={"porch": {"dwell": 5}}),
    with_camera(zones={f"z{i}": {"polygon": TRIANGLE} for i in range(33)}),
    with_camera(lines={"door": {"points": [[0, 0], [0.5, 0.5], [1, 1]]}}),
    with_camera(lines={"all": {"points": [[0, 0], [1, 1]]}}),
    with_camera(privacy={"masks": [TRIANGLE] * 2}),
    with_top(device="all"),
    with_top(device=42),
    with_top(engine={"threads": 1.5}),
    with_top(engine={"mode": "fast"}),
    with_camera(labels={"": None}),
    with_camera(labels={"a" * 101: None}),
    with_top(metrics={"listen": "no where"}),
    with_top(metrics={"listen": 0}),
    with_top(metrics={"listen": 65536}),
    with_top(mqtt={"url": "http://h"}),
    with_top(mqtt={"url": "mqtt://u:p@h"}),
    with_top(mqtt={"prefix": "a/+"}),
    with_top(mqtt={"prefix": ""}, nmae="x"),
    with_top(mqtt={"detections": {"publish": "lease"}}),
    with_top(mqtt={"detections": {"publish": True}}),
]


@pytest.mark.parametrize("config", GOOD, ids=json.dumps)
def test_both_take_a_good_config(config: Any) -> None:
    assert loader_says(config) == []
    assert [error.message for error in VALIDATOR.iter_errors(config)] == []


@pytest.mark.parametrize("config", BAD, ids=json.dumps)
def test_both_refuse_a_bad_config(config: Any) -> None:
    assert loader_says(config)
    assert not VALIDATOR.is_valid(config)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 400)
    | st.floats(-1, 400)
    | st.sampled_from(["mqtt://h", "mqtts://h:8883", "rtsp://h/x", "clip.mp4", "/dev/video0", "csi:0"])
    | st.sampled_from(["a/b", "x\n", "ü", "A B"])
    | st.sampled_from(
        ["", "a", "a.onnx", "all", "on", "off", "auto", "max", "tcp", "udp", "info", "latency", "5m", "7d", "90"]
    )
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values for a key: mostly of its form, now and then of another."""
    if isinstance(kind, Section):
        return sections(kind) | SCALARS
    if isinstance(kind, ById):
        return st.dictionaries(st.sampled_from(["gate", "yard", "Bad"]), sections(kind.section), max_size=2)
    if isinstance(kind, Listing):
        several = st.lists(values(kind.item), max_size=2) | SCALARS
        if kind.named is None:
            return several
        return several | st.dictionaries(st.sampled_from(["person", "a"]), sections(kind.named), max_size=2)
    if isinstance(kind, (PolygonKind, LineKind)):
        return st.lists(st.lists(st.sampled_from([0, 0.25, 0.5, 1, 413]), min_size=2, max_size=2), max_size=4) | SCALARS
    return SCALARS


def sections(section: Section) -> st.SearchStrategy[Any]:
    required = {field.key: values(field.kind) for field in section.fields if field.required}
    optional = {field.key: values(field.kind) for field in section.fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional)


@settings(max_examples=examples(120), deadline=None)
@given(sections(ROOT))
def test_they_agree_on_any_config(config: Any) -> None:
    problems = loader_says(config)
    if VALIDATOR.is_valid(config):
        assert [problem for problem in problems if not any(words in problem for words in ONLY_LOADER)] == []
    else:
        assert problems
