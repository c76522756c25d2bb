"""The config, as the one who looks can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.runtime.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST = 10


def settings(file: Path) -> Iterator[Finding]:
    try:
        config = load(file)
    except ConfigError as error:
        for problem in error.problems[:_MOST]:
            yield Finding("config", "failed", str(problem), _fix(problem.message, file))
        if len(error.problems) > _MOST:
            yield Finding("config", "failed", f"and {len(error.problems) - _MOST} more", f"vedette check -c {file}")
        return
    count = "1 camera" if len(config.cameras) == 1 else f"{len(config.cameras)} cameras"
    yield Finding("config", "ok", f"{file}: device {config.device}, {count}")
    for warning in config.warnings:
        yield Finding("config", "warning", str(warning), "change it when you edit the file next")


def _fix(message: str, file: Path) -> str:
    if "Permission denied" in message:
        return f"sudo vedette doctor; and for the service: chgrp vedette {file}, chmod 640"
    if "no secret" in message:
        return "sudo vedette doctor, if it is a credential of the service, and while that runs; else do as it says"
    return f"edit the file, and try it with vedette check -c {file}"
