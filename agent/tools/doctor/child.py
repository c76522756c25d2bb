"""One check, in its own process: `python -m agent.tools.doctor.child CHECK CONFIG SUBJECT`.

Writes one JSON finding a line. What libraries print goes to stderr instead.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.tools.doctor import access, cameras, devices, engines, models, settings, storage, system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.config.model import Config
    from agent.tools.doctor.finding import Finding

CHECKS: dict[str, Callable[[Config | None, str], Iterator[Finding]]] = {
    "access": access.access,
    "camera": cameras.first_picture,
    "devices": devices.devices,
    "engines": engines.engines,
    "models": models.models,
    "power": lambda *_: system.power(),
    "storage": storage.storage,
}
"""By name: of the config (None where it cannot be loaded) and a subject."""


def main(check: str, file: str, subject: str) -> None:
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        for finding in _found(check, Path(file), subject):
            out.write(json.dumps(finding.masked().to_json()) + "\n")
            out.flush()


def _found(check: str, file: Path, subject: str) -> Iterator[Finding]:
    if check == "config":
        yield from settings.settings(file)
        return
    try:
        config = load(file)
    except ConfigError:
        config = None
    yield from CHECKS[check](config, subject)


if __name__ == "__main__":
    main(*sys.argv[1:])
