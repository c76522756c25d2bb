"""One model's engines, and the thread that feeds them: what a reload keeps as long as it would be built the same."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.ladder import Ladder
from agent.dispatch.spec import EngineSpec
from agent.runtime import machine
from agent.runtime.plan import engine_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.config.model import CameraConfig, Config, EngineConfig
    from agent.dispatch.lane import Lane
    from agent.dispatch.result import EngineStatus, Pixels, Result
    from agent.dispatch.worker import Spawn
    from agent.perception.facts import Facts
    from agent.runtime.plan import Plan
    from backends.artifact import Artifact
    from backends.registry.registered import Registered

_MEMORY_FOR_STANDBY = 1 << 30


@dataclass(frozen=True)
class Recipe:
    """All that engines are built from; equal recipes give equal engines.

    backend: the order that the config wants. rungs: which backend runs which files, by name: the order among those
    that are measured may change from one look to the next, and is no reason to begin anew.
    """

    model: str
    backend: tuple[str, ...]
    engine: EngineConfig
    every_frame: bool
    rungs: tuple[tuple[Registered, tuple[Artifact, ...]], ...]


class Observer(Protocol):
    """Who is told what comes of it; as of `Ladder` and `Dispatcher`."""

    def on_engine(self, engine: str, status: EngineStatus | None) -> None: ...

    def on_result(self, result: Result) -> None: ...

    def on_facts(self, camera: str, facts: Facts, pictures: Mapping[int, Pixels]) -> None: ...


class StatusRelay:
    """Tells of a runner's engines, once they are those that serve: while others still do, theirs is the word.

    Called on the dispatch thread, by the ladder; the rest is the main thread's. Of each engine the newest comes last.
    """

    def __init__(self, tell: Callable[[str, EngineStatus | None], None]) -> None:
        self._tell = tell
        self._speaks = False
        self._telling = threading.Lock()

    def __call__(self, engine: str, status: EngineStatus | None) -> None:
        with self._telling:
            if self._speaks:
                self._tell(engine, status)

    def open(self, statuses: Mapping[str, EngineStatus]) -> None:
        """From now on, and first of what the ladder has found before."""
        with self._telling:
            self._speaks = True
            for engine in list(statuses):
                self._tell(engine, statuses.get(engine))

    def close(self) -> None:
        """Nothing comes of it any more."""
        with self._telling:
            self._speaks = False


@dataclass(frozen=True, eq=False)
class ModelRunner:
    recipe: Recipe
    artifact: Artifact
    dispatcher: Dispatcher
    relay: StatusRelay

    @property
    def engines(self) -> set[str]:
        return {rung.spec.id for rung in self.dispatcher.ladder.rungs}


def recipe(model: str, config: Config, found: Plan) -> Recipe:
    own = _own(model, config)
    rungs = sorted(((rung.program, rung.artifacts) for rung in found.ladders[model]), key=lambda rung: rung[0].name)
    every_frame = all(camera.pace == "max" for camera in own)
    return Recipe(model, own[0].backend, config.engine, every_frame, tuple(rungs))


def runner(wanted: Recipe, found: Plan, spawn: Spawn, observer: Observer, lanes: Sequence[Lane] = ()) -> ModelRunner:
    """Its dispatcher is not started yet, and its relay is silent."""
    artifact = found.artifacts[wanted.model]
    options = {"mode": wanted.engine.mode, "threads": wanted.engine.threads, "every_frame": wanted.every_frame}
    specs = [
        EngineSpec(
            engine_id(rung.program.name, artifact.name), rung.program, rung.artifacts, options, expected=rung.expected
        )
        for rung in found.ladders[wanted.model]
    ]
    relay = StatusRelay(observer.on_engine)
    ladder = Ladder(specs, spawn, relay, warm=_warm(wanted.engine.standby))
    dispatcher = Dispatcher(wanted.model, ladder, lanes, observer.on_result, observer.on_facts)
    return ModelRunner(wanted, artifact, dispatcher, relay)


def _own(model: str, config: Config) -> list[CameraConfig]:
    return [camera for camera in config.cameras if camera.model == model]


def _warm(standby: str) -> bool:
    return standby == "warm" or (standby == "auto" and machine.memory().get("MemAvailable", 0) >= _MEMORY_FOR_STANDBY)
