"""What has been announced at some time, kept over restarts, so that what is gone can be taken back."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from agent.atomic import write_atomic

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
        self._path = folder / FILE
        self.topics: dict[str, Components] = {}
        try:
            saved = json.loads(self._path.read_text())["topics"]
            self.topics = {str(t): {str(k): str(p) for k, p in found.items()} for t, found in saved.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
            logger.warning("cannot read %s (%s): what was announced before stays in Home Assistant", self._path, e)

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
        text = json.dumps({"version": 1, "topics": self.topics})
        try:
            exists = self._path.exists()
            if (self.topics or exists) and not (exists and self._path.read_text() == text):
                write_atomic(self._path, text)
        except (OSError, ValueError) as e:
            logger.warning("cannot write %s: %s", self._path, e)
