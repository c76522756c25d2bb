"""Every retained topic that was ever published, kept over restarts, so that what is gone can be emptied."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from agent.keeping import keep

if TYPE_CHECKING:
    from pathlib import Path

FILE = "retained.json"
RETRY_S = 5.0
MOST = 10_000
"""Topics remembered; more than any config yields."""

log = logging.getLogger("vedette.mqtt")


class Memory:
    """Pure but for its file, which is written before a new topic is published. path: None to remember nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._topics: dict[str, None] = {}
        self._changed = self._failed = False
        self._retry_at = float("-inf")
        if path is None:
            return
        try:
            self._topics = {str(topic): None for topic in json.loads(path.read_text())["topics"]}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError) as e:
            log.warning("cannot read %s (%s): what was published before may stay on the broker", path, e)

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
        if self._path is None or not self._changed or now < self._retry_at:
            return
        try:
            keep(self._path, json.dumps({"version": 1, "topics": list(self._topics)}))
            self._changed = self._failed = False
        except OSError as e:
            self._retry_at = now + RETRY_S
            if not self._failed:  # once, not with each topic
                log.warning("cannot write %s: %s", self._path, e.strerror)
            self._failed = True
