"""Commands about one camera."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from agent.publish import jpeg
from agent.publish.commands.call import Refusal
from agent.runtime.commands.result import Later

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from agent.publish.commands.call import Caller
    from agent.runtime.commands.parts import Parts
    from agent.runtime.commands.result import Data

SNAPSHOT_S = 5.0
"""Within which a camera that is online has a new frame."""


def set_camera(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Data:
    """An override: it holds until the key is edited in the config file. One that says what the file says is none.

    One that was switched off when it had ended may be switched on again: it plays after the next start.
    """
    camera, enabled, confidence = arguments["camera"], arguments["enabled"], arguments["confidence"]
    source = parts.pipeline.cameras[camera]
    if enabled and source.config.enabled and source.status(time.monotonic()).state == "ended":
        raise Refusal("ended", f"the source of {camera} has ended; it plays again after a restart")
    wanted = {key: value for key, value in (("enabled", enabled), ("confidence", confidence)) if value is not None}
    kept = parts.reload.hold(camera, wanted)
    parts.pipeline.set_camera(camera, enabled, confidence)
    parts.changed()
    config = parts.pipeline.cameras[camera].config
    return {"camera": camera, "enabled": config.enabled, "confidence": config.confidence, "persistent": kept}


def snapshot(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Later:
    """The next frame as a whole, on `cam/<c>/snapshot`. What is private is black."""
    camera = arguments["camera"]
    view = parts.report.views[camera]
    state = view.camera.status(time.monotonic()).state
    if state != "online":
        raise Refusal("no_picture", f"{camera} is {state}", "error")
    picture = view.lane.requests.look()
    if picture is None:
        raise Refusal("busy", f"other snapshots of {camera} are under way")
    picture.add_done_callback(lambda _: parts.wake())
    view.dispatcher.wake()
    return Later(time.monotonic() + SNAPSHOT_S, lambda: _shown(parts, camera, picture))


def _shown(parts: Parts, camera: str, picture: Future[NDArray[np.uint8]]) -> Data | None:
    if not picture.done():
        return None
    image = picture.result()
    max_kb = parts.report.views[camera].config.snapshots.max_kb
    data = jpeg.encode(jpeg.Picture(image, max_kb=max_kb))
    topic = parts.topics.camera_snapshot(camera)
    parts.publisher.show(topic, data, at_once=True)
    height, width = image.shape[:2]
    sha256 = hashlib.sha256(data).hexdigest()
    relative = topic.removeprefix(f"{parts.topics.root}/")
    return {"camera": camera, "topic": relative, "sha256": sha256, "width": width, "height": height}


def lease(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Data:
    """For as long, the detections of a camera are published, where they are `leased`."""
    publish = parts.config.mqtt.detections.publish
    if publish == "off":
        raise Refusal("not_available", "mqtt.detections.publish is off on this device; set it to leased")
    ttl = parts.leases.grant(arguments["camera"], arguments["ttl"], time.monotonic())
    return {"camera": arguments["camera"], "ttl": ttl, "publish": publish}
