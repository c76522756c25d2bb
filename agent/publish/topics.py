"""The topic tree, version 1: `[<prefix>/]vedette/1/<device>/...`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

_LEVEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


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
