"""What has been announced at some time, kept over restarts, so that what is gone can be taken back."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from agent.atomic import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.publish.homeassistant.documents import Components

FILE = "homeassistant.json"
MOST_GONE = 500
"""Entities that are gone, by device: their names stay in its document, and the oldest are dropped."""

logger = logging.getLogger("vedette.homeassistant")


class Memory:
    """By discovery topic, every entity that was announced there, the oldest first."""

    def __init__(self, folder: Path) -> None:
        self._file = StateFile(folder / FILE, logger)
        self.topics: dict[str, Components] = {}
        self._file.read(self._load, "what was announced before stays in Home Assistant")

    def _load(self, saved: Any) -> None:
        topics = saved["topics"].items()
        self.topics = {str(t): {str(k): str(p) for k, p in found.items()} for t, found in topics}

    def add(self, topics: dict[str, Components]) -> None:
        """Now these are announced; what was before is kept beside them."""
        for topic, present in topics.items():
            gone = {key: p for key, p in self.topics.get(topic, {}).items() if key not in present}
            kept = list(gone.items())[-MOST_GONE:]
            self.topics[topic] = {**dict(kept), **present}
        self._save()

    def drop(self, topics: Iterable[str]) -> None:
        """These have been emptied."""
        for topic in topics:
            self.topics.pop(topic, None)
        self._save()

    def _save(self) -> None:
        text, path = json.dumps({"version": 1, "topics": self.topics}), self._file.path
        try:
            same = path.read_text() == text
        except FileNotFoundError:
            same = not self.topics
        except (OSError, ValueError):
            same = False
        if not same:
            self._file.write(text)
