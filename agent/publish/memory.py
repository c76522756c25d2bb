"""Every retained topic that was ever published, kept over restarts, so that what is gone can be emptied."""

from __future__ import annotations

import json
import logging
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from agent.atomic import StateFile

if TYPE_CHECKING:
    from pathlib import Path

FILE = "retained.json"
RETRY_S = 5.0
MOST = 10_000
"""Topics remembered of a broker; more than any config yields."""
MOST_LEFT = 3
"""Brokers that were left of which they are remembered."""

log = logging.getLogger("vedette.mqtt")


class Memory:
    """Pure but for its file, which is written before a new topic is published. path: None to remember nothing.

    The file: topics, of the broker at `place`; others: by place, those of brokers that were left, the latest last.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else StateFile(path, log)
        self._place: str | None = None
        self._topics: dict[str, None] = {}
        self._others: dict[str, list[str]] = {}
        self._changed = False
        self._retry_at = float("-inf")
        if self._file is not None:
            self._file.read(self._load, "what was published before may stay on the broker")

    def _load(self, said: Any) -> None:
        self._topics = {str(topic): None for topic in said["topics"]}
        self._place = said.get("place")
        self._others = {str(place): list(map(str, topics)) for place, topics in said.get("others", {}).items()}

    def move(self, place: str) -> None:
        """From now on all is of the broker at this place, host and port.

        What others keep is known of it, too, for it may be one of them under another name. Of them it stays known until
        they are moved to again.
        """
        left, self._place = self._place, place
        if left in {None, place}:
            return
        self._others.pop(left, None)
        self._others[left] = list(self._topics)
        known = chain(self._others.pop(place, ()), self._topics, *self._others.values())
        self._topics = dict.fromkeys(islice(dict.fromkeys(known), MOST))
        while len(self._others) > MOST_LEFT:
            del self._others[next(iter(self._others))]
        self._changed = True

    def add(self, topic: str) -> None:
        if topic not in self._topics and len(self._topics) < MOST:
            self._topics[topic] = None
            self._changed = True

    def discard(self, topic: str) -> None:
        if topic in self._topics:
            del self._topics[topic]
            self._changed = True

    def topics(self) -> tuple[str, ...]:
        return tuple(self._topics)

    def save(self, now: float) -> None:
        """Writes what has changed; what fails is tried again some seconds later. now: time.monotonic()."""
        if self._file is None or not self._changed or now < self._retry_at:
            return
        kept = {"version": 1, "topics": list(self._topics), "place": self._place, "others": self._others}
        self._changed = not self._file.write(json.dumps(kept))
        if self._changed:
            self._retry_at = now + RETRY_S
