"""The topic tree, version 1: `[<prefix>/]vedette/1/<device>/...`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "all"
"""In place of a label: the sum of all of them. No label may have this slug."""

_LEVEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


@lru_cache(maxsize=1024)
def slug(label: str) -> str:
    """The topic level of a label: always one or more of `a-z 0-9 _ -`, the same for the same label for ever.

    Letters become lower case and lose their accents; a letter or digit of another script becomes `u` and its
    code point in hex; any run of other characters becomes one `-`, none at the ends. A label without any
    letter or digit is `x`. "Traffic light" is `traffic-light`, "Fußgänger" is `fussganger`, "人" is `u4eba`.
    """
    words: list[str] = [""]
    for char in unicodedata.normalize("NFKD", label.casefold()):
        if char in _LEVEL:
            words[-1] += char
        elif char.isalnum():
            words[-1] += f"u{ord(char):x}"
        elif not unicodedata.combining(char):
            words.append("")
    return "-".join(filter(None, words)).strip("-") or "x"


def slug_faults(labels: Iterable[str]) -> list[str]:
    """Why these labels cannot have counts of their own, for the user; empty when all is well."""
    faults: list[str] = []
    owners: dict[str, str] = {}
    for label in labels:
        level = slug(label)
        if level == ALL:
            faults.append(f"the label {label!r} would be `{ALL}` in a topic, which stands for the sum: rename it")
        elif owners.setdefault(level, label) != label:
            faults.append(f"the labels {owners[level]!r} and {label!r} would both be `{level}` in a topic: rename one")
    return faults


@dataclass(frozen=True, slots=True)
class Topics:
    """The full topics of one device. prefix: `mqtt.prefix`, may be empty or have several levels.

    Ids of cameras, engines and alerts must be valid topic levels already; the config sees to that.
    """

    prefix: str
    device: str
    root: str = field(init=False)

    def __post_init__(self) -> None:
        prefix = self.prefix.strip("/")
        root = f"vedette/1/{self.device}"
        object.__setattr__(self, "root", f"{prefix}/{root}" if prefix else root)

    @property
    def status(self) -> str:
        return f"{self.root}/status"

    @property
    def info(self) -> str:
        return f"{self.root}/info"

    @property
    def health(self) -> str:
        return f"{self.root}/health"

    @property
    def summary(self) -> str:
        return f"{self.root}/summary"

    def alert(self, code: str, subject: str) -> str:
        """subject: a camera id, an engine id or `device`."""
        return f"{self.root}/alert/{code}/{subject}"

    def camera_status(self, camera: str) -> str:
        return f"{self.root}/cam/{camera}/status"

    def camera_state(self, camera: str) -> str:
        return f"{self.root}/cam/{camera}/state"

    def engine_status(self, engine: str) -> str:
        return f"{self.root}/engine/{engine}/status"

    def detections(self, camera: str) -> str:
        return f"{self.root}/cam/{camera}/detections"

    @property
    def config_status(self) -> str:
        return f"{self.root}/config/status"

    @property
    def log(self) -> str:
        return f"{self.root}/log"

    def command(self, name: str = "+") -> str:
        """What others publish to; without a name the filter for all of them."""
        return f"{self.root}/cmd/{name}"

    @property
    def replies(self) -> str:
        """The level below which an answer may be asked for; with nothing behind it."""
        return f"{self.root}/reply"

    @property
    def events(self) -> str:
        return f"{self.root}/events"

    def count(self, camera: str, label: str, zone: str = "") -> str:
        """How many there are. label: as the model has it, or `ALL`. zone: empty for the whole picture."""
        return f"{self._place(camera, zone)}/count/{slug(label)}"

    def occupancy(self, camera: str, label: str, zone: str = "") -> str:
        """Whether somebody is there. As `count`."""
        return f"{self._place(camera, zone)}/occupancy/{slug(label)}"

    def line_count(self, camera: str, line: str, label: str) -> str:
        """What has crossed a line, by label or `ALL`."""
        return f"{self.root}/cam/{camera}/line/{line}/count/{slug(label)}"

    def snapshot(self, event_id: str) -> str:
        """The picture of one event."""
        return f"{self.root}/snapshot/{event_id}"

    def camera_snapshot(self, camera: str) -> str:
        """The latest picture of a camera."""
        return f"{self.root}/cam/{camera}/snapshot"

    def _place(self, camera: str, zone: str) -> str:
        return f"{self.root}/cam/{camera}/zone/{zone}" if zone else f"{self.root}/cam/{camera}"
