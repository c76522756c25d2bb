"""Which retained topics a config yields. What was published before and is none of these is emptied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.commands.allowed import allowed
from agent.publish.topics import ALL, Topics

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from agent.config.model import CameraConfig, Config


def expected(config: Config, labels: Mapping[str, Collection[str]]) -> frozenset[str]:
    """All of them but alerts and engines, which come and go. labels: by camera, those its model knows."""
    topics = Topics(config.mqtt.prefix, config.device)
    found = {topics.status, topics.info, topics.summary, topics.config_status}
    for camera in config.cameras:
        found |= set(_camera(topics, camera, labels[camera.id], pictures="snapshot" in allowed(config)))
    return frozenset(found)


def seen(config: Config, topic: str) -> bool:
    """Whether it tells how many are there, or whether anybody is: that nobody knows before the first look."""
    cameras = f"{Topics(config.mqtt.prefix, config.device).root}/cam/"
    words = topic.removeprefix(cameras).split("/")
    return topic.startswith(cameras) and len(words) > 2 and words[1] != "line" and words[-2] in {"count", "occupancy"}


def _camera(topics: Topics, camera: CameraConfig, known: Collection[str], *, pictures: bool) -> Iterator[str]:
    yield topics.camera_status(camera.id)
    yield topics.camera_state(camera.id)
    if pictures or camera.snapshots.enabled:
        yield topics.camera_snapshot(camera.id)
    wanted = {rule.label for rule in camera.labels} or set(known)

    def here(only: Collection[str]) -> list[str]:
        return [ALL, *(wanted & set(only) if only else wanted)]

    for place, only in [("", ()), *((zone.id, zone.labels) for zone in camera.zones)]:
        for label in here(only):
            yield topics.count(camera.id, label, place)
            yield topics.occupancy(camera.id, label, place)
    for line in camera.lines:
        for label in here(line.labels):
            yield topics.line_count(camera.id, line.id, label)


def comes_and_goes(config: Config, topic: str) -> bool:
    """Whether it is an alert or the status of an engine: shortly after a start nobody knows yet whether they hold."""
    root = Topics(config.mqtt.prefix, config.device).root
    return topic.startswith((f"{root}/alert/", f"{root}/engine/"))
