"""The config, as the one who looks can read it; and whether it is what runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.tools.doctor.daemon import of_the_daemon
from agent.tools.doctor.finding import Finding
from agent.tools.show import from_afar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config import Config, Problem

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
        yield _warned(warning, file)
    yield from _another(config)


def _another(config: Config) -> Iterator[Finding]:
    """Whether the running daemon runs a config sent over MQTT in place of this file."""
    status = of_the_daemon()
    told = status.get("config") if status is not None and status.get("device") == config.device else None
    try:
        if told is not None and from_afar(told):
            text = f"this is not what runs, but {told['file']}, which came over MQTT"
            fix = "edit the config file to end that, or leave it; vedette check -c with that file looks at it"
            yield Finding("config", "warning", text, fix)
    except (LookupError, TypeError):
        return  # a status of another version


def _warned(warning: Problem, file: Path) -> Finding:
    """A warning ends with its fix, behind a semicolon."""
    seen, separator, fix = warning.message.rpartition("; ")
    if not separator:
        return Finding("config", "warning", str(warning), "change it when you edit the file next")
    where = "" if warning.file == str(file) else f" {warning.file}"
    return Finding("config", "warning", str(replace(warning, message=seen)), fix + where)


def _fix(message: str, file: Path) -> str:
    if message.startswith("no such file;"):
        return "name yours with -c FILE; sudo make install writes one to begin with"
    if "Permission denied" in message:
        return f"sudo vedette doctor; and for the service: chgrp vedette {file}, chmod 640"
    if "no secret" in message:
        return "sudo vedette doctor, if it is a credential of the service, and while that runs; else do as it says"
    return f"edit the file, and try it with vedette check -c {file}"
