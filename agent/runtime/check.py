"""`vedette check`: the config, then what it names, as `run` would find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.runtime.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config import Problem


def check(file: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The config's errors and warnings; nothing is started."""
    warnings: tuple[Problem, ...] = ()
    try:
        config = load(file)
        warnings = config.warnings
        warnings += plan(config).warnings
    except ConfigError as e:
        return e.problems, warnings
    return (), warnings
