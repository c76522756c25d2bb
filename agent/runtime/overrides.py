"""What was set by command: kept over restarts, until the same key is edited in the config file."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent.keeping import keep
from agent.publish.clock import isotime

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import CameraConfig, Config

FILE = "overrides.json"
KEYS: dict[str, type] = {"enabled": bool, "confidence": float, "model": str}
"""Of a camera."""

log = logging.getLogger("vedette.commands")

Value = bool | float | str
Wanted = Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Override:
    """value: what holds. instead_of: what the file said when it was set. at: wall clock."""

    camera: str
    key: str
    value: Value
    instead_of: Value
    at: float

    @property
    def name(self) -> str:
        """As the key is called in the config."""
        return f"cameras.{self.camera}.{self.key}"


def _holds(override: Override, cameras: Mapping[str, CameraConfig]) -> bool:
    camera = cameras.get(override.camera)
    return camera is not None and getattr(camera, override.key) == override.instead_of


class Overrides:
    """Belongs to the main thread. folder: the state directory. config: as the file says."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._path = folder / FILE
        self._cameras: Mapping[str, CameraConfig] = {}
        self._held = {override.name: override for override in self._read()}
        self.use(config)

    def use(self, config: Config) -> None:
        """The file says this now: what it has changed is no longer overridden."""
        self._cameras = {camera.id: camera for camera in config.cameras}
        ended = [name for name, override in self._held.items() if not _holds(override, self._cameras)]
        for name in ended:
            log.info("%s is no longer overridden: the config has changed there", name)
            del self._held[name]
        if ended:
            self._save()

    def applied(self, config: Config, more: Wanted | None = None) -> Config:
        """With what was set by command in place of what the file says, as far as that still says the same.

        more: by camera, what shall be set beside that.
        """
        cameras = {camera.id: camera for camera in config.cameras}
        for override in self._held.values():
            if _holds(override, cameras):
                cameras[override.camera] = _with(cameras[override.camera], override.key, override.value)
        return overridden(replace(config, cameras=tuple(cameras.values())), more or {})

    def set(self, camera: str, values: Mapping[str, Value]) -> bool:
        """Whether it will outlive this run. What the file says anyway is no override."""
        for key, value in values.items():
            said: Value = getattr(self._cameras[camera], key)
            override = Override(camera, key, value, said, time.time())
            self._held.pop(override.name, None)
            if value != said:
                self._held[override.name] = override
        return self._save()

    def told(self) -> list[dict[str, Any]]:
        """For `config/status`."""
        return [
            {"key": o.name, "value": o.value, "file_value": o.instead_of, "at": isotime(o.at)}
            for o in self._held.values()
        ]

    def _read(self) -> list[Override]:
        try:
            saved = json.loads(self._path.read_text())["overrides"]
            return [
                Override(str(o["camera"]), o["key"], KEYS[o["key"]](o["value"]), KEYS[o["key"]](o["file"]), o["at"])
                for o in saved
            ]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
            log.warning("cannot read %s (%s): what was set by command is as the config says", self._path, e)
        return []

    def _save(self) -> bool:
        saved = [
            {"camera": o.camera, "key": o.key, "value": o.value, "file": o.instead_of, "at": o.at}
            for o in self._held.values()
        ]
        try:
            keep(self._path, json.dumps({"version": 1, "overrides": saved}), sync=True)
        except OSError as e:
            log.warning("cannot write %s, so what was set by command ends with this run: %s", self._path, e.strerror)
            return False
        return True


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
