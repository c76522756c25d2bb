"""The outbox: numbers what happened, in one order for the whole device, and hands it to the publisher.

    any thread ─► put ─► bounded queue ─► thread "outbox": number, encode the picture, word ─► Publisher.deliver

What waits for the broker is kept in memory, in the publisher's line of events (`line.py`), so an outbox lives as
long as the daemon does, and each start is a new epoch.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.publish.clock import clock_synced
from agent.publish.events import Numbered, Snapshot, event_message, gap_event
from agent.publish.gaps import Gap
from agent.publish.jpeg import encode
from agent.publish.line import Row

if TYPE_CHECKING:
    from agent.publish.events import Event
    from agent.publish.jpeg import Picture
    from agent.publish.mqtt import Publisher
    from agent.publish.topics import Topics

QUEUE = 2000
QUEUE_PIXELS = 32 << 20
"""Bytes of pictures that may wait to be encoded; an event beyond that goes without its own."""
MAX_AGE_S = 7 * 24 * 3600.0
TURN_S = 0.5

logger = logging.getLogger("vedette.outbox")


class Outbox:
    """One thread, `outbox`. `put` may be called from any thread and never waits.

    epoch: names this outbox for as long as it lives, and is half of every event's id.
    """

    def __init__(self, device: str, topics: Topics, publisher: Publisher) -> None:
        self.epoch = secrets.token_hex(6)
        self._device = device
        self._topics = topics
        self._publisher = publisher
        self._seq = 0
        self._faults: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

        self._changed = threading.Condition()  # its lock is of everything below
        self._queue: deque[tuple[int, Event]] = deque()
        self._pixels = 0
        self._skipped = 0
        self._stopping = False
        self._pictures_until = float("inf")

    def start(self) -> None:
        self._thread.start()

    def put(self, event: Event) -> bool:
        """False when there was no room: it is counted, and told by a gap event."""
        bare = 0
        with self._changed:
            if self._stopping or len(self._queue) >= QUEUE:
                self._skipped += 1
                return False
            pixels = _pixels(event)
            if pixels and self._pixels + pixels > QUEUE_PIXELS:
                event, pixels = replace(event, picture=None), 0
                bare = 1
            self._pixels += pixels
            self._queue.append((self._skipped, event))
            self._skipped = 0
            self._changed.notify()
        if bare:
            self._publisher.miss_pictures(bare)
        return True

    def stop(self, timeout: float) -> None:
        """Hands over what was put before, within `timeout` seconds. `Publisher.stop`, which sends it, comes next.

        Once half of the time is gone, events go without their pictures.
        """
        with self._changed:
            self._stopping = True
            self._pictures_until = time.monotonic() + timeout / 2
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        ended = False
        while not ended:
            skipped, event, ended = self._next()
            try:
                if skipped:
                    self._publisher.miss("overload", Gap(self._seq + 1, self._seq + skipped, skipped))
                    self._seq += skipped
                if event is not None:
                    self._number(event)
                self._tell()
            except Exception:
                logger.exception("an event could not be handed over")

    def _next(self) -> tuple[int, Event | None, bool]:
        """How many were skipped before it, the next event if there is one in time, and whether it was the last."""
        with self._changed:
            if not self._queue and not self._stopping:
                self._changed.wait(TURN_S)
            if self._queue:
                skipped, event = self._queue.popleft()
                self._pixels -= _pixels(event)
                return skipped, event, False
            skipped, self._skipped = self._skipped, 0
            return skipped, None, self._stopping

    def _tell(self) -> None:
        untold = self._publisher.untold()
        if untold is not None:
            cause, gap = untold
            told = gap_event(gap.first, gap.last, gap.count, cause, time.time(), synced=clock_synced())
            self._number(told, gap)

    def _number(self, event: Event, gap: Gap | None = None) -> None:
        self._seq += 1
        number = Numbered(self.epoch, self._seq)
        jpeg = None if event.picture is None else self._encoded(event.picture)
        snapshot = None
        if jpeg is not None:
            snapshot = Snapshot(f"snapshot/{number.id}", hashlib.sha256(jpeg).hexdigest())
        try:
            message = event_message(event, number, self._device, snapshot)
        except Exception:
            logger.exception("an event of type %s cannot be worded", event.type)
            self._publisher.miss("invalid", Gap(self._seq, self._seq, 1))
            return
        self._publisher.deliver(
            Row(
                self._seq,
                self._topics.events,
                message,
                event.happened,
                event.happened + MAX_AGE_S,
                jpeg,
                self._topics.snapshot(number.id),
                gap,
            )
        )
        if jpeg is not None and event.camera:
            self._publisher.show(self._topics.camera_snapshot(event.camera), jpeg)

    def _encoded(self, picture: Picture) -> bytes | None:
        if time.monotonic() > self._pictures_until:
            self._publisher.miss_pictures(1)
            return None
        try:
            return encode(picture)
        except Exception as error:  # noqa: BLE001 - an event must not be lost for its picture
            self._publisher.miss_pictures(1)
            if str(error) not in self._faults and len(self._faults) < 100:
                self._faults.add(str(error))
                logger.warning("no snapshot: %s", error)
            return None


def _pixels(event: Event) -> int:
    return event.picture.image.nbytes if event.picture is not None else 0
