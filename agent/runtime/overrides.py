"""What was set by command: kept over restarts, until the same key is edited in the config.

An edit that came over MQTT may be taken back, and then what was set by command shall hold again: until the file is
edited, what it has ended is put aside.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from agent.atomic import StateFile, write_atomic
from agent.publish.clock import isotime

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import CameraConfig, Config

FILE = "overrides.json"
KEYS: dict[str, type] = {"enabled": bool, "confidence": float, "model": str}
"""Of a camera."""

MOST_ASIDE = 64

log = logging.getLogger("vedette.commands")

Value = bool | float | str
Wanted = Mapping[str, Mapping[str, Value]]
Way = Literal["edited", "afar", "back", "meanwhile"]
"""How a config came to be the one that runs: it stands in the file; it came over MQTT; it ran before one that did,
which is taken back; it stands in for another, which may be had again."""


@dataclass(frozen=True, slots=True)
class Override:
    """value: what holds. instead_of: what the file said when it was set. at: wall clock.

    stood: whether the key stood in the file then; None where an earlier version has kept it.
    """

    camera: str
    key: str
    value: Value
    instead_of: Value
    at: float
    stood: bool | None = None

    @property
    def name(self) -> str:
        """As the key is called in the config."""
        return f"cameras.{self.camera}.{self.key}"


def _holds(override: Override, config: Config) -> bool:
    """Whether the key says what it said. One that was written where it was left out is edited, whatever it says."""
    camera = next((camera for camera in config.cameras if camera.id == override.camera), None)
    stands = override.name in config.places
    return (
        camera is not None and getattr(camera, override.key) == override.instead_of and override.stood in {None, stands}
    )


class Overrides:
    """Belongs to the main thread. folder: the state directory. config: as it runs, without what was set by command.

    left_out: the names of those that cannot be had in this run.
    """

    def __init__(self, folder: Path, config: Config, way: Way = "edited") -> None:
        self._path = folder / FILE
        self._config = config
        self._held: dict[str, Override] = {}
        self._aside: dict[str, Override] = {}
        self.left_out: frozenset[str] = frozenset()
        StateFile(self._path, log).read(self._load, "settings made by command are lost, the config applies")
        self.use(config, way)

    def use(self, config: Config, way: Way) -> None:
        """It runs from now on: what it says otherwise is no longer overridden."""
        self._config = config
        if way == "meanwhile":
            return
        before = (self._held, self._aside)
        held = {o.name: o for o in self._holding(config, back=way == "back")}
        ended = {name: o for name, o in self._held.items() if name not in held}
        for name in ended:
            log.info("%s is no longer overridden: the config has changed there", name)
        aside = {name: o for name, o in {**self._aside, **ended}.items() if name not in held}
        kept = list(aside.items())[-MOST_ASIDE:] if way != "edited" else []
        self._held, self._aside = held, dict(kept)
        if (self._held, self._aside) != before:
            self._save()

    def _holding(self, config: Config, *, back: bool) -> list[Override]:
        """Those whose keys still say what they said. back: with those that were put aside."""
        found = {o.name: o for o in self._aside.values() if back and _holds(o, config)}
        return list({**found, **{o.name: o for o in self._held.values() if _holds(o, config)}}.values())

    @property
    def models(self) -> frozenset[str]:
        """The names of those that a device may lack the files for."""
        return frozenset(o.name for o in (*self._held.values(), *self._aside.values()) if o.key == "model")

    def applied(
        self, config: Config, more: Wanted | None = None, *, back: bool = False, without: Collection[str] = ()
    ) -> Config:
        """With what was set by command in place of what the config says, as far as that still says the same.

        more: by camera, what shall be set beside that. back: as it will be when it is gone back to. without: names.
        """
        cameras = {camera.id: camera for camera in config.cameras}
        for override in self._holding(config, back=back):
            if override.name not in without:
                cameras[override.camera] = _with(cameras[override.camera], override.key, override.value)
        return overridden(replace(config, cameras=tuple(cameras.values())), more or {})

    def set(self, camera: str, values: Mapping[str, Value]) -> bool:
        """Whether it will outlive this run. What the file says anyway is no override."""
        config = {c.id: c for c in self._config.cameras}[camera]
        for key, value in values.items():
            said: Value = getattr(config, key)
            override = Override(camera, key, value, said, time.time(), f"cameras.{camera}.{key}" in self._config.places)
            self._held.pop(override.name, None)
            self.left_out -= {override.name}
            if override.name in self._aside and self._aside[override.name].value != value:
                del self._aside[override.name]
            if value != said:
                self._held[override.name] = override
        return self._save()

    def told(self) -> list[dict[str, Any]]:
        """For `config/status`."""
        return [
            {"key": o.name, "value": o.value, "file_value": o.instead_of, "at": isotime(o.at)}
            for o in self._held.values()
            if o.name not in self.left_out and _holds(o, self._config)
        ]

    def _load(self, found: Any) -> None:
        held, aside = _loaded(found["overrides"]), _loaded(found.get("aside", []))
        self._held, self._aside = held, aside

    def _save(self) -> bool:
        body = {"version": 1, "overrides": _saved(self._held), "aside": _saved(self._aside)}
        try:
            write_atomic(self._path, json.dumps(body), sync=True)
        except OSError as e:
            log.warning("cannot write %s, so what was set by command ends with this run: %s", self._path, e.strerror)
            return False
        return True


def _loaded(saved: Any) -> dict[str, Override]:
    found = [
        Override(
            str(o["camera"]), o["key"], KEYS[o["key"]](o["value"]), KEYS[o["key"]](o["file"]), o["at"], o.get("stood")
        )
        for o in saved
    ]
    return {override.name: override for override in found}


def _saved(overrides: Mapping[str, Override]) -> list[dict[str, Any]]:
    return [
        {"camera": o.camera, "key": o.key, "value": o.value, "file": o.instead_of, "at": o.at, "stood": o.stood}
        for o in overrides.values()
    ]


def overridden(config: Config, wanted: Wanted) -> Config:
    """With these values. Raises KeyError for a camera that it does not have."""
    cameras = {camera.id: camera for camera in config.cameras}
    for camera, values in wanted.items():
        for key, value in values.items():
            cameras[camera] = _with(cameras[camera], key, value)
    return replace(config, cameras=tuple(cameras.values()))


def _with(camera: CameraConfig, key: str, value: Value) -> CameraConfig:
    if key == "enabled":
        return replace(camera, enabled=bool(value))
    if key == "model":
        return replace(camera, model=str(value))
    return replace(camera, confidence=float(value))
