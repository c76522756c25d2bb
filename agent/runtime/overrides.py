"""What was set by command: kept over restarts, until the same key is edited in the config file."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent.keeping import keep
from agent.publish.clock import isotime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.config.model import CameraConfig, Config

FILE = "overrides.json"
KEYS: dict[str, type] = {"enabled": bool, "confidence": float}
"""Of a camera."""

log = logging.getLogger("vedette.commands")

Value = bool | float


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


class Overrides:
    """Belongs to the main thread. folder: the state directory. config: as the file says."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._path = folder / FILE
        self._cameras = {camera.id: camera for camera in config.cameras}
        self._held: dict[str, Override] = {}
        saved = self._read()
        for override in saved:
            camera = self._cameras.get(override.camera)
            if camera is None or getattr(camera, override.key) != override.instead_of:
                log.info("%s is no longer overridden: the config has changed there", override.name)
            else:
                self._held[override.name] = override
        if len(self._held) != len(saved):
            self._save()

    def applied(self, config: Config) -> Config:
        """With what was set by command in place of what the file says."""
        return replace(config, cameras=tuple(self._camera(camera) for camera in config.cameras))

    def _camera(self, camera: CameraConfig) -> CameraConfig:
        for override in self._held.values():
            if override.camera == camera.id:
                camera = _with(camera, override.key, override.value)
        return camera

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


def _with(camera: CameraConfig, key: str, value: Value) -> CameraConfig:
    if key == "enabled":
        return replace(camera, enabled=bool(value))
    return replace(camera, confidence=float(value))
