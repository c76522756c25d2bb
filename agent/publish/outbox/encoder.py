"""From events to rows: the picture encoded, the message worded."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from agent.publish.events import Numbered, Snapshot, event_message
from agent.publish.jpeg import encode
from agent.publish.outbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.publish.events import Event
    from agent.publish.jpeg import Picture
    from agent.publish.topics import Topics

logger = logging.getLogger("vedette.outbox")


class Encoder:
    """Owned by the outbox's thread. show: takes a camera's latest picture, by topic. missed: pictures that were not."""

    def __init__(self, device: str, topics: Topics, show: Callable[[str, bytes], None]) -> None:
        self._device = device
        self._topics = topics
        self._show = show
        self._said: set[str] = set()
        self.missed: Counter[str] = Counter()
        self.pictures_until = float("inf")

    def row(self, event: Event, n: int, epoch: str, seq: int, born: float) -> Stored | None:
        """None for an event that has no words."""
        number = Numbered(epoch, seq)
        jpeg = None if event.picture is None else self._encoded(event.picture)
        snapshot = None
        if jpeg is not None:
            snapshot = Snapshot(f"snapshot/{number.id}", hashlib.sha256(jpeg).hexdigest())
        try:
            message = event_message(event, number, self._device, snapshot)
        except Exception:
            logger.exception("an event of type %s cannot be worded", event.type)
            return None
        if jpeg is not None and event.camera:
            self._show(self._topics.camera_snapshot(event.camera), jpeg)
        return Stored(n, epoch, seq, event.type, born, message, self._topics.snapshot(number.id), jpeg)

    def _encoded(self, picture: Picture) -> bytes | None:
        if time.monotonic() > self.pictures_until:
            self.missed["snapshots"] += 1
            return None
        try:
            return encode(picture)
        except Exception as error:  # noqa: BLE001 - an event must not be lost for its picture
            self.missed["snapshots"] += 1
            if str(error) not in self._said and len(self._said) < 100:
                self._said.add(str(error))
                logger.warning("no snapshot: %s", error)
            return None
