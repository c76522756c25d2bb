"""Loading the config: the one way `check`, `run` and a reload take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config.build import Builder
from agent.config.document import decode, read_text
from agent.config.hashes import CUT, cut
from agent.config.lookup import Lookup
from agent.config.nodes import Mapping, Scalar, compose
from agent.config.problems import Findings, InvalidError
from agent.config.reading import Reading
from agent.config.table import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.lookup import Tagged
    from agent.config.model import Config

_EMPTY = "is empty; a config has at least `cameras:` with one camera and its source"


def load(path: Path) -> Config:
    """The config in the file `path`. Raises ConfigError with every problem found, and nothing else."""
    findings = Findings(str(path))
    try:
        text = read_text(path)
    except InvalidError as error:
        findings.error(error.place, "", error.message)
    except FileNotFoundError:
        findings.error(None, "", "no such file; put it there, or name another with -c FILE")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        findings.error(None, "", f"cannot be read: {reason}; check the path and the file's permissions")
    findings.raise_if_any()
    return _build(text, path.absolute().parent, findings)


def parse(text: str | bytes, file: str, folder: Path, granted: frozenset[Tagged] | None = None) -> Config:
    """The same for a text that is in no file. file: its name in errors; folder: where relative paths begin.

    granted: what alone may be looked up beside passwords, as `Config.tagged` of another; None: anything.
    """
    findings = Findings(file)
    try:
        text = decode(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    except InvalidError as error:
        findings.error(error.place, "", error.message)
    findings.raise_if_any()
    return _build(str(text), folder, findings, granted)


def _build(text: str, folder: Path, findings: Findings, granted: frozenset[Tagged] | None = None) -> Config:
    root = None
    try:
        root = compose(text)
        if root is None or (isinstance(root, Scalar) and root.null):
            findings.error(None, "", _EMPTY)
        elif not isinstance(root, Mapping):
            findings.error(root, "", "a config is a map: lines of `key: value`, among them `cameras:`")
    except InvalidError as error:
        findings.error(error.place, "", error.message)
    findings.raise_if_any()
    assert root is not None
    for place in cut(text, "password"):
        findings.warn(place, "password", CUT)
    reading = Reading(ROOT, folder, Lookup(folder, findings, granted))
    given = reading.section(ROOT, root, "")
    config = Builder(folder, findings, reading.entries, frozenset(reading.lookup.tagged)).config(given)
    findings.raise_if_any(config)
    return config
