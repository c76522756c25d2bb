"""From what a camera's scene says to counts and events."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from agent.perception.facts import Count, LineCount
from agent.publish import counts
from agent.publish.clock import clock_synced
from agent.publish.events import Event, TrackData, track_uid
from agent.publish.jpeg import Picture
from agent.publish.topics import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from agent.dispatch.result import Pixels
    from agent.perception.facts import Facts, Happening, Occupancy
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox import Outbox
    from agent.publish.topics import Topics
    from agent.runtime.state import SceneState
    from agent.runtime.view import View


class SceneReport:
    """One camera's; its `tell` is called on the camera's dispatch thread."""

    def __init__(self, view: View, topics: Topics, publisher: Publisher, outbox: Outbox, state: SceneState) -> None:
        self._view = view
        self._topics = topics
        self._publisher = publisher
        self._outbox = outbox
        self._state = state
        self._shown: dict[int, ref[NDArray[np.uint8]]] = {}  # track id -> the picture last told with it

    def tell(self, facts: Facts, pictures: Mapping[int, Pixels]) -> None:
        """Counts first: who hears of an event may look at them."""
        if facts.counts:
            self._publisher.retain_all([self._count(count) for count in facts.counts])
            self._state.told()
        for happening in facts.happenings:
            self._outbox.put(self._event(happening, self._picture(happening, pictures)))

    def _count(self, fact: Count | Occupancy | LineCount) -> tuple[str, bytes]:
        """Its topic and payload; what must survive a restart is noted."""
        camera, label = self._view.config.id, self._label(fact.class_id)
        topics = self._topics
        if isinstance(fact, LineCount):
            self._state.total(camera, fact.line, label, (fact.into, fact.out, fact.since))
            topic = topics.line_count(camera, fact.line, label)
            payload = counts.line_count(fact.into, fact.out, since=fact.since, at=fact.at)
        elif isinstance(fact, Count):
            if fact.class_id is not None:
                self._state.counted(camera, label)
            topic = topics.count(camera, label, fact.zone)
            payload = counts.count(fact.count, stale=fact.stale, at=fact.at)
        else:
            topic = topics.occupancy(camera, label, fact.zone)
            payload = counts.occupancy(occupied=fact.occupied, stale=fact.stale, since=fact.since)
        return topic, payload

    def _label(self, class_id: int | None) -> str:
        return ALL if class_id is None else self._view.model.labels[class_id]

    def _picture(self, happening: Happening, pictures: Mapping[int, Pixels]) -> Picture | None:
        """One that was told with an event before is told again with the last one only."""
        track, ended = happening.track.track_id, happening.kind == "track.ended"
        pixels = pictures.get(track) if happening.kind.startswith("track.") else None
        if ended:
            self._shown.pop(track, None)
        if pixels is None:
            return None
        if not ended:
            told = self._shown.get(track)
            if told is not None and told() is pixels.image:
                return None
            self._shown[track] = ref(pixels.image)
        wanted = self._view.config.snapshots
        return Picture(pixels.image, pixels.box, draw=wanted.box, max_kb=wanted.max_kb)

    def _event(self, happening: Happening, picture: Picture | None) -> Event:
        track, model = happening.track, self._view.model
        data = TrackData(
            uid=track_uid(self._outbox.epoch, track.track_id),
            track_id=track.track_id,
            label=model.labels[track.class_id],
            class_id=track.class_id,
            confidence=track.confidence,
            best_confidence=track.best_confidence,
            box=track.box,
            first_seen=track.first_seen,
            last_seen=track.last_seen,
            duration=track.duration,
            stationary=track.stationary,
            stale=track.stale,
            zones=track.zones,
            lines=track.lines,
            path=track.path,
            frame=happening.frame,
            model=model.name,
            model_rev=model.rev,
            zone=happening.zone,
            seconds=happening.seconds,
            line=happening.line,
            direction=happening.direction,
            end_reason=happening.end_reason,
        )
        kind = f"vedette.{happening.kind}"
        return Event(kind, happening.at, clock_synced(), data, self._view.config.id, picture)
