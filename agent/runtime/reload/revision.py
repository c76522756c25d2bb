"""One text of the config, checked with all that it names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from agent.config import ConfigError, Problem, load
from agent.config.document import read_text
from agent.config.load import parse
from agent.config.lookup import SECRETS_FILE
from agent.config.problems import InvalidError
from agent.runtime.plan import plan, planned

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config import Config
    from agent.runtime.plan import Plan

Origin = Literal["file", "remote"]


@dataclass(frozen=True, slots=True)
class Revision:
    """origin: whether it stands in the config file, or came over MQTT. config, found: without what commands set."""

    text: str
    origin: Origin
    config: Config
    found: Plan

    @property
    def hash(self) -> str:
        return text_hash(self.text)

    def plan(self, applied: Config) -> Plan:
        """Of this config with what was set by command. Raises ConfigError."""
        return self.found if applied == self.config else plan(applied)


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]


def file_hash(path: Path, absent: str | None = None) -> str | None:
    """Of the file as it stands; None where it cannot be read. absent: where there is none."""
    try:
        return text_hash(read_text(path))
    except FileNotFoundError:
        return absent
    except (OSError, InvalidError):
        return None


class Written(NamedTuple):
    """Hashes of the config file and of the secrets beside it, as they stand: None where one cannot be read."""

    file: str | None
    secrets: str | None


def written(path: Path) -> Written:
    """path: of the config file."""
    return Written(file_hash(path), file_hash(path.absolute().parent / SECRETS_FILE, absent=""))


def read(path: Path) -> Revision:
    """The config file. Raises ConfigError with every problem of it, or of what it names."""
    try:
        text = read_text(path)
    except (OSError, ValueError, InvalidError):
        load(path)  # which finds the words for it
        gone = "could not be read, and a moment later it could: it is being written; save it once more"
        raise ConfigError((Problem(str(path), 0, 0, "", gone),)) from None
    return examined(text, str(path), path, "file")


def examined(text: str, name: str, path: Path, origin: Origin) -> Revision:
    """name: of the text, in errors. path: the config file, in whose folder relative paths begin. Raises ConfigError."""
    config, found = planned(lambda: parse(text, name, path.absolute().parent))
    return Revision(text, origin, config, found)
