"""Runs on Home Assistant's own Python: holds discovery messages to its schemas.

stdin: a JSON list of [topic, payload]. stdout: a JSON list of complaints.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile

from homeassistant.components.mqtt import discovery
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame

LATER = {"options"}
"""Known to releases after 2024.3 only, which ignores it."""


def complaint(topic: str, payload: dict[str, object]) -> str | None:
    platform = topic.split("/")[1]
    try:
        if platform == "device":
            from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA

            DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(payload)))
            for key, component in payload["components"].items():
                if set(component) == {"platform"}:
                    continue
                body = {**component, "availability": payload["availability"], "device": payload["device"]}
                if problem := complaint(f"x/{body.pop('platform')}/x/{key}/config", body):
                    return problem
            return None
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        schema = module.DISCOVERY_SCHEMA
        kept = schema(dict(payload))
        lost = set(payload) - set(kept) - {"origin"} - LATER
        assert not lost, f"unknown options {lost}"
        assert discovery.TOPIC_MATCHER.match(topic.split("/", 1)[1]), "illegal topic"
    except Exception as error:  # noqa: BLE001 - any is a complaint
        return f"{topic}: {error!r}"
    return None


async def main() -> None:
    """Templates are checked within an instance, which need not run."""
    hass = HomeAssistant(tempfile.mkdtemp())
    if hasattr(frame, "async_setup"):
        frame.async_setup(hass)
    print(json.dumps([text for topic, payload in json.load(sys.stdin) if (text := complaint(topic, payload))]))


asyncio.run(main())
