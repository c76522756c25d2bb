"""From the pipeline of one config to that of another: build what is new beside the old, see it work, then swap.

    prepare: new engines load, changed sources are opened      the old ones go on working
    poll:    until all of that works; Unfit if it does not     abort: the new ones are closed, nothing has happened
    commit:  cameras move, one frame's answer at a time        what is the same is not touched
    settled: the last answers of the old ones have been told   and they are gone

A lane keeps its scene, with its tracks, wherever the model's labels stay the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.config.difference import reopens
from agent.runtime import lanes
from agent.runtime.model_runner import recipe, runner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from concurrent.futures import Future

    from agent.capture.camera import Camera
    from agent.config import Problem
    from agent.config.model import CameraConfig, Config
    from agent.dispatch.engine import RemoteEngine
    from agent.dispatch.lane import Lane
    from agent.runtime.model_runner import ModelRunner
    from agent.runtime.pipeline import Pipeline
    from agent.runtime.plan import Plan

LONGEST_S = 900.0
"""An engine that is built on the device may take ten minutes."""
OPENING_S = 5.0
"""Beyond its `timeout`, until a camera has shown that it can be read."""
BORROWING_S = 30.0
"""What an engine is given to open a device that another has just let go of, and to load its model."""
_DEAD = frozenset({"failed", "absent", "refused"})


class Unfit(Exception):
    """The new config cannot take the old one's place. problems: why, at their keys."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Transition:
    """For the main thread. config, found: what shall run. probe: changed cameras must be seen to work before."""

    def __init__(self, pipeline: Pipeline, config: Config, found: Plan, now: float, *, probe: bool = True) -> None:
        self.config = config
        self._probe = probe
        self._pipeline = pipeline
        self._found = found
        self._until = now + LONGEST_S
        self._runners: dict[str, ModelRunner] = {}
        self._fresh: list[ModelRunner] = []
        self._cameras = {camera.id: camera for camera in config.cameras}
        self._opened: dict[str, Camera] = {}
        self._opened_at = now
        self._leaving: list[Future[Lane]] = []
        self._unwanted: list[ModelRunner] = []
        self._removed: list[str] = []
        self._moved: list[str] = []
        self._borrowed: dict[ModelRunner, float] = {}
        self._prepare()

    def _prepare(self) -> None:
        pipeline = self._pipeline
        for model in dict.fromkeys(camera.model for camera in self.config.cameras):
            wanted, running = recipe(model, self.config, self._found), pipeline.runners.get(model)
            if running is not None and running.recipe == wanted:
                self._runners[model] = running
                continue
            fresh = self._runners[model] = runner(wanted, self._found, pipeline.spawn, pipeline.report)
            self._fresh.append(fresh)
            fresh.dispatcher.start()
            fresh.dispatcher.wake()
        for camera in self.config.cameras:
            running_camera = pipeline.cameras.get(camera.id)
            if self._probe and running_camera is not None and _is_tried(running_camera, camera):
                opened = self._opened[camera.id] = lanes.source(camera, pipeline.report)
                opened.start(trial=True)

    def poll(self, now: float) -> bool:
        """Whether all that is new works. Raises Unfit when it does not, or not in time."""
        ready = [self._serves(fresh, now) for fresh in self._fresh]
        ready += [self._shows(camera, now) for camera in self._opened.values()]
        if not all(ready) and now >= self._until:
            raise Unfit(self.config.problem("model", f"it did not work within {LONGEST_S:.0f} s"))
        return all(ready)

    def _serves(self, fresh: ModelRunner, now: float) -> bool:
        ladder = fresh.dispatcher.ladder
        if ladder.serving:
            return True
        if all(rung.state in _DEAD for rung in ladder.rungs) and not self._borrows(fresh, now):
            causes = "; ".join(f"{rung.spec.program.name}: {rung.cause}" for rung in ladder.rungs)
            model = fresh.recipe.model
            own = next(f"cameras.{camera.id}.model" for camera in self.config.cameras if camera.model == model)
            key = own if own in self.config.places else "model"
            raise Unfit(
                self.config.problem(key, f"{model} does not run here: {causes}; the previous engine keeps running")
            )
        return False

    def _borrows(self, fresh: ModelRunner, now: float) -> bool:
        """Whether it is given a device that an old runner alone can hold; until it has it, nobody has.

        Only where no other engine of its own can serve meanwhile: else it has its device once the old one is gone.
        """
        since = self._borrowed.get(fresh)
        if since is not None:
            return now - since < BORROWING_S
        programs = {rung.spec.program.name for rung in fresh.dispatcher.ladder.rungs}
        holders = [
            old.dispatcher
            for old in self._not_kept()
            if any(_holds(rung, programs) for rung in old.dispatcher.ladder.rungs)
        ]
        for holder in holders:
            holder.ladder.held = True
            holder.wake()
        if holders:
            self._borrowed[fresh] = now
        return bool(holders)

    def _not_kept(self) -> list[ModelRunner]:
        return [old for old in self._pipeline.runners.values() if old not in self._runners.values()]

    def _give_back(self) -> None:
        for old in self._pipeline.runners.values():
            old.dispatcher.ladder.held = False
            old.dispatcher.wake()

    def _shows(self, camera: Camera, now: float) -> bool:
        status = camera.status(now)
        if status.state == "online":
            return True
        late = now - self._opened_at >= camera.config.timeout + OPENING_S
        if status.state == "offline" or late:
            why = status.error or "no picture came in time"
            key = f"cameras.{camera.config.id}.source"
            raise Unfit(self.config.problem(key, f"cannot be read: {why}; the camera keeps its previous source"))
        return False

    def abort(self) -> None:
        """Nothing has happened."""
        for camera in self._opened.values():
            camera.stop()
        for fresh in self._fresh:
            fresh.dispatcher.stop()
        self._pipeline.leaving += [fresh.dispatcher for fresh in self._fresh]
        self._give_back()

    def commit(self, config: Config) -> None:
        """From here on the new config is what runs. `settled` must be asked until it is.

        config: as it was to be, but for what of it was set by command meanwhile.
        """
        self.config, self._cameras = config, {camera.id: camera for camera in config.cameras}
        pipeline = self._pipeline
        self._unwanted = self._not_kept()
        self._speak()
        running = dict(pipeline.cameras)
        for name in running.keys() - self._cameras.keys():
            self._remove(name)
        for name, wanted in self._cameras.items():
            if name not in running:
                self._add(wanted)
            elif reopens(running[name].config, wanted):
                self._reopen(wanted)
            else:
                self._change(wanted)
        pipeline.runners = dict(self._runners)
        pipeline.config = self.config

    def _speak(self) -> None:
        """The new engines are told of, and the old ones no more."""
        report = self._pipeline.report
        for old in self._unwanted:
            old.relay.close()
        for fresh in self._fresh:
            fresh.relay.open(fresh.dispatcher.ladder.statuses)
        known = {engine for one in self._runners.values() for engine in one.engines}
        for engine in {engine for old in self._unwanted for engine in old.engines} - known:
            report.on_engine(engine, None)

    def _remove(self, name: str) -> None:
        view = self._pipeline.report.views[name]
        self._removed.append(name)
        camera = self._pipeline.cameras.pop(name)
        camera.stop()
        self._pipeline.places[name] = camera.place
        self._leaving.append(view.dispatcher.release(view.lane, ends=True))

    def _add(self, wanted: CameraConfig) -> None:
        camera = lanes.source(wanted, self._pipeline.report)
        self._pipeline.cameras[wanted.id] = camera
        if (place := self._pipeline.places.pop(wanted.id, None)) is not None:
            camera.resume(place)
        built = self._runners[wanted.model]
        lane = lanes.lane(wanted, built.artifact.labels, camera.mailbox, self._pipeline.state)
        self._attach(camera, lane, built)
        camera.start()

    def _reopen(self, wanted: CameraConfig) -> None:
        """Another source; who was seen in the old one has gone from view."""
        pipeline, name = self._pipeline, wanted.id
        view, old = pipeline.report.views[name], pipeline.cameras[name]
        opened = self._opened.get(name)
        camera = opened or lanes.source(wanted, pipeline.report)
        old.stop()
        if opened is not None:
            lanes.turn(opened, wanted)
        pipeline.cameras[name] = camera
        built, state = self._runners[wanted.model], pipeline.state

        def attach(_: Future[Lane]) -> None:
            # With the totals, and what was set by command, as they are now.
            lane = lanes.lane(camera.config, built.artifact.labels, camera.mailbox, state)
            lane.count_on(view.lane)
            self._attach(camera, lane, built)
            pipeline.report.tell(name)
            if opened is None:
                camera.start(after=old)
            else:
                opened.take_over(old)  # not before somebody takes its frames: the first of a file would be overtaken

        self._release(name, view.dispatcher.release(view.lane, ends=True), attach)

    def _change(self, wanted: CameraConfig) -> None:
        """The same source; perhaps other engines."""
        pipeline = self._pipeline
        view, built = pipeline.report.views[wanted.id], self._runners[wanted.model]
        if view.dispatcher is built.dispatcher:
            if view.config != wanted:
                lanes.change(view, wanted, pipeline.state)
                pipeline.report.tell(wanted.id)
            return
        camera, lane = view.camera, view.lane
        lanes.turn(camera, wanted)
        ends = view.model.labels != built.artifact.labels

        def attach(_: Future[Lane]) -> None:
            moved = lane
            if ends:
                moved = lanes.lane(camera.config, built.artifact.labels, lane.mailbox, pipeline.state)
                moved.count_on(lane)
            self._attach(camera, moved, built)
            lanes.change(pipeline.report.views[wanted.id], camera.config, pipeline.state)
            pipeline.report.tell(wanted.id)

        self._release(wanted.id, view.dispatcher.release(lane, ends=ends), attach)

    def _attach(self, camera: Camera, lane: Lane, built: ModelRunner) -> None:
        self._pipeline.report.add(camera, lane, built)
        built.dispatcher.adopt(lane)

    def _release(self, name: str, gone: Future[Lane], then: Callable[[Future[Lane]], None]) -> None:
        """then: on the old dispatch thread, between its last word of the camera and the new one's first."""
        self._moved.append(name)
        gone.add_done_callback(then)
        self._leaving.append(gone)

    def settled(self) -> bool:
        """Whether all that had to go is gone; then, once, what was theirs is taken away."""
        if not all(gone.done() for gone in self._leaving):
            return False
        self._leaving.clear()
        pipeline = self._pipeline
        for name in self._moved:  # what was set by command while they were on their way
            lanes.change(pipeline.report.views[name], pipeline.cameras[name].config, pipeline.state)
        for name in self._removed:
            pipeline.report.remove(name)
        for old in self._unwanted:
            old.dispatcher.stop()
            pipeline.leaving.append(old.dispatcher)
        self._removed, self._unwanted, self._moved = [], [], []
        return True


def _holds(rung: RemoteEngine, programs: Collection[str]) -> bool:
    return rung.serving and rung.spec.program.name in programs and bool(rung.info.get("exclusive"))


def _is_tried(running: Camera, wanted: CameraConfig) -> bool:
    """One that works shall not be given up for one that does not."""
    works = running.status(time.monotonic()).state == "online"
    return works and wanted.enabled and _beside(wanted) and reopens(running.config, wanted)


def _beside(camera: CameraConfig) -> bool:
    """Whether it can be read twice at a time, to be tried while the old one is in use, and loses nothing by that."""
    return camera.kind in {"rtsp", "http"} or (camera.kind in {"file", "folder"} and camera.pace != "max")
