"""Who has asked for the detections of which camera, and until when."""

from __future__ import annotations

from agent.publish.topics import ALL


class Leases:
    """`grant` belongs to one thread; `active` may be asked on any. Times are time.monotonic()."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def grant(self, camera: str, ttl: float, now: float) -> float:
        """camera: an id, or `all`. ttl: seconds, never shorter than what others were granted; 0 ends it for all.

        The seconds that are granted now.
        """
        until = max(self._until.get(camera, 0.0), now + ttl) if ttl > 0 else now
        self._until[camera] = until
        return until - now

    def active(self, camera: str, now: float) -> bool:
        return max(self._until.get(camera, 0.0), self._until.get(ALL, 0.0)) > now
