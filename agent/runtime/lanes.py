"""From a camera's config to its source and its way through a dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.dispatch.gallery import Gallery
from agent.dispatch.lane import Lane
from agent.dispatch.requests import Tuning
from agent.perception.scene import Scene
from agent.runtime.scenes import line_totals, scene_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.model import CameraConfig
    from agent.runtime.report import Report
    from agent.runtime.state import SceneState
    from agent.runtime.view import View

_FLOOR = 0.1


def source(config: CameraConfig, report: Report) -> Camera:
    """Its thread is not started yet, and its mailbox wakes nobody."""
    return Camera(config, Mailbox(lambda: None, wait=config.pace == "max"), report.on_camera)


def lane(config: CameraConfig, labels: Sequence[str], mailbox: Mailbox, state: SceneState) -> Lane:
    """labels: the model's, by class id."""
    wanted = tuning(config, labels, state)
    scene = Scene(wanted.settings, state.ids(), wanted.totals)
    gallery = None if wanted.crop is None else Gallery(crop=wanted.crop, private=wanted.private)
    live = config.pace != "max"
    one = Lane(config.id, mailbox, scene, wanted.fps, live, wanted.floor, wanted.weight, wanted.private, gallery)
    one.resting = wanted.resting
    return one


def tuning(config: CameraConfig, labels: Sequence[str], state: SceneState) -> Tuning:
    """What of the lane may change while it runs."""
    return Tuning(
        settings=scene_settings(config, labels, state.labels(config.id)),
        totals=line_totals(state.totals(config.id), labels),
        fps=config.fps,
        floor=min([_FLOOR, config.confidence, *(r.confidence for r in config.labels if r.confidence is not None)]),
        weight=config.weight,
        private=config.privacy,
        crop=config.snapshots.crop if config.snapshots.enabled else None,
        resting=not config.enabled,
    )


def turn(camera: Camera, config: CameraConfig) -> None:
    """What of the source itself may change while it is read; for the main thread, where that switches it."""
    camera.change(config)
    if camera.enabled != config.enabled:
        camera.enable(config.enabled)


def change(view: View, config: CameraConfig, state: SceneState) -> None:
    """The camera has another config now, whose source is the same."""
    view.config = config
    turn(view.camera, config)
    view.lane.requests.tune(tuning(config, view.model.labels, state))
    view.dispatcher.wake()
