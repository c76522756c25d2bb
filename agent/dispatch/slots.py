"""Which slots of a worker hold which job, and until when each must be answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from agent.dispatch.result import Done
from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True)
class Slots:
    """free: those the dispatcher may fill. seconds: how long a run may take."""

    seconds: float = 5.0
    free: list[int] = field(default_factory=list)
    _running: dict[int, tuple[int, float]] = field(default_factory=dict)  # slot -> (n, deadline)
    _excused: set[int] = field(default_factory=set)  # each n that was given more time

    def __len__(self) -> int:
        """How many jobs are in flight."""
        return len(self._running)

    def run(self, slot: int, n: int, now: float) -> None:
        self._running[slot] = (n, now + self.seconds)

    def overdue_now(self, slot: int, now: float) -> None:
        """It could not even be handed over."""
        self._running[slot] = (self._running[slot][0], now)

    def overdue(self, now: float) -> bool:
        """Whether the time of a job is up.

        Where that is noticed late the machine stood still, and the worker with it: the job has as much again, once.
        """
        if now < self.next_deadline():
            return False
        for slot, (n, deadline) in self._running.items():
            if now >= deadline and n not in self._excused:
                self._excused.add(n)
                self._running[slot] = (n, now + min(now - deadline, self.seconds))
        return now >= self.next_deadline()

    def allow(self, until: float) -> None:
        """What is in flight may take so long: the worker has said that it opens its device again."""
        for slot, (n, deadline) in self._running.items():
            self._running[slot] = (n, max(deadline, until))

    def take(self, slot: int, n: int) -> bool:
        """Whether an answer is to the job this slot holds; then the slot is free."""
        if self._running.get(slot, (None,))[0] != n:
            return False
        del self._running[slot]
        self._excused.discard(n)
        self.free.append(slot)
        return True

    def next_deadline(self) -> float:
        return min((deadline for _, deadline in self._running.values()), default=float("inf"))

    def lost(self, cause: str) -> list[Done]:
        """All that was in flight, as unknown; nothing is any more."""
        lost = [Done(slot, n, Unknown(cause)) for slot, (n, _) in self._running.items()]
        self.clear()
        return lost

    def clear(self) -> None:
        self._running.clear()
        self._excused.clear()
        self.free = []


def detections(rows: NDArray[np.float32], count: int, labels: int) -> Detections:
    """A copy of a slot's results: its rows of finite numbers, the confidence within 0..1.

    Raises ValueError for a class that the model has not.
    """
    found = np.array(rows[:count])
    if count and not np.isfinite(found).all():
        found = found[np.isfinite(found).all(1)]
    confidence = found[:, 4]
    scores = confidence.tolist()  # so few numbers are compared faster in Python
    if scores and not (min(scores) >= 0 and max(scores) <= 1):
        np.clip(confidence, 0, 1, out=confidence)
    class_id = found[:, 5].astype(np.int32)
    ids = class_id.tolist()
    if ids and not (min(ids) >= 0 and max(ids) < labels):
        raise ValueError(f"class {max(ids, key=abs)} from a model of {labels} labels")
    return Detections(found[:, :4], confidence, class_id)
