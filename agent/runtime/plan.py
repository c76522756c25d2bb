"""What a config names beside itself: model files and backends, found and checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from agent.config import ConfigError
from agent.config.problems import MOST, in_order
from agent.config.reading import UNKNOWN
from agent.config.suggest import did_you_mean
from agent.publish.topics import slug, slug_faults
from backends import registry
from backends.contract import ArtifactError, BackendUnavailable
from backends.models import speeds, store
from backends.registry import order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.config import CameraConfig, Config, Problem
    from backends.artifact import Artifact
    from backends.registry.order import Rung
    from backends.registry.registered import Registered

_LONGEST_ID = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """One ladder of engines per model the cameras name; its first artifact is the model itself."""

    artifacts: Mapping[str, Artifact]
    ladders: Mapping[str, tuple[Rung, ...]]
    warnings: tuple[Problem, ...] = ()


def plan(config: Config) -> Plan:
    """Finds the model files and backends; `check` and `run` share it.

    Raises ConfigError with all that is missing, up to MOST.
    """
    search = _Search(config, registry.discover())
    for camera in config.cameras:
        search.camera(camera)
    for name, backend in search.known.items():
        if backend.error:
            search.warnings.append(config.problem("backend", f"{name} is not used: {backend.error}"))
    if search.problems:
        raise search.error()
    return Plan(search.artifacts, search.ladders, tuple(search.warnings))


def planned(read: Callable[[], Config]) -> tuple[Config, Plan]:
    """The config that `read` loads, and its plan. Raises ConfigError with all that is wrong with either.

    Its `rest` is the config where only what it names is wrong.
    """
    try:
        config = read()
    except ConfigError as e:
        if e.rest is None or len(e.problems) >= MOST:
            raise
        also = _of_the_rest(e.rest, e.problems)[: MOST - len(e.problems)]
        raise ConfigError(in_order((*e.problems, *also), e.rest.file)) from None
    try:
        return config, plan(config)
    except ConfigError as e:
        raise ConfigError(e.problems, config) from None


def _of_the_rest(rest: Config, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What is wrong with what a config with mistakes names, for the cameras of whose model these leave no doubt."""
    unknown = {problem.key.rpartition(".")[0] for problem in problems if problem.message.startswith(UNKNOWN)}
    doubts = {problem.key for problem in problems} | unknown

    def sure(camera: CameraConfig) -> bool:
        own = f"cameras.{camera.id}"
        return doubts.isdisjoint({"", "model", "backend", "cameras", own, f"{own}.model", f"{own}.backend"})

    try:
        plan(replace(rest, cameras=tuple(camera for camera in rest.cameras if sure(camera))))
    except ConfigError as e:
        return e.problems
    return ()


def engine_id(backend: str, model: str) -> str:
    """The topic level of a model's engine: at most 32 characters, of which the last 8 tell long ones apart."""
    whole = f"{backend}-{slug(model)}"
    if len(whole) <= _LONGEST_ID:
        return whole
    return f"{whole[: _LONGEST_ID - 9]}-{sha256(whole.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class _Search:
    config: Config
    known: Mapping[str, Registered]
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    files: dict[str, tuple[Artifact, ...]] = field(default_factory=dict)
    ladders: dict[str, tuple[Rung, ...]] = field(default_factory=dict)
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    engines: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self) -> ConfigError:
        return ConfigError(tuple(dict.fromkeys(self.problems)))

    def camera(self, camera: CameraConfig) -> None:
        artifact = self._artifact(camera)
        if artifact is None:
            return
        self._labels(camera, artifact)
        first = self.orders.setdefault(camera.model, camera.backend)
        if first != camera.backend:
            message = (
                f"{camera.model} already runs on {', '.join(first)} for another camera, and a model has one order of "
                "backends; write the same here, or give this camera a copy of the file under another name"
            )
            self._problem(camera, "backend", message)
        elif camera.model not in self.ladders:
            self._ladder(camera)

    def _labels(self, camera: CameraConfig, artifact: Artifact) -> None:
        named = [("labels", rule.label) for rule in camera.labels]
        named += [(f"zones.{zone.id}.labels", label) for zone in camera.zones for label in zone.labels]
        named += [(f"lines.{line.id}.labels", label) for line in camera.lines for label in line.labels]
        for key, label in named:
            if label not in artifact.labels:
                hint = did_you_mean(label, artifact.labels)
                if not hint:
                    known = ", ".join(artifact.labels[:12]) + (", ..." if len(artifact.labels) > 12 else "")
                    hint = f"; it knows {known}"
                self._problem(camera, key, f"{camera.model} does not know {label!r}{hint}", entry=label)
        wanted = [rule.label for rule in camera.labels] or artifact.labels
        for fault in slug_faults(label for label in wanted if label in artifact.labels):
            self._problem(camera, "model", f"{camera.model}: {fault} in the model's sidecar")

    def _ladder(self, camera: CameraConfig) -> None:
        files = self.files[camera.model]
        try:
            fps = {name: speed.fps for name, speed in speeds.measured(files[0]).items()}
            found = order.rungs(self.known, camera.backend, files, fps)
        except BackendUnavailable as e:
            self._problem(camera, "backend", str(e))
            return
        self.ladders[camera.model] = found
        for rung in found:
            other = self.engines.setdefault(engine_id(rung.program.name, files[0].name), camera.model)
            if other != camera.model:
                message = f"{camera.model!r} and {other!r} look the same in MQTT's topics; rename one of the two"
                self._problem(camera, "model", message)
                break
        unused = [name for name in camera.backend if name != order.AUTO and name not in {r.program.name for r in found}]
        for name in unused:
            names = ", ".join(artifact.path.name for artifact in files)
            self._warning(camera, "backend", f"{name} runs none of {names}: it will not be used")
        if lost := order.no_fallback(found):
            self._warning(camera, "model", lost)

    def _artifact(self, camera: CameraConfig) -> Artifact | None:
        if camera.model in self.artifacts:
            return self.artifacts[camera.model]
        try:
            artifact, *_ = self.files[camera.model] = store.ladder(camera.model)
        except ArtifactError as e:
            self._problem(camera, "model", str(e))
            return None
        self.artifacts[camera.model] = artifact
        return artifact

    def _problem(self, camera: CameraConfig, key: str, message: str, entry: str = "") -> None:
        self.problems.append(self._at(camera, key, message, entry))
        if len(self.problems) >= MOST:
            raise self.error()

    def _warning(self, camera: CameraConfig, key: str, message: str) -> None:
        self.warnings.append(self._at(camera, key, message))

    def _at(self, camera: CameraConfig, key: str, message: str, entry: str = "") -> Problem:
        own = f"cameras.{camera.id}.{key}"
        return self.config.problem(own if own in self.config.places else key, message, entry)
