"""The latest picture of each camera: QoS 0, retained, at most one in 10 s. Pure, without a lock."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_S = 10.0
KEPT_S = 24 * 3600.0


@dataclass(slots=True)
class _Picture:
    payload: bytes
    at: float
    sent_at: float = float("-inf")
    due: bool = True


class CameraPictures:
    """One picture per topic is kept, the newest; it is sent when its time comes, and again on every connect."""

    def __init__(self) -> None:
        self._pictures: dict[str, _Picture] = {}

    def put(self, topic: str, payload: bytes, now: float, *, at_once: bool = False) -> None:
        """at_once: somebody has asked for it and waits."""
        last = None if at_once else self._pictures.get(topic)
        self._pictures[topic] = _Picture(payload, now) if last is None else _Picture(payload, now, last.sent_at)

    def take(self, now: float) -> tuple[str, bytes, float] | None:
        """Topic, payload and seconds the broker may keep it, of one to be sent now; it counts as sent."""
        for topic, shown in list(self._pictures.items()):
            left = shown.at + KEPT_S - now
            if left <= 0:
                del self._pictures[topic]
            elif shown.due and now - shown.sent_at >= EVERY_S:
                shown.due, shown.sent_at = False, now
                return topic, shown.payload, left
        return None

    def holds(self, topic: str) -> bool:
        return topic in self._pictures

    def drop(self, topic: str) -> None:
        """It is not sent any more."""
        self._pictures.pop(topic, None)

    def lost(self) -> None:
        """The connection is gone, and nobody knows what the broker keeps: each is due again, at once."""
        for shown in self._pictures.values():
            shown.due, shown.sent_at = True, float("-inf")
