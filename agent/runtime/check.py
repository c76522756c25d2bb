"""`vedette check`: the config, then what it names, as `run` would find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.runtime.pipeline import NotReady, plan

if TYPE_CHECKING:
    from pathlib import Path


def check(file: Path) -> tuple[list[str], list[str]]:
    """The config's errors and warnings, one line each, as `run` would find them; nothing is started."""
    try:
        config = load(file)
    except ConfigError as e:
        return str(e).splitlines(), []
    warnings = [str(warning) for warning in config.warnings]
    try:
        plan(config)
    except NotReady as e:
        return e.problems, warnings
    return [], warnings
