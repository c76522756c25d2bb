"""What a config names beside itself: model files and backends, found and checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.config import ConfigError
from agent.publish.topics import slug
from backends import registry, store
from backends.contract import ArtifactError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config import CameraConfig, Config, Problem
    from backends.artifact import Artifact
    from backends.registry import Registered


@dataclass(frozen=True, slots=True)
class Plan:
    """One artifact and one backend per model the cameras name."""

    artifacts: Mapping[str, Artifact]
    backends: Mapping[str, Registered]


def plan(config: Config) -> Plan:
    """Finds the model files and backends; `check` and `run` share it. Raises ConfigError with all that is missing."""
    search = _Search(config, registry.discover())
    for camera in config.cameras:
        search.camera(camera)
    if search.problems:
        raise ConfigError(tuple(dict.fromkeys(search.problems)))
    return Plan(search.artifacts, search.backends)


def engine_id(backend: str, model: str) -> str:
    """The topic level of a model's engine."""
    return f"{backend}-{slug(model)}"[:32]


@dataclass(slots=True)
class _Search:
    config: Config
    known: Mapping[str, Registered]
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    backends: dict[str, Registered] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def camera(self, camera: CameraConfig) -> None:
        artifact = self._artifact(camera)
        if artifact is None:
            return
        for label in camera.labels:
            if label not in artifact.labels:
                known = ", ".join(artifact.labels[:12]) + (", ..." if len(artifact.labels) > 12 else "")
                self._problem(camera, "labels", f"{camera.model} does not know {label!r}; it knows {known}")
        try:
            backend = registry.choose(self.known, camera.backend)
        except BackendUnavailable as e:
            self._problem(camera, "backend", str(e))
            return
        other = self.backends.setdefault(camera.model, backend)
        if other.name != backend.name:
            self._problem(camera, "backend", f"{camera.model} already runs on {other.name}; one model has one order")

    def _artifact(self, camera: CameraConfig) -> Artifact | None:
        if camera.model in self.artifacts:
            return self.artifacts[camera.model]
        try:
            artifact = store.find(camera.model)
        except ArtifactError as e:
            self._problem(camera, "model", str(e))
            return None
        for model, other in self.artifacts.items():
            if engine_id("", other.name) == engine_id("", artifact.name):
                message = f"{artifact.name!r} and {model!r} look the same in MQTT's topics; rename one of the two"
                self._problem(camera, "model", message)
        self.artifacts[camera.model] = artifact
        return artifact

    def _problem(self, camera: CameraConfig, key: str, message: str) -> None:
        own = f"cameras.{camera.id}.{key}"
        found = own if own in self.config.places else key
        self.problems.append(self.config.problem(found, message))
