"""The config we ship: right as it is, and right with every option set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agent.config import load, parse
from agent.config.nodes import Mapping, Node, Scalar, Sequence, compose
from agent.config.sections import ById, Section
from agent.config.table import LIVE_FPS, ROOT
from agent.config.table_scene import LABEL
from agent.config.units import BYTES, SECONDS, quantity

SAMPLE = Path(__file__).parents[3] / "config" / "vedette.yaml"
# Keys whose commented value is an example, because their default is "none" or computed.
EXAMPLES = {"device", "name", "source", "username", "password", "polygon", "points"}


def full() -> str:
    """The sample with one # taken from each line that has just one."""
    lines = SAMPLE.read_text().splitlines()[1:]
    return "\n".join(re.sub(r"^( *)# ", r"\1", line) for line in lines)


def known(section: Section, path: str = "") -> dict[str, Any]:
    found = {}
    for field in section.fields:
        here = f"{path}.{field.key}".lstrip(".")
        if isinstance(field.kind, Section):
            found |= known(field.kind, here)
        elif isinstance(field.kind, ById):
            found |= known(field.kind.section, f"{here}.*")
        else:
            found[here] = field.default
    return found


def written(node: Node, path: str = "") -> dict[str, Any]:
    if not isinstance(node, Mapping):
        return {path: list(node.items) if isinstance(node, Sequence) else node}
    found: dict[str, Any] = {}
    for key, value in node.pairs:
        assert isinstance(key, Scalar)
        below = "*" if path.rpartition(".")[2] in {"cameras", "zones", "lines"} else key.text
        found |= written(value, f"{path}.{below}".lstrip("."))
    return found


def sample() -> dict[str, Any]:
    root = compose(full())
    assert root is not None
    return written(root)


def test_it_loads_as_it_is() -> None:
    config = load(SAMPLE)
    assert [camera.id for camera in config.cameras] == ["gate"]
    assert config.warnings == ()


def test_it_points_editors_to_the_schema_beside_it() -> None:
    first = SAMPLE.read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match
    assert (SAMPLE.parent / match[1]).is_file()


def test_it_loads_with_every_option_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "abcdefgh")
    monkeypatch.setenv("VEDETTE_SECRET_GATE_PASSWORD", "abcdefgh")
    config = parse(full(), "vedette.yaml", SAMPLE.parent)
    assert [camera.id for camera in config.cameras] == ["gate", "clip"]


def test_every_key_stands_in_it() -> None:
    assert set(sample()) == set(known(ROOT))


def test_each_rule_of_a_label_stands_in_its_example() -> None:
    """The map form of `labels`, which has no line of its own: the list form has it."""
    example = compose("labels: " + re.findall(r"\{person: .*\}", SAMPLE.read_text())[0])
    rules = {path.rpartition(".")[2] for path in written(example) if path.startswith("labels.person.")}
    assert rules == {field.key for field in LABEL.fields}


@pytest.mark.parametrize("key", sorted(key for key in known(ROOT) if key.rpartition(".")[2] not in EXAMPLES))
def test_what_it_shows_is_the_default(key: str) -> None:
    node, default = sample()[key], known(ROOT)[key]
    if isinstance(node, list):
        assert (node, default) == ([], ())
    elif node.null:
        assert default is None
    else:
        inherited = {"cameras.*.model": "person", "cameras.*.backend": "auto", "cameras.*.fps": LIVE_FPS}
        default = default[0] if isinstance(default, tuple) else inherited.get(key, default)
        shown: Any = node.boolean if node.boolean is not None else node.text
        assert shown == default or _value(shown) == float(default)


def _value(shown: str) -> float:
    value = quantity(shown, {**SECONDS, **BYTES})
    return float(shown) if value is None else value
