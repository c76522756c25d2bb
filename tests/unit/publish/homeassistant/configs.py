"""Configs and what Home Assistant would do with templates."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import Any

import jinja2
from hypothesis import strategies as st

from agent.config.model import (
    CameraConfig,
    Config,
    HomeAssistantConfig,
    LabelConfig,
    LineConfig,
    MqttConfig,
    ZoneConfig,
)
from agent.publish.homeassistant.presence import Form, Presence
from agent.publish.topics import slug_faults

UID = "a1b2"
COMMANDS = ("ping", "info", "log.tail", "replay", "stream.lease", "camera.set", "snapshot", "restart")
WHERE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
GATE = CameraConfig(
    "gate",
    "rtsp://10.0.0.7/stream",
    "rtsp",
    labels=(LabelConfig("person"),),
    zones=(ZoneConfig("porch", WHERE),),
    lines=(LineConfig("door", WHERE[:2], name="Front door"),),
)

_ID = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True).filter(lambda text: text != "all")
_NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_LABELS = st.lists(st.text(min_size=1, max_size=12), max_size=4).filter(lambda labels: not slug_faults(labels))


def presence(*cameras: CameraConfig, enabled: bool = True, form: Form = "device", **changes: Any) -> Presence:
    config = Config("pi", cameras, homeassistant=HomeAssistantConfig(enabled=enabled))
    usual: dict[str, Any] = {"models": ["person"], "engines": ["openvino-person"], "commands": COMMANDS}
    return Presence(config, UID, "1.2.3", **{**usual, "form": form, **changes})


@st.composite
def presences(draw: st.DrawFn) -> Presence:
    """Any that a valid config can make."""

    def places(kind: Any, where: Any) -> tuple[Any, ...]:
        ids = draw(st.lists(_ID, max_size=3, unique=True))
        return tuple(kind(name, where, name=draw(_NAME), labels=tuple(draw(_LABELS))) for name in ids)

    cameras, counted = [], {}
    for name in draw(st.lists(_ID, min_size=1, max_size=3, unique=True)):
        labels = draw(_LABELS)
        counted[name] = draw(_LABELS)
        rules = tuple(LabelConfig(label) for label in labels)
        zones, lines = places(ZoneConfig, WHERE), places(LineConfig, WHERE[:2])
        cameras.append(CameraConfig(name, "x", "rtsp", name=draw(_NAME), labels=rules, zones=zones, lines=lines))
    config = Config(
        draw(_ID),
        tuple(cameras),
        name=draw(_NAME),
        mqtt=MqttConfig(prefix=draw(st.sampled_from(["", "site/a"]))),
        homeassistant=HomeAssistantConfig(enabled=True, prefix=draw(st.sampled_from(["homeassistant", "a/b"]))),
    )
    return Presence(
        config,
        draw(st.from_regex("[0-9a-f]{16}", fullmatch=True)),
        "1.2.3",
        models=draw(st.lists(st.text(min_size=1, max_size=12), max_size=2)),
        engines=draw(st.lists(_ID, max_size=2, unique=True)),
        commands=draw(st.lists(st.sampled_from(COMMANDS), unique=True)),
        counted=counted,
        form=draw(st.sampled_from(["device", "entity"])),
    )


def _to_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


_ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # what is not there is a mistake
_ENVIRONMENT.filters["to_json"] = _to_json


_compiled = cache(_ENVIRONMENT.from_string)


def rendered(template: str, payload: bytes) -> str:
    """As Home Assistant does, which has more filters: value, and value_json if it is JSON."""
    names: dict[str, Any] = {"value": payload.decode()}
    with contextlib.suppress(ValueError):
        names["value_json"] = json.loads(payload)
    return _compiled(template).render(names).strip()
